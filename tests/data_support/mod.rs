//! Small data sets in folders that vanish, and the command run on them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use gemmnist::data::{Dataset, Splits};
use tempfile::TempDir;

/// The four names that MNIST has.
pub const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// A header of unsigned bytes with these sizes.
pub fn header(sizes: &[u32]) -> Vec<u8> {
    let dims = u8::try_from(sizes.len()).unwrap();
    [0, 0, 8, dims].into_iter().chain(sizes.iter().flat_map(|size| size.to_be_bytes())).collect()
}

/// `count` images of 2 x 3; the bytes count up from 0.
pub fn images(count: u32) -> Vec<u8> {
    [header(&[count, 2, 3]), (0..count * 6).map(|i| i as u8).collect()].concat()
}

pub fn labels(labels: &[u8]) -> Vec<u8> {
    [header(&[labels.len() as u32]), labels.to_vec()].concat()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A folder with a data set.
pub struct Folder(TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn with(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = Self::empty();
        files.iter().for_each(|(name, bytes)| folder.put(name, bytes));
        folder
    }

    /// Six training and three test images of three classes, raw, with MNIST's names.
    pub fn good() -> Self {
        Self::with(&[
            (TRAIN_IMAGES, images(6)),
            (TRAIN_LABELS, labels(&[0, 1, 2, 0, 1, 2])),
            (TEST_IMAGES, images(3)),
            (TEST_LABELS, labels(&[2, 1, 0])),
        ])
    }

    /// Without emptying the file first: ext4 would write every version to disk, and some tests put thousands.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = fs::File::options().create(true).write(true).truncate(false).open(self.file(name)).unwrap();
        file.write_all(bytes).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.file(from), self.file(to)).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

/// Exit code, stdout, stderr.
pub fn gemmnist(args: &[&str], path: &Path) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["gemmnist"].iter().chain(args).map(OsString::from).chain([path.as_os_str().to_owned()]);
    let code = gemmnist::cli::run(args, &mut out, &mut err, gemmnist::cli::Terminal::NONE);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Holds the command to its word about bad data: exit code 3, nothing on stdout, one line with place, expected, found and
/// remedy. `place` is the file to be named, empty for the folder itself; `parts` must be in the line too.
#[track_caller]
pub fn assert_refused(folder: &Folder, place: &str, parts: &[&str]) {
    let (code, out, err) = gemmnist(&["data", "verify"], folder.path());
    assert_eq!((code, out.as_str()), (3, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    let place = if place.is_empty() { folder.path().to_owned() } else { folder.file(place) };
    assert!(err.starts_with(&format!("gemmnist: {}: ", place.display())), "{err}");
    assert!(err.contains("expected ") && err.contains("found ") && err.ends_with(")\n"), "{err}");
    parts.iter().for_each(|part| assert!(err.contains(part), "no {part:?} in: {err}"));
}

/// A file that scripts/golden_formats.py wrote.
pub fn golden_format(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats").join(name)
}

/// The data set in those files: 6 training, 2 validation and 3 test images of 3 x 3.
pub fn golden_splits() -> Splits {
    let part = |range: Range<usize>| {
        let pixel = |i: usize, p: usize| ((37 * i + 29 * p) % 256) as u8;
        let images = range.clone().flat_map(|i| (0..9).map(move |p| pixel(i, p))).collect();
        Dataset::new(images, range.map(|i| (i % 3) as u8).collect(), (3, 3), 3)
    };
    Splits { train: part(0..6), validation: Some(part(6..8)), test: part(8..11) }
}
