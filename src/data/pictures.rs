//! A folder of pictures: `train/CLASS/*.png` and `test/CLASS/*.png`, PNG, JPEG or PGM, all of one size.
//!
//! The classes are the folders in `train`, numbered in order of their names: of their values, if all names are numbers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::assemble::{self, Part};
use super::content::{Folder, Sniffed, file_name};
use super::picture::{self, Picture};
use super::{Checksums, Contents, FileReport, Format, Splits, Survey};
use crate::error::{Error, Result};

pub(super) const FORMAT: Format = Format { name: NAME, is_in, survey, read };

const NAME: &str = "pictures";

const TRAIN: &[&str] = &["train", "training"];
const VALIDATION: &[&str] = &["valid", "val", "validation"];
const TEST: &[&str] = &["test", "testing"];
/// Bytes of images that we agree to read: 1 GiB, over twenty times MNIST.
const MAX_BYTES: usize = 1 << 30;

fn is_in(folder: &Folder) -> bool {
    split(folder, TRAIN).is_some() && split(folder, TEST).is_some()
}

/// Where the pictures to judge on are: those of the test split, or all, where the folders of the classes lie in no split.
/// None where there are no folders of pictures.
pub(super) fn to_judge_on(folder: &Folder) -> Option<&Path> {
    if is_in(folder) {
        return split(folder, TEST);
    }
    has_classes_only(folder).then_some(&folder.path)
}

/// Whether the folders in it are classes of pictures, not splits: enough to judge on, not to learn from.
pub(super) fn has_classes_only(folder: &Folder) -> bool {
    let has_picture = |class: &PathBuf| {
        let first = entries(class).ok().and_then(|files| files.into_iter().find(|path| path.is_file()));
        first.is_some_and(|path| picture::is_picture(&Sniffed::new(path).start))
    };
    !is_in(folder) && folder.folders.iter().any(has_picture)
}

/// The folder of a split, by its name.
fn split<'a>(folder: &'a Folder, names: &[&str]) -> Option<&'a Path> {
    let is = |path: &&PathBuf| names.contains(&file_name(path).to_lowercase().as_str());
    folder.folders.iter().find(is).map(PathBuf::as_path)
}

fn read(folder: &Folder, checksums: Checksums) -> Result<Contents> {
    let (Some(train), Some(test)) = (split(folder, TRAIN), split(folder, TEST)) else {
        return Err(only_to_judge_on(folder));
    };
    let names = classes(train)?;
    let train_part = part(train, &names)?;
    let validation_part = split(folder, VALIDATION).map(|path| part(path, &names)).transpose()?;
    let test_part = part(test, &names)?;
    let Splits { train: train_set, validation, test: test_set } =
        assemble::splits(with_every_class(train_part, names.len())?, validation_part, test_part)?;
    let mut files = Vec::new();
    if checksums == Checksums::Compute {
        files.push(report(train, "training images", &train_set));
        let path = split(folder, VALIDATION);
        files.extend(validation.iter().zip(path).map(|(images, path)| report(path, "validation images", images)));
        files.push(report(test, "test images", &test_set));
    }
    let named = |images: super::Dataset| {
        let names = names.iter().take(images.classes()).cloned().collect();
        images.with_class_names(names)
    };
    let splits = Splits { train: named(train_set), validation: validation.map(named), test: named(test_set) };
    Ok(Contents { splits, files, remarks: vec![REMARK.to_owned()] })
}

/// By counting files, and the size of the first.
fn survey(folder: &Folder) -> Result<Survey> {
    let (Some(train), Some(test)) = (split(folder, TRAIN), split(folder, TEST)) else {
        return Err(only_to_judge_on(folder));
    };
    let names = classes(train)?;
    let pictures = |split| files(split, &names, place_in(&names));
    let train = pictures(train)?;
    #[expect(clippy::indexing_slicing, reason = "`files` refuses an empty split")]
    let first = &train[0].0;
    Ok(Survey {
        format: NAME,
        train: train.len(),
        validation: split(folder, VALIDATION).map(pictures).transpose()?.map(|files| files.len()),
        test: pictures(test)?.len(),
        size: picture::size(first)?,
        classes: names.len(),
    })
}

const REMARK: &str = "checksums are of the pixels, in the order of classes and file names";

fn report(path: &Path, holds: &'static str, images: &super::Dataset) -> FileReport {
    let digest = Sha256::digest(&*images.images());
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    FileReport { path: path.to_owned(), holds, count: images.len(), size: Some(images.size()), sha256 }
}

/// What lies in `folder`, by name, without what systems hide there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = entries().map_err(|source| Error::Io {
        action: "read the folder",
        path: folder.to_owned(),
        source,
        remedy: "give a folder that you may read",
    })?;
    let hidden =
        |path: &PathBuf| matches!(file_name(path).as_str(), name if name.starts_with('.') || name == "Thumbs.db");
    paths.retain(|path| !hidden(path));
    paths.sort();
    Ok(paths)
}

/// The names of the classes, in order.
fn classes(train: &Path) -> Result<Vec<String>> {
    let mut names: Vec<_> = entries(train)?.iter().filter(|path| path.is_dir()).map(|path| file_name(path)).collect();
    if names.iter().all(|name| name.parse::<u64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<u64>().unwrap_or(u64::MAX));
    }
    match names.len() {
        1..=256 => Ok(names),
        count => {
            Err(Error::data(train, "classes", "1 to 256 folders, one a class".to_owned(), count.to_string(), SORT))
        }
    }
}

/// The error of a folder whose folders are classes, where images to learn from were asked for.
pub(super) fn only_to_judge_on(folder: &Folder) -> Error {
    let found = format!("{}: folders of pictures in no split", folder.describe());
    let remedy = "gemmnist eval --data judges a network on them; to learn from pictures, put them into train/CLASS and test/CLASS";
    Error::data(&folder.path, "data set", "the folders train and test".to_owned(), found, remedy)
}

const SORT: &str =
    "put the pictures of each class into a folder called as the class; to learn from them, under train and under test";

/// The pictures in the folders of a split, class after class, within a class by name. `number` tells a class by its name;
/// `names` are those it knows, for messages.
pub(super) fn files(split: &Path, names: &[String], number: impl Fn(&str) -> Option<u8>) -> Result<Vec<(PathBuf, u8)>> {
    let mut files = Vec::new();
    let notes = |path: &PathBuf| path.is_file() && !picture::is_picture(&Sniffed::new(path.clone()).start);
    for class in entries(split)?.into_iter().filter(|path| !notes(path)) {
        let name = file_name(&class);
        let Some(label) = number(&name).filter(|_| class.is_dir()) else {
            let expected = format!("folders of the classes {}", names.join(" "));
            return Err(Error::data(&class, "class", crate::error::shown(&expected), name, SORT));
        };
        files.extend(entries(&class)?.into_iter().map(|path| (path, label)));
    }
    files.sort_by_key(|(_, label)| *label); // stable
    match files.is_empty() {
        true => Err(Error::data(split, "pictures", "at least one".to_owned(), "none".to_owned(), SORT)),
        false => Ok(files),
    }
}

/// The number of a class is its place in `names`.
pub(super) fn place_in(names: &[String]) -> impl Fn(&str) -> Option<u8> {
    |name| names.iter().position(|known| known == name).and_then(|number| u8::try_from(number).ok())
}

/// The images of a split, class after class.
fn part(split: &Path, names: &[String]) -> Result<Part> {
    let files = files(split, names, place_in(names))?;
    #[expect(clippy::indexing_slicing, reason = "`files` refuses an empty split")]
    let first = &files[0].0;
    let size = picture::size(first)?;
    let bytes = files.len().checked_mul(size.0 * size.1).filter(|&bytes| bytes <= MAX_BYTES);
    bytes.ok_or_else(|| {
        let found = format!("{} pictures of {}x{}", files.len(), size.0, size.1);
        Error::data(split, "size", format!("at most {MAX_BYTES} pixels"), found, "keep fewer pictures, or smaller ones")
    })?;
    let read = |(path, _): &(PathBuf, u8)| match picture::read(path)? {
        Picture { pixels, size: found } if found == size => Ok(pixels),
        Picture { size: (height, width), .. } => {
            let expected = format!("{}x{} as {}", size.0, size.1, file_name(first));
            Err(Error::data(path, "size of a picture", expected, format!("{height}x{width}"), "scale all to one size"))
        }
    };
    let images = files.par_iter().map(read).collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>>>()?.concat();
    let labels = files.iter().map(|(_, label)| *label).collect();
    Ok(Part { images: images.into(), labels, size, images_path: split.to_owned(), labels_path: split.to_owned() })
}

/// Refuses a last class without training images: then there would be a name without a number.
fn with_every_class(part: Part, classes: usize) -> Result<Part> {
    match part.labels.last() {
        Some(&last) if usize::from(last) + 1 == classes => Ok(part),
        _ => {
            let expected = format!("pictures in the last of its {classes} folders");
            Err(Error::data(&part.images_path, "classes", expected, "none".to_owned(), "remove the empty folders"))
        }
    }
}
