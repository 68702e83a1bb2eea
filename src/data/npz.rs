//! `mnist.npz` as Keras ships it: NumPy arrays `x_train`, `y_train`, `x_test`, `y_test` in a zip archive.

mod npy;
mod zip;

use std::path::Path;

use super::array::{Array, Outline, Source, outline_of};
use super::assemble;
use super::content::{Folder, Sniffed};
use super::{Checksums, Contents, Format, Survey, pickle};
use crate::error::{Error, Result, shown};
use zip::{Entry, Zip};

pub(super) const FORMAT: Format = Format { name: NAME, is_in, survey, read };

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

/// By the headers of the images, and the training labels.
fn survey(folder: &Folder) -> Result<Survey> {
    let path = &folder.only("zip archives", is_zip)?.path;
    let mut zip = Zip::open(path)?;
    let train = outline(path, &mut zip, "training images", TRAIN[0])?.ok_or_else(|| missing(path, &zip))?;
    let test = outline(path, &mut zip, "test images", TEST[0])?.ok_or_else(|| missing(path, &zip))?;
    let validation = outline(path, &mut zip, "validation images", VALIDATION[0])?;
    let labels = array(path, &mut zip, TRAIN[1])?.ok_or_else(|| missing(path, &zip))?;
    let labels = Source { path, what: "training labels", array: &labels }.labels()?;
    Ok(Survey {
        format: NAME,
        train: train.count,
        validation: validation.map(|images| images.count),
        test: test.count,
        size: train.size,
        classes: assemble::classes(path, &labels)?,
    })
}

/// How many images an array holds and how large, by its header.
fn outline(path: &Path, zip: &mut Zip, what: &'static str, names: &'static [&'static str]) -> Result<Option<Outline>> {
    let Some((name, entry)) = entry(path, zip, names)? else { return Ok(None) };
    let start = npy::start(path, name, &zip.unpack_up_to(&entry, npy::START_BYTES)?)?;
    let sizes: Vec<_> = start.shape.iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
    outline_of(path, what, &sizes).map(Some)
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
    let Some((name, entry)) = entry(path, zip, names)? else { return Ok(None) };
    npy::parse(path, name, zip.unpack(&entry)?).map(Some)
}

/// The entry that has one of `names`, and which of them.
fn entry(path: &Path, zip: &Zip, names: &'static [&'static str]) -> Result<Option<(&'static str, Entry)>> {
    let is = |entry: &str, name: &str| entry.strip_suffix(".npy") == Some(name);
    let Some(name) = names.iter().find(|name| zip.entries.iter().any(|entry| is(&entry.name, name))) else {
        return Ok(None);
    };
    let entries: Vec<_> = zip.entries.iter().filter(|entry| is(&entry.name, name)).cloned().collect();
    match &entries[..] {
        [entry] => Ok(Some((name, entry.clone()))),
        _ => Err(Error::data(path, name, "one array", entries.len(), "save it with numpy.savez")),
    }
}

fn missing(path: &Path, zip: &Zip) -> Error {
    let names: Vec<_> = zip.entries.iter().take(12).map(|entry| shown(&entry.name)).collect();
    Error::data(
        path,
        "arrays",
        "x_train, y_train, x_test, y_test (and x_val, y_val if there are such)",
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") },
        "save it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)",
    )
}
