//! `mnist.npz` as Keras ships it: NumPy arrays `x_train`, `y_train`, `x_test`, `y_test` in a zip archive.

mod npy;
mod zip;

use std::path::Path;

use super::array::Array;
use super::content::{Folder, Sniffed};
use super::{Checksums, Contents, Format, by_reading, pickle};
use crate::error::{Error, Mismatch, Result, shown};
use zip::Zip;

pub(super) const FORMAT: Format = Format { name: NAME, is_in, survey: |folder| by_reading(NAME, folder, read), read };

const NAME: &str = "npz";

/// What each array is called: the first is Keras's name, and the one we write.
const TRAIN: [&[&str]; 2] = [&["x_train"], &["y_train"]];
const VALIDATION: [&[&str]; 2] = [&["x_val", "x_valid", "x_validation"], &["y_val", "y_valid", "y_validation"]];
const TEST: [&[&str]; 2] = [&["x_test"], &["y_test"]];

fn is_in(folder: &Folder) -> bool {
    folder.files.iter().any(is_zip)
}

fn is_zip(file: &Sniffed) -> bool {
    file.start.starts_with(b"PK\x03\x04")
}

fn read(folder: &Folder, checksums: Checksums) -> Result<Contents> {
    let path = &folder.only("zip archives", is_zip)?.path;
    let mut zip = Zip::open(path)?;
    let train = pair(path, &mut zip, TRAIN)?.ok_or_else(|| missing(path, &zip))?;
    let test = pair(path, &mut zip, TEST)?.ok_or_else(|| missing(path, &zip))?;
    let validation = pair(path, &mut zip, VALIDATION)?;
    let validation = validation.as_ref().map(|(images, labels)| (images, labels));
    pickle::contents(path, [Some((&train.0, &train.1)), validation, Some((&test.0, &test.1))], checksums)
}

/// Images and labels of one split; none if neither is there.
fn pair(path: &Path, zip: &mut Zip, [images, labels]: [&'static [&'static str]; 2]) -> Result<Option<(Array, Array)>> {
    match (array(path, zip, images)?, array(path, zip, labels)?) {
        (Some(images), Some(labels)) => Ok(Some((images, labels))),
        (None, None) => Ok(None),
        _ => Err(missing(path, zip)),
    }
}

fn array(path: &Path, zip: &mut Zip, names: &'static [&'static str]) -> Result<Option<Array>> {
    let is = |entry: &str, name: &str| entry.strip_suffix(".npy") == Some(name);
    let Some(name) = names.iter().find(|name| zip.entries.iter().any(|entry| is(&entry.name, name))) else {
        return Ok(None);
    };
    let entries: Vec<_> = zip.entries.iter().filter(|entry| is(&entry.name, name)).cloned().collect();
    match &entries[..] {
        [entry] => npy::parse(path, name, zip.unpack(entry)?).map(Some),
        _ => Err(Error::Data(Mismatch::new(path, name, "one array", entries.len(), "save it with numpy.savez"))),
    }
}

fn missing(path: &Path, zip: &Zip) -> Error {
    let names: Vec<_> = zip.entries.iter().take(12).map(|entry| shown(&entry.name)).collect();
    Error::Data(Mismatch::new(
        path,
        "arrays",
        "x_train, y_train, x_test, y_test (and x_val, y_val if there are such)",
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") },
        "save it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)",
    ))
}
