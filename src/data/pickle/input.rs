//! The bytes of a pickle, one after the other, unpacked.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::data::content::{Content, DEFLATE_MOST_BYTES_PER_BYTE, FETCH_AGAIN, Packing, broken_off};
use crate::error::{Error, Result};

/// Bytes of a pickle that we agree to unpack. MNIST takes 220 MB; text of protocol 0, six characters for a zero, 1.2 GB.
const MAX_STREAM: u64 = 2 << 30;
/// Bytes of a pickle's strings that we agree to keep: MNIST as 64-bit floats.
const MAX_KEPT: u64 = 512 << 20;

pub(super) struct Input<'a> {
    pub path: &'a Path,
    reader: BufReader<Content>,
    /// Bytes read so far.
    pub offset: u64,
    /// The most bytes that can be in the file.
    end: u64,
    kept: u64,
}

impl<'a> Input<'a> {
    pub fn open(path: &'a Path) -> Result<Self> {
        let content = Content::open(path).map_err(|error| broken_off(path, 0, error))?;
        let end = match content.packing {
            Packing::Raw => content.bytes,
            Packing::Gzip => content.bytes.saturating_mul(DEFLATE_MOST_BYTES_PER_BYTE),
        };
        let reader = BufReader::with_capacity(1 << 16, content);
        Ok(Self { path, reader, offset: 0, end: end.min(MAX_STREAM), kept: 0 })
    }

    pub fn refuse(
        &self,
        what: &'static str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
        remedy: &'static str,
    ) -> Error {
        let found = format!("{found} before byte {}", self.offset);
        Error::data(self.path, what, expected, found, remedy)
    }

    fn too_short(&self) -> Error {
        self.refuse("content", "a whole pickle", "the end", FETCH_AGAIN)
    }

    /// Whether all was read.
    pub fn is_at_end(&mut self) -> Result<bool> {
        let rest = self.reader.fill_buf().map_err(|error| broken_off(self.path, self.offset as usize, error))?;
        Ok(rest.is_empty())
    }

    pub fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            let buffer = self.reader.fill_buf().map_err(|error| broken_off(self.path, self.offset as usize, error))?;
            match buffer.first() {
                Some(&first) => *byte = first,
                None => return Err(self.too_short()),
            }
            self.reader.consume(1);
            self.offset += 1;
            if self.offset > MAX_STREAM {
                return Err(self.refuse("size", format!("at most {MAX_STREAM} bytes"), "more", SPLIT_IT));
            }
        }
        Ok(bytes)
    }

    /// Counts `bytes` that are about to be kept.
    pub fn keep(&mut self, bytes: u64) -> Result<()> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MAX_KEPT {
            let found = format!("{} bytes", self.kept);
            return Err(self.refuse("size of its strings", format!("at most {MAX_KEPT} bytes"), found, SPLIT_IT));
        }
        Ok(())
    }

    /// The next `count` bytes. The claim is held against the file before anything is reserved, and memory is touched
    /// only as content arrives.
    pub fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        self.keep(count)?;
        if count > self.end.saturating_sub(self.offset) {
            let found = format!("a string of {count} bytes");
            return Err(self.refuse("length of a string", "what the file can hold", found, FETCH_AGAIN));
        }
        let mut bytes = Vec::new();
        let outcome = match bytes.try_reserve_exact(count as usize) {
            Ok(()) => self.reader.by_ref().take(count).read_to_end(&mut bytes),
            Err(error) => Err(error.into()),
        };
        self.offset += bytes.len() as u64;
        outcome.map_err(|error| broken_off(self.path, self.offset as usize, error))?;
        if (bytes.len() as u64) < count { Err(self.too_short()) } else { Ok(bytes) }
    }

    /// The text up to the next line feed, at most 200 bytes of printable ASCII.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                byte @ b' '..=b'~' if line.len() < 200 => line.push(char::from(byte)),
                _ => return Err(self.refuse("a line", "at most 200 printable characters", "others", FETCH_AGAIN)),
            }
        }
    }

    /// A Python string in quotes, up to the end of its line, its escapes undone (protocol 0, opcode STRING).
    pub fn quoted(&mut self) -> Result<Vec<u8>> {
        let damaged = |input: &Self| input.refuse("a string", "a Python string in quotes", "another", FETCH_AGAIN);
        let quote = self.byte()?;
        if !matches!(quote, b'\'' | b'"') {
            return Err(damaged(self));
        }
        let mut bytes = Vec::new();
        loop {
            let byte = match self.byte()? {
                byte if byte == quote => break,
                b'\n' => return Err(damaged(self)),
                b'\\' => match self.byte()? {
                    b'x' => self.hex(2)? as u8,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    byte @ (b'\\' | b'\'' | b'"') => byte,
                    _ => return Err(damaged(self)),
                },
                byte => byte,
            };
            self.keep(1)?;
            bytes.push(byte);
        }
        if self.byte()? == b'\n' { Ok(bytes) } else { Err(damaged(self)) }
    }

    /// A text up to the end of its line, in raw-unicode-escape (protocol 0, opcode UNICODE).
    pub fn escaped(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            let c = match self.byte()? {
                b'\n' => return Ok(text),
                b'\\' => match self.byte()? {
                    b'u' => char::from_u32(self.hex(4)?),
                    b'U' => char::from_u32(self.hex(8)?),
                    _ => None,
                },
                byte => Some(char::from(byte)), // Latin-1
            };
            let c = c.ok_or_else(|| self.refuse("a text", "\\u escapes only", "another", FETCH_AGAIN))?;
            self.keep(c.len_utf8() as u64)?;
            text.push(c);
        }
    }

    fn hex(&mut self, digits: usize) -> Result<u32> {
        (0..digits).try_fold(0, |number, _| {
            let digit = char::from(self.byte()?).to_digit(16);
            let digit = digit.ok_or_else(|| self.refuse("an escape", "hexadecimal digits", "others", FETCH_AGAIN))?;
            Ok(number << 4 | digit)
        })
    }
}

/// What to do about a pickle that is too large for us.
const SPLIT_IT: &str = "convert it to .npz, or keep fewer images";
