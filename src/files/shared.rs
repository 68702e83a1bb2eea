//! Bytes that many hold and nobody writes: in memory, or in a file that is mapped into it.
//!
//! The one `unsafe` outside [`linalg`](crate::linalg): that a mapped file is a slice of bytes that stays as it is, no compiler can
//! see. A crate that calls it safe would only hide the sentence.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// A range of bytes that are never written. A clone or a slice of them is another view of the same.
#[derive(Clone)]
pub struct SharedBytes {
    memory: Arc<Memory>,
    range: Range<usize>,
}

enum Memory {
    Owned(Vec<u8>),
    Mapped(MappedFile),
}

/// A file whose pages the system reads when they are asked for, and gives up when memory is short: it may be larger than memory.
struct MappedFile {
    bytes: Mmap,
    file: File,
    path: PathBuf,
    /// When it was mapped.
    stamp: Stamp,
}

/// What changes with the content of a file: its length in bytes, and when it was last written where the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    written: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), written: metadata.modified().ok() }
    }
}

impl SharedBytes {
    /// All bytes of `file`, which lies at `path`, without reading them.
    ///
    /// What is written to the file afterwards shows in them; [`require_unchanged`](Self::require_unchanged) notices. A file that is cut short
    /// takes them away: looking at them then ends the process (SIGBUS). A new file that is renamed over the old one, as downloads
    /// and [`write_atomically`](super::write_atomically) have it, changes nothing.
    ///
    /// # Errors
    /// The system's: some file systems cannot map files.
    pub fn map(file: File, path: &Path) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        let bytes = map(&file)?;
        let (range, path) = (0..bytes.len(), path.to_owned());
        Ok(Self { memory: Arc::new(Memory::Mapped(MappedFile { bytes, file, path, stamp })), range })
    }

    /// The bytes `range` of these.
    ///
    /// # Panics
    /// If `range` goes beyond their end.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let range = self.range.start + range.start..self.range.start + range.end;
        assert!(range.start <= range.end && range.end <= self.range.end, "{range:?} is not within {:?}", self.range);
        Self { memory: Arc::clone(&self.memory), range }
    }

    /// The bytes, to be written: a copy, unless all of them are held by nobody else.
    pub fn into_vec(self) -> Vec<u8> {
        let Self { memory, range } = self;
        match Arc::try_unwrap(memory) {
            Ok(Memory::Owned(bytes)) if range == (0..bytes.len()) => bytes,
            Ok(memory) => memory.bytes()[range].to_vec(),
            Err(memory) => memory.bytes()[range].to_vec(),
        }
    }

    /// Whether they are a file's: such bytes take no memory that anything else asks for.
    pub fn is_mapped(&self) -> bool {
        matches!(*self.memory, Memory::Mapped(_))
    }

    /// Holds a mapped file against what it was when it was mapped; bytes in memory are what they were.
    ///
    /// # Errors
    /// [`Error::Data`] if the file was written meanwhile: what was computed from it is of no one content.
    pub fn require_unchanged(&self) -> Result<()> {
        match &*self.memory {
            Memory::Owned(_) => Ok(()),
            Memory::Mapped(mapped) => mapped.require_unchanged(),
        }
    }
}

impl Memory {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(mapped) => &mapped.bytes,
        }
    }
}

impl MappedFile {
    fn require_unchanged(&self) -> Result<()> {
        let remedy = "leave the file alone while it is in use: put a new one in its place by renaming, and start again";
        let mismatch =
            |found: String| Error::data(&self.path, "file in use", "the file as it was opened", found, remedy);
        let now = self.file.metadata().map_err(|error| mismatch(error.to_string()))?;
        match Stamp::of(&now) {
            now if now == self.stamp => Ok(()),
            now if now.length != self.stamp.length => {
                Err(mismatch(format!("{} bytes where {} were", now.length, self.stamp.length)))
            }
            _ => Err(mismatch("one that was written since".to_owned())),
        }
    }
}

/// All of `file`, to be read only.
#[allow(unsafe_code, reason = "see the module")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the slice is valid and never written by us. That nobody else writes the file meanwhile cannot be had from an operating
    // system; if somebody does, bytes change that are only ever pixels (every byte is a valid one; lengths and labels were read
    // before, elsewhere), and `require_unchanged` tells. A file that is cut short ends the process, and with it every use of the slice.
    unsafe { Mmap::map(file) }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory.bytes()[self.range.clone()]
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { memory: Arc::new(Memory::Owned(bytes)), range }
    }
}

impl PartialEq for SharedBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedBytes {}

/// Their number: they are millions.
impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if matches!(*self.memory, Memory::Owned(_)) { "in memory" } else { "mapped" };
        write!(f, "{} bytes {held}", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A file of these bytes, mapped, and the file to write to.
    fn mapped(content: &[u8]) -> (SharedBytes, File, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pixels");
        let mut file = File::create_new(&path).unwrap();
        file.write_all(content).unwrap();
        (SharedBytes::map(File::open(&path).unwrap(), &path).unwrap(), file, folder)
    }

    #[test]
    fn a_mapped_file_and_a_vector_of_its_bytes_are_the_same_to_all_who_look() {
        let (mapped, _, _folder) = mapped(b"0123456789");
        for bytes in [SharedBytes::from(b"0123456789".to_vec()), mapped] {
            assert_eq!(*bytes, *b"0123456789");
            let part = bytes.slice(2..7);
            assert_eq!((&*part, &*part.slice(1..3), part.slice(5..5).len()), (&b"23456"[..], &b"34"[..], 0));
            assert_eq!(part.clone().into_vec(), b"23456");
            drop(bytes);
            assert_eq!(*part, *b"23456", "a part keeps the whole");
        }
    }

    #[test]
    fn a_vector_that_nobody_else_holds_is_handed_back_without_a_copy() {
        let bytes = b"0123456789".to_vec();
        let place = bytes.as_ptr();
        let back = SharedBytes::from(bytes).into_vec();
        assert_eq!(back.as_ptr(), place);
    }

    #[test]
    #[should_panic(expected = "not within")]
    fn a_slice_does_not_reach_beyond_its_own_end_into_the_memory_behind_it() {
        let _ = SharedBytes::from(vec![0; 10]).slice(0..5).slice(3..6);
    }

    #[test]
    fn a_mapped_file_that_is_written_in_use_is_noticed() {
        let (bytes, mut file, _folder) = mapped(b"0123456789");
        bytes.require_unchanged().unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap(); // as a write within the clock's resolution would not do
        let message = bytes.slice(3..4).require_unchanged().unwrap_err().to_string();
        assert!(
            message.contains("pixels: file in use: expected the file as it was opened, found one that"),
            "{message}"
        );
        file.write_all(b"more").unwrap();
        let message = bytes.require_unchanged().unwrap_err().to_string();
        assert!(message.contains("found 14 bytes where 10 were"), "{message}");
    }

    #[test]
    fn a_file_that_is_renamed_over_a_mapped_one_or_its_removal_changes_nothing() {
        let (bytes, _, folder) = mapped(b"0123456789");
        crate::files::write_atomically(&folder.path().join("pixels"), b"new").unwrap();
        bytes.require_unchanged().unwrap();
        std::fs::remove_file(folder.path().join("pixels")).unwrap();
        bytes.require_unchanged().unwrap();
        assert_eq!(*bytes, *b"0123456789");
    }
}
