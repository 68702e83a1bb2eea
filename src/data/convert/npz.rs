//! NumPy arrays in a zip archive, deflated, no time in it: the same data, the same bytes.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::named;
use crate::data::Splits;

/// 1980-01-01, the first day zip knows.
const NO_TIME: u32 = 0x0021_0000;

pub(super) fn write(splits: &Splits, out: &mut dyn Write) -> io::Result<()> {
    let (height, width) = splits.train.size();
    let (mut directory, mut offset, mut count) = (Vec::new(), 0_u32, 0_u16);
    for (split, images) in named(splits, ["train", "val", "test"]) {
        let shape = format!("({}, {height}, {width})", images.len());
        for (name, shape, data) in [
            (format!("x_{split}.npy"), shape, &*images.images()),
            (format!("y_{split}.npy"), format!("({},)", images.len()), images.labels()),
        ] {
            let entry = Entry::new(&name, &shape, data)?;
            out.write_all(b"PK\x03\x04")?;
            out.write_all(&entry.common)?;
            out.write_all(name.as_bytes())?;
            out.write_all(&entry.packed)?;
            directory.extend([&b"PK\x01\x02\x14\0"[..], &entry.common, &[0; 10], &offset.to_le_bytes()].concat());
            directory.extend(name.as_bytes());
            offset += (4 + entry.common.len() + name.len() + entry.packed.len()) as u32; // at most 2 GiB of data
            count += 1;
        }
    }
    out.write_all(&directory)?;
    out.write_all(b"PK\x05\x06\0\0\0\0")?;
    out.write_all(&[count, count].map(u16::to_le_bytes).concat())?;
    out.write_all(&[directory.len() as u32, offset].map(u32::to_le_bytes).concat())?;
    out.write_all(&[0, 0])
}

struct Entry {
    /// What the header of an entry and the directory both have.
    common: Vec<u8>,
    packed: Vec<u8>,
}

impl Entry {
    /// The array of bytes of this shape as `.npy`, version 1: its elements begin at a multiple of 64.
    fn new(name: &str, shape: &str, data: &[u8]) -> io::Result<Self> {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        let length = (10 + header.len() + 1).next_multiple_of(64) - 11;
        let header = format!("{header:<length$}\n");
        let start = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        let (mut crc, mut packed) = (Crc::new(), DeflateEncoder::new(Vec::new(), Compression::default()));
        for part in [&start, data] {
            crc.update(part);
            packed.write_all(part)?;
        }
        let packed = packed.finish()?;
        let sizes = [crc.sum(), packed.len() as u32, (start.len() + data.len()) as u32].map(u32::to_le_bytes);
        let mut common = [20_u16, 0, 8].map(u16::to_le_bytes).concat(); // version 2.0, no flags, deflate
        common.extend(NO_TIME.to_le_bytes());
        common.extend(sizes.as_flattened());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        Ok(Self { common, packed })
    }
}
