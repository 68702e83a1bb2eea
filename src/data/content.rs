//! What a file holds, told by its first bytes and never by its name. Gzip is unpacked on the way.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::error::{Error, OneLine, Result};
use crate::files::SharedBytes;

/// What to do about a file that is not whole.
pub(super) const FETCH_AGAIN: &str = "copy the file again, or fetch it with scripts/fetch-data.sh";
/// As many first bytes as a reader needs to know its files by: a header of IDX, the first names in an old pickle.
pub(super) const START_BYTES: u64 = 64;
/// DEFLATE's densest code gives 258 bytes for two bits (RFC 1951, 3.2.5).
pub(super) const DEFLATE_MOST_BYTES_PER_BYTE: u64 = 1032;
/// Bytes asked from the system at a time: enough that its calls do not show beside unpacking.
const BUFFER_BYTES: usize = 1 << 16;
/// Files that a message names before it only counts.
const NAMED_IN_MESSAGES: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Raw,
    Gzip,
}

/// An open file, read unpacked.
pub(super) struct Content {
    pub packing: Packing,
    /// Its length on disk, in bytes.
    pub bytes: u64,
    reader: Reader,
}

enum Reader {
    Raw(BufReader<File>),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Content {
    pub fn open(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?; // before opening: opening a pipe would wait for its other end
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
        let gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]); // RFC 1952, 2.3.1
        let (packing, reader) = if gzip {
            (Packing::Gzip, Reader::Gzip(Box::new(MultiGzDecoder::new(file))))
        } else {
            (Packing::Raw, Reader::Raw(file))
        };
        Ok(Self { packing, bytes: metadata.len(), reader })
    }
}

impl Content {
    /// The whole file as it lies on the disk, mapped into memory. None if it is packed, or where the system cannot map it.
    pub fn map(&self, path: &Path) -> Option<SharedBytes> {
        match &self.reader {
            Reader::Raw(reader) => SharedBytes::map(reader.get_ref().try_clone().ok()?, path).ok(),
            Reader::Gzip(_) => None,
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Reader::Raw(reader) => reader.read(buffer),
            Reader::Gzip(reader) => reader.read(buffer),
        }
    }
}

/// The error of a file whose reading broke off after `unpacked` bytes: the system's, or the unpacker's about its content.
pub(super) fn broken_off(path: &Path, unpacked: usize, source: io::Error) -> Error {
    if source.raw_os_error().is_some() {
        let remedy = "make the file readable";
        return Error::Io { action: "read", path: path.to_owned(), source, remedy };
    }
    let found = format!("{source} after {unpacked} unpacked bytes");
    Error::data(path, "content", "an undamaged file", found, FETCH_AGAIN)
}

/// A file known by its first bytes.
#[derive(Debug)]
pub(super) struct Sniffed {
    pub path: PathBuf,
    pub packing: Packing,
    /// Its length on disk, in bytes.
    pub bytes: u64,
    /// Its first bytes, unpacked, at most [`START_BYTES`].
    pub start: Vec<u8>,
    /// Why there are no more, if something went wrong.
    trouble: Option<io::Error>,
}

impl Sniffed {
    pub fn new(path: PathBuf) -> Self {
        let mut start = Vec::new();
        match Content::open(&path) {
            Ok(mut content) => {
                let trouble = (&mut content).take(START_BYTES).read_to_end(&mut start).err();
                Self { path, packing: content.packing, bytes: content.bytes, start, trouble }
            }
            Err(error) => Self { path, packing: Packing::Raw, bytes: 0, start, trouble: Some(error) },
        }
    }

    /// What is in it, in a word or two, for messages.
    fn describe(&self) -> String {
        match &self.trouble {
            Some(trouble) => trouble.to_string(),
            None => what_starts_with(&self.start).to_owned(),
        }
    }
}

/// A folder and what lies in it, in order of name; or a file by itself.
#[derive(Debug)]
pub(super) struct Folder {
    pub path: PathBuf,
    pub files: Vec<Sniffed>,
    /// The folders in it.
    pub folders: Vec<PathBuf>,
    /// Whether it is no folder but a file by itself.
    pub is_file: bool,
}

impl Folder {
    /// Looks at the first bytes of every file in `path`.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_file() {
            let files = vec![Sniffed::new(path.to_owned())];
            return Ok(Self { path: path.to_owned(), files, folders: Vec::new(), is_file: true });
        }
        let mut entries = entries(path).map_err(|source| Error::Io {
            action: "read the folder",
            path: path.to_owned(),
            source,
            remedy: "give a folder that you may read",
        })?;
        entries.sort();
        let folders = entries.iter().filter(|path| path.is_dir()).cloned().collect();
        let files = entries.into_iter().filter(|path| path.is_file()).map(Sniffed::new).collect();
        Ok(Self { path: path.to_owned(), files, folders, is_file: false })
    }

    /// The only file that is `wanted`; `what` they are called in messages. There is one, as the format was recognised.
    pub fn only(&self, what: &'static str, wanted: fn(&Sniffed) -> bool) -> Result<&Sniffed> {
        let found: Vec<_> = self.files.iter().filter(|file| wanted(file)).collect();
        match found[..] {
            [file] => Ok(file),
            _ => {
                let names: Vec<_> = found.iter().map(|file| file_name(&file.path)).collect();
                let remedy = "give the file itself, or keep one data set in a folder";
                Err(Error::data(&self.path, what, "one in the folder", names.join(", "), remedy))
            }
        }
    }

    /// What is in it, in one line, for messages.
    pub fn describe(&self) -> String {
        let files = self.files.iter().map(|file| format!("{} ({})", file_name(&file.path), file.describe()));
        let folders = self.folders.iter().map(|folder| format!("{} (a folder)", file_name(folder)));
        let all: Vec<_> = files.chain(folders).collect();
        match all.split_at_checked(NAMED_IN_MESSAGES) {
            _ if all.is_empty() => "nothing".to_owned(),
            Some((named, others @ [_, ..])) => format!("{} and {} more", named.join(", "), others.len()),
            _ => all.join(", "),
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// SHA-256 of the content of `path`, unpacked, 64 hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = Vec::new();
    let mut content = Content::open(path).map_err(|error| broken_off(path, 0, error))?;
    let mut fill = |buffer: &mut Vec<u8>| (&mut content).take(BUFFER_BYTES as u64).read_to_end(buffer);
    while fill(&mut buffer).map_err(|error| broken_off(path, 0, error))? > 0 {
        hash.update(&buffer);
        buffer.clear();
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Looks at the file's name only: the folders above it may be called anything.
pub(super) fn name_has(path: &Path, words: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    words.iter().any(|word| name.contains(word))
}

/// What is said of images that were turned.
pub(super) const TRANSPOSED: &str =
    "files called emnist-... hold each image with rows and columns exchanged, as published; they were exchanged back";

/// Whether `path` is one of EMNIST's files by its published name, `emnist-SET-...`: their images are transposed, and nothing
/// but the name tells. Only the name of the file counts, so a converted copy in a folder called emnist is left alone.
pub(super) fn is_of_emnist(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("emnist-"))
}

/// The last part of `path`, safe to print in a line.
pub(super) fn file_name(path: &Path) -> String {
    OneLine(Path::new(path.file_name().unwrap_or_default())).to_string()
}

/// What a file that starts so probably is.
fn what_starts_with(start: &[u8]) -> &'static str {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"\0\0\x08", "IDX"),
        (b"PK\x03\x04", "a zip or npz archive"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x80\x02", "a Python pickle"),
        (b"\x80\x03", "a Python pickle"),
        (b"\x80\x04", "a Python pickle"),
        (b"\x80\x05", "a Python pickle"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"P5", "a PGM picture"),
        (b"\x89HDF", "an HDF5 file"),
        (b"PAR1", "a Parquet file"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"<!", "a web page"),
        (b"<html", "a web page"),
        (b"version https://", "a git LFS pointer: run git lfs pull"),
    ];
    let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80;
    match KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, what)) => what,
        None if start.is_empty() => "empty",
        None if start.iter().all(text) => "text",
        None => "unknown content",
    }
}
