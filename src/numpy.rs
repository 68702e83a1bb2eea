//! NumPy arrays in a zip archive (`.npz`), deflated, no time in it: the same arrays, the same bytes.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// 1980-01-01, the first day zip knows.
const NO_TIME: u32 = 0x0021_0000;

/// What an array is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Bytes.
    U8,
    /// Single precision, little-endian.
    F32,
}

impl Element {
    /// What NumPy calls it.
    fn descr(self) -> &'static str {
        match self {
            Self::U8 => "|u1",
            Self::F32 => "<f4",
        }
    }
}

/// An archive as it is written. It holds up to 4 GiB and 65,535 arrays: zip's limits.
pub struct Archive<'w> {
    out: &'w mut dyn Write,
    directory: Vec<u8>,
    offset: u32,
    count: u16,
}

impl<'w> Archive<'w> {
    /// An empty one, to be written to `out`.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Self { out, directory: Vec::new(), offset: 0, count: 0 }
    }

    /// The next array, in C order.
    pub fn array(&mut self, name: &str, element: Element, shape: &[usize], data: &[u8]) -> io::Result<()> {
        let name = format!("{name}.npy");
        let entry = Entry::new(&name, element, shape, data)?;
        self.out.write_all(b"PK\x03\x04")?;
        self.out.write_all(&entry.common)?;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(&entry.packed)?;
        self.directory.extend([&b"PK\x01\x02\x14\0"[..], &entry.common, &[0; 10], &self.offset.to_le_bytes()].concat());
        self.directory.extend(name.as_bytes());
        let end = self.offset as usize + 4 + entry.common.len() + name.len() + entry.packed.len();
        self.offset = size(end)?;
        self.count += 1;
        Ok(())
    }

    /// Ends the archive with its directory.
    pub fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.directory)?;
        self.out.write_all(b"PK\x05\x06\0\0\0\0")?;
        self.out.write_all(&[self.count, self.count].map(u16::to_le_bytes).concat())?;
        self.out.write_all(&[self.directory.len() as u32, self.offset].map(u32::to_le_bytes).concat())?;
        self.out.write_all(&[0, 0])
    }
}

/// `(60000, 28, 28)`; of one number `(6,)`, for `(6)` is none to Python.
fn tuple(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    if sizes.len() == 1 { format!("({},)", sizes[0]) } else { format!("({})", sizes.join(", ")) }
}

fn size(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::other("a zip archive holds 4 GiB at most"))
}

struct Entry {
    /// What the header of an entry and the directory both have.
    common: Vec<u8>,
    packed: Vec<u8>,
}

impl Entry {
    /// The array as `.npy`, version 1: its elements begin at a multiple of 64.
    fn new(name: &str, element: Element, shape: &[usize], data: &[u8]) -> io::Result<Self> {
        let (descr, shape) = (element.descr(), tuple(shape));
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let length = (10 + header.len() + 1).next_multiple_of(64) - 11;
        let header = format!("{header:<length$}\n");
        let start = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        let (mut crc, mut packed) = (Crc::new(), DeflateEncoder::new(Vec::new(), Compression::default()));
        for part in [&start, data] {
            crc.update(part);
            packed.write_all(part)?;
        }
        let packed = packed.finish()?;
        let sizes = [crc.sum(), size(packed.len())?, size(start.len() + data.len())?].map(u32::to_le_bytes);
        let mut common = [20_u16, 0, 8].map(u16::to_le_bytes).concat(); // version 2.0, no flags, deflate
        common.extend(NO_TIME.to_le_bytes());
        common.extend(sizes.as_flattened());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        Ok(Self { common, packed })
    }
}
