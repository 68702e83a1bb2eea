//! IDX, the format MNIST is published in: a big-endian header with type and shape, then the bytes.
//!
//! <https://web.archive.org/web/2022/http://yann.lecun.com/exdb/mnist/>, "THE IDX FILE FORMAT".

mod pairs;

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::content::{Content, DEFLATE_MOST_BYTES_PER_BYTE, FETCH_AGAIN, Packing, Sniffed, broken_off};
use super::{Format, Result};
use crate::error::Error;
use crate::files::SharedBytes;

pub(super) const FORMAT: Format = Format { name: "idx", is_in: pairs::is_in, survey: pairs::survey, read: pairs::read };

/// Images or labels in a file that we agree to read: 2^31, so that an index fits everywhere.
pub const MAX_COUNT: u64 = 1 << 31;
/// Bytes of images or labels in a packed file that we agree to read: 1 GiB, over twenty times MNIST. What a raw file claims is held
/// against its length, and images in it are mapped, not read: it may be larger than memory.
pub const MAX_PACKED_BYTES: u64 = 1 << 30;
/// Of unsigned bytes, the only element type images and labels come in.
const UNSIGNED_BYTE: u8 = 0x08;
/// Element types of the format, with what to call them.
const ELEMENTS: &[(u8, &str)] = &[
    (UNSIGNED_BYTE, "unsigned bytes"),
    (0x09, "signed bytes"),
    (0x0b, "16-bit integers"),
    (0x0c, "32-bit integers"),
    (0x0d, "32-bit floats"),
    (0x0e, "64-bit floats"),
];

/// What an IDX file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Three dimensions: images, rows, columns.
    Images,
    /// One dimension.
    Labels,
}

/// What the header of an IDX file says, held against the file's real length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the file holds.
    pub kind: Kind,
    /// Number of images or labels, at least one.
    pub count: usize,
    /// Height and width of an image, in pixels, not zero; (1, 1) for labels.
    pub size: (usize, usize),
}

/// An IDX file read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// What the header says.
    pub header: Header,
    /// `count` x height x width bytes; those of images in a raw file are mapped.
    pub elements: SharedBytes,
}

impl Header {
    /// Bytes after the header. Cannot overflow: checked when the header was read.
    fn bytes(&self) -> usize {
        self.count * self.size.0 * self.size.1
    }

    /// The header as it stands in the file.
    fn to_bytes(self) -> Vec<u8> {
        let (dims, count, (height, width)) = (self.kind.dims(), self.count, self.size);
        let sizes = [count, height, width].into_iter().take(dims.into());
        let sizes = sizes.flat_map(|size| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
        [0, 0, UNSIGNED_BYTE, dims].into_iter().chain(sizes).collect()
    }
}

impl Kind {
    /// What a file that starts so claims to hold, if it is one of the two.
    fn of(start: &[u8]) -> Option<Self> {
        [Self::Images, Self::Labels].into_iter().find(|kind| start.starts_with(&[0, 0, UNSIGNED_BYTE, kind.dims()]))
    }

    fn dims(self) -> u8 {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }

    /// Magic number and a size for each dimension, four bytes each.
    fn header_bytes(self) -> usize {
        4 + 4 * usize::from(self.dims())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }
}

impl Idx {
    /// SHA-256 of the file's unpacked content, 64 hexadecimal digits.
    pub fn sha256(&self) -> String {
        let digest = Sha256::new().chain_update(self.header.to_bytes()).chain_update(&*self.elements).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads the images or labels in `path`, gzip or not, to the last byte. Images that are not packed are mapped into memory, and
/// read from the disk as they are looked at.
///
/// # Errors
/// [`Error::Data`] if the file is not that, or not whole; [`Error::Io`] if the system does not let us read it.
/// What the header claims was held against the file's length before anything is allocated.
pub fn read(path: &Path, kind: Kind) -> Result<Idx> {
    let mut content = Content::open(path).map_err(|error| broken_off(path, 0, error))?;
    let start = read_up_to(&mut content, kind.header_bytes(), path)?;
    if let Some(other) = Kind::of(&start).filter(|&other| other != kind) {
        return Err(wrong_kind(path, kind, other.name()));
    }
    let (packing, bytes) = (content.packing, content.bytes);
    let header =
        Claim { path, start: &start, packing, bytes }.header().unwrap_or_else(|| Err(not_idx(path, &start)))?;
    let whole = header.bytes() + start.len();
    if kind == Kind::Images
        && let Some(file) = content.map(path)
    {
        if file.len() != whole {
            return Err(wrong_length(path, whole, file.len()));
        }
        return Ok(Idx { header, elements: file.slice(start.len()..whole) });
    }
    let elements = read_up_to(&mut content, header.bytes(), path)?;
    if elements.len() < header.bytes() {
        return Err(wrong_length(path, whole, elements.len() + start.len()));
    }
    if !read_up_to(&mut content, 1, path)?.is_empty() {
        return Err(wrong_length(path, whole, "more"));
    }
    Ok(Idx { header, elements: elements.into() })
}

/// The next `bytes` of `content`, fewer where it ends. Memory is touched only as content arrives.
fn read_up_to(content: &mut Content, bytes: usize, path: &Path) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    let outcome = match buffer.try_reserve_exact(bytes) {
        Ok(()) => content.take(bytes as u64).read_to_end(&mut buffer),
        Err(error) => Err(error.into()),
    };
    outcome.map_err(|error| broken_off(path, buffer.len(), error))?;
    Ok(buffer)
}

/// The header of a file of which only the first bytes were read. None if it does not even start like IDX.
fn header_of(file: &Sniffed) -> Option<Result<Header>> {
    Claim { path: &file.path, start: &file.start, packing: file.packing, bytes: file.bytes }.header()
}

/// What a file says about itself, not yet believed.
struct Claim<'a> {
    path: &'a Path,
    /// Its first bytes, unpacked.
    start: &'a [u8],
    packing: Packing,
    /// Its length on disk, in bytes.
    bytes: u64,
}

impl Claim<'_> {
    fn header(&self) -> Option<Result<Header>> {
        let magic = *self.start.first_chunk::<4>()?;
        let known = |element| ELEMENTS.iter().any(|&(code, _)| code == element);
        match magic {
            [0, 0, element, dims] if known(element) => Some(self.believe(element, dims)),
            [1..=3, element, 0, 0] if known(element) => Some(Err(Error::data(
                self.path,
                "magic number",
                "00 00 08 03 (images) or 00 00 08 01 (labels)",
                hex(&magic),
                LITTLE_ENDIAN,
            ))),
            _ => None,
        }
    }

    fn believe(&self, element: u8, dims: u8) -> Result<Header> {
        if element != UNSIGNED_BYTE {
            let found = ELEMENTS.iter().find(|&&(code, _)| code == element).map_or("another", |&(_, name)| name);
            let remedy = "convert the file to unsigned bytes, 0 to 255";
            return Err(Error::data(self.path, "element type", "unsigned bytes", found, remedy));
        }
        let kind = match dims {
            3 => Kind::Images,
            1 => Kind::Labels,
            _ => {
                let remedy = "convert the file to gray images or plain labels";
                return Err(Error::data(self.path, "dimensions", "3 (images) or 1 (labels)", dims, remedy));
            }
        };
        self.believe_sizes(kind, self.sizes(kind)?)
    }

    /// Count, height and width as the header has them; 1 for what labels do not have.
    fn sizes(&self, kind: Kind) -> Result<[u32; 3]> {
        let mut sizes = [1; 3];
        let fields = self.start.get(4..kind.header_bytes()).ok_or_else(|| {
            Error::data(self.path, "header", format!("{} bytes", kind.header_bytes()), self.start.len(), FETCH_AGAIN)
        })?;
        for (size, field) in sizes.iter_mut().zip(fields.as_chunks().0) {
            *size = u32::from_be_bytes(*field);
        }
        Ok(sizes)
    }

    fn believe_sizes(&self, kind: Kind, sizes: [u32; 3]) -> Result<Header> {
        let [count, height, width] = sizes.map(u64::from);
        if count == 0 || height == 0 || width == 0 {
            let found = show(kind, sizes);
            return Err(Error::data(self.path, "number of elements", "at least one", found, FETCH_AGAIN));
        }
        let remedy = if self.fits(kind, sizes.map(u32::swap_bytes)) { LITTLE_ENDIAN } else { FETCH_AGAIN };
        if count > MAX_COUNT {
            return Err(Error::data(self.path, "number of elements", format!("at most {MAX_COUNT}"), count, remedy));
        }
        match elements(sizes) {
            Some(bytes) if bytes <= self.most_bytes() => self.check_length(kind, sizes, bytes, remedy)?,
            _ => {
                let found = show(kind, sizes);
                let expected = format!("at most {} bytes", self.most_bytes());
                return Err(Error::data(self.path, "size", expected, found, remedy));
            }
        }
        let [count, height, width] = sizes.map(|size| size as usize); // their product fits
        Ok(Header { kind, count, size: (height, width) })
    }

    /// Bytes of elements that we agree to: of a raw file, as many as it turns out to have.
    fn most_bytes(&self) -> u64 {
        match self.packing {
            Packing::Raw => isize::MAX as u64,
            Packing::Gzip => MAX_PACKED_BYTES,
        }
    }

    /// Holds `bytes` of elements against the file: exactly if it is raw, by what gzip can do if it is packed.
    fn check_length(&self, kind: Kind, sizes: [u32; 3], bytes: u64, remedy: &'static str) -> Result<()> {
        let whole = bytes + kind.header_bytes() as u64;
        let expected = match self.packing {
            Packing::Raw if self.bytes != whole => format!("{whole} bytes for {}", show(kind, sizes)),
            Packing::Gzip if self.bytes.saturating_mul(DEFLATE_MOST_BYTES_PER_BYTE) < whole => {
                let least = whole / DEFLATE_MOST_BYTES_PER_BYTE;
                format!("over {least} bytes of gzip for {}", show(kind, sizes))
            }
            _ => return Ok(()),
        };
        Err(Error::data(self.path, "length of the file", expected, format!("{} bytes", self.bytes), remedy))
    }

    /// True if `sizes` would be right for the file; for a hint about the byte order, not for a decision.
    fn fits(&self, kind: Kind, sizes: [u32; 3]) -> bool {
        let sizes = if kind == Kind::Labels { [sizes[0], 1, 1] } else { sizes };
        let in_range = |bytes: &u64| (1..=self.most_bytes()).contains(bytes);
        elements(sizes).filter(in_range).is_some_and(|bytes| self.check_length(kind, sizes, bytes, "").is_ok())
    }
}

/// What to do about a header whose numbers only make sense backwards.
const LITTLE_ENDIAN: &str = "the header is little-endian: write it big-endian, as IDX has it";

/// Product of the sizes, unless it overflows.
fn elements(sizes: [u32; 3]) -> Option<u64> {
    sizes.map(u64::from).into_iter().try_fold(1, u64::checked_mul)
}

fn show(kind: Kind, [count, height, width]: [u32; 3]) -> String {
    match kind {
        Kind::Images => format!("{count} images of {height}x{width}"),
        Kind::Labels => format!("{count} labels"),
    }
}

impl std::fmt::Display for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (height, width) = self.size;
        match self.kind {
            Kind::Images => write!(f, "{} images of {height}x{width}", self.count),
            Kind::Labels => write!(f, "{} labels", self.count),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn not_idx(path: &Path, start: &[u8]) -> Error {
    let found = if start.is_empty() { "an empty file".to_owned() } else { hex(start.get(..4).unwrap_or(start)) };
    let expected = "00 00 08 03 (images) or 00 00 08 01 (labels)";
    Error::data(path, "magic number", expected, found, FETCH_AGAIN)
}

fn wrong_kind(path: &Path, kind: Kind, found: impl std::fmt::Display) -> Error {
    let remedy = "give the files their own names, or fetch them with scripts/fetch-data.sh";
    Error::data(path, "content", kind.name(), found, remedy)
}

fn wrong_length(path: &Path, expected: usize, found: impl std::fmt::Display) -> Error {
    let expected = format!("{expected} bytes");
    Error::data(path, "length of the content", expected, found, FETCH_AGAIN)
}
