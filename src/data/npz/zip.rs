//! Just enough of zip to find and unpack what is in an `.npz`: stored or deflated, 64-bit sizes or not.
//!
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>; section numbers refer to it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use crate::data::content::{DEFLATE_MOST_BYTES_PER_BYTE, FETCH_AGAIN, broken_off};
use crate::error::{Error, Result, shown};

/// Entries of an archive that we agree to look at.
const MAX_ENTRIES: u64 = 1 << 10;
/// Bytes of an entry that we agree to unpack: a gibibyte of pixels, and room for a header.
const MAX_BYTES: u64 = (1 << 30) + (1 << 16);
/// End of central directory record, 4.3.16, and the longest comment after it.
const END_BYTES: u64 = 22;
const COMMENT_BYTES: u64 = 0xffff;

const END: u32 = 0x0605_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END_64: u32 = 0x0606_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;

/// An entry of the central directory, its sizes not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    offset: u64,
}

pub(super) struct Zip<'a> {
    path: &'a Path,
    file: File,
    bytes: u64,
    pub entries: Vec<Entry>,
}

/// Little-endian numbers from the front of a slice; none beyond its end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|number| number as u16)
    }

    fn u32(&mut self) -> Option<u32> {
        self.number(4).map(|number| number as u32)
    }
}

impl<'a> Zip<'a> {
    /// Reads the directory at the end of `path`.
    pub fn open(path: &'a Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| broken_off(path, 0, error))?;
        let bytes = file.metadata().map_err(|error| broken_off(path, 0, error))?.len();
        let mut zip = Self { path, file, bytes, entries: Vec::new() };
        let tail_at = bytes.saturating_sub(END_BYTES + COMMENT_BYTES);
        let tail = zip.read_at(tail_at, bytes - tail_at)?;
        let (count, size, offset) = zip.directory(&tail, tail_at)?;
        if count > MAX_ENTRIES {
            return Err(Error::data(
                zip.path,
                "entries",
                format!("at most {MAX_ENTRIES}"),
                count,
                "keep the arrays only",
            ));
        }
        let directory = zip.read_at(offset, size)?;
        let mut fields = Fields(&directory);
        for _ in 0..count {
            let entry = entry(&mut fields).ok_or_else(|| zip.damaged("directory"))?;
            zip.entries.push(entry);
        }
        Ok(zip)
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::data(self.path, what, "that of a whole zip archive", "another", FETCH_AGAIN)
    }

    /// `count` bytes from `offset` on, which must be in the file: nothing is reserved for a claim beyond it.
    fn read_at(&mut self, offset: u64, count: u64) -> Result<Vec<u8>> {
        if offset.checked_add(count).is_none_or(|end| end > self.bytes) || count > self.bytes {
            let found = format!("{count} bytes from byte {offset} on");
            return Err(Error::data(
                self.path,
                "archive",
                format!("places in its {} bytes", self.bytes),
                found,
                FETCH_AGAIN,
            ));
        }
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| (&mut self.file).take(count).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 == count => Ok(bytes),
            Ok(_) => Err(self.damaged("length")),
            Err(error) => Err(broken_off(self.path, 0, error)),
        }
    }

    /// Number of entries of the directory, its length and place, by the record at the file's end (4.3.14 to 4.3.16).
    fn directory(&mut self, tail: &[u8], tail_at: u64) -> Result<(u64, u64, u64)> {
        let is_end = |&at: &usize| {
            let mut end = Fields(tail.get(at..).unwrap_or_default());
            let starts = end.u32() == Some(END) && end.take(16).is_some();
            starts && end.u16().is_some_and(|comment| usize::from(comment) == end.0.len())
        };
        let at = (0..tail.len().saturating_sub(21)).rev().find(is_end).ok_or_else(|| self.damaged("end"))?;
        let mut end = Fields(tail.get(at + 8..).unwrap_or_default());
        let numbers = || Some((end.number(4)? & 0xffff, end.number(4)?, end.number(4)?));
        let (count, size, offset) = { numbers }().ok_or_else(|| self.damaged("end"))?;
        if offset != 0xffff_ffff && size != 0xffff_ffff && count != 0xffff {
            return Ok((count, size, offset));
        }
        let locator = at.checked_sub(20).and_then(|at| tail.get(at..)).unwrap_or_default();
        let mut locator = Fields(locator);
        if locator.u32() != Some(END_64_LOCATOR) {
            return Err(self.damaged("end"));
        }
        let place = (locator.take(4).is_some()).then(|| locator.number(8)).flatten();
        let place = place.filter(|&place| place < tail_at + at as u64).ok_or_else(|| self.damaged("end"))?;
        let record = self.read_at(place, 56)?;
        let mut record = Fields(&record);
        let mut numbers = || {
            let known = record.u32()? == END_64;
            record.take(28)?;
            let (count, size, offset) = (record.number(8)?, record.number(8)?, record.number(8)?);
            known.then_some((count, size, offset))
        };
        numbers().ok_or_else(|| self.damaged("end"))
    }

    /// Unpacks `entry`, whose claims are held against the file first, and its checksum against its content.
    pub fn unpack(&mut self, entry: &Entry) -> Result<Vec<u8>> {
        let bytes = self.unpack_up_to(entry, entry.unpacked.saturating_add(1))?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != entry.unpacked || crc.sum() != entry.crc {
            let found = format!("{} bytes with another checksum or length", bytes.len());
            return Err(Error::data(self.path, "content of an entry", "what the directory says", found, FETCH_AGAIN));
        }
        Ok(bytes)
    }

    /// The first `count` bytes of `entry`, or all it has, its checksum not looked at.
    pub fn unpack_up_to(&mut self, entry: &Entry, count: u64) -> Result<Vec<u8>> {
        let Entry { method, packed, unpacked, .. } = *entry;
        if entry.flags & 1 != 0 || !matches!(method, 0 | 8) {
            let found = if entry.flags & 1 != 0 { "encrypted".to_owned() } else { format!("method {method}") };
            return Err(Error::data(
                self.path,
                "packing",
                "stored or deflated",
                found,
                "save it with numpy.savez_compressed",
            ));
        }
        let possible = if method == 0 { packed } else { packed.saturating_mul(DEFLATE_MOST_BYTES_PER_BYTE) };
        if unpacked > MAX_BYTES || unpacked > possible || (method == 0 && packed != unpacked) || packed > self.bytes {
            let expected = format!("at most {} unpacked bytes", possible.min(MAX_BYTES));
            let found = format!("{unpacked} bytes of {}, packed in {packed}", shown(&entry.name));
            return Err(Error::data(self.path, "size of an entry", expected, found, FETCH_AGAIN));
        }
        let local = self.read_at(entry.offset, 30)?;
        let mut local = Fields(&local);
        let known = local.u32() == Some(LOCAL) && local.take(22).is_some();
        let lengths = (local.u16(), local.u16());
        let (true, (Some(name), Some(extra))) = (known, lengths) else {
            return Err(self.damaged("header of an entry"));
        };
        if self.read_at(entry.offset + 30, name.into())? != entry.name.as_bytes() {
            return Err(self.damaged("name of an entry"));
        }
        let content = entry.offset + 30 + u64::from(name) + u64::from(extra);
        if content.checked_add(packed).is_none_or(|end| end > self.bytes) {
            return Err(self.damaged("place of an entry"));
        }
        self.file.seek(SeekFrom::Start(content)).map_err(|error| broken_off(self.path, 0, error))?;
        let packed_bytes = BufReader::new((&mut self.file).take(packed));
        let outcome = match method {
            0 => at_most(packed_bytes, count, unpacked),
            _ => at_most(DeflateDecoder::new(packed_bytes), count, unpacked),
        };
        outcome.map_err(|error| broken_off(self.path, 0, error))
    }
}

/// The first `count` bytes of `reader`, in memory for as many as are `likely`.
fn at_most(reader: impl Read, count: u64, likely: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count.min(likely) as usize)?;
    reader.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The next entry of the directory (4.3.12), with the 64-bit numbers of its extra field (4.5.3).
fn entry(fields: &mut Fields) -> Option<Entry> {
    let known = fields.u32()? == CENTRAL;
    fields.take(4)?; // versions
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.take(4)?; // time
    let (crc, mut packed, mut unpacked) = (fields.u32()?, fields.number(4)?, fields.number(4)?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.take(8)?; // disk, attributes
    let mut offset = fields.number(4)?;
    let name = String::from_utf8_lossy(fields.take(name.into())?).into_owned();
    let mut extra = Fields(fields.take(extra.into())?);
    fields.take(comment.into())?;
    while let (Some(id), Some(length)) = (extra.u16(), extra.u16()) {
        let mut field = Fields(extra.take(length.into())?);
        if id == 1 {
            for number in [&mut unpacked, &mut packed, &mut offset] {
                if *number == 0xffff_ffff {
                    *number = field.number(8)?;
                }
            }
        }
    }
    known.then_some(Entry { name, flags, method, crc, packed, unpacked, offset })
}
