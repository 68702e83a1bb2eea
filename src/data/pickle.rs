//! `mnist.pkl.gz`, as deeplearning.net published it: a Python pickle of (images, labels) for training, validation, test.
//!
//! A pickle is a program for a stack machine, and Python's own reader lets it call anything. This one has no way to call:
//! it knows the opcodes for plain values, and by name what NumPy needs to rebuild an array; everything else is refused.

mod input;
mod machine;
mod objects;

use std::path::Path;

use super::array::{Array, Images, Scale, Source, images};
use super::assemble::{self, Part};
use super::content::{self, Folder, Sniffed, name_has};
use super::{Checksums, Contents, FileReport, Format, by_reading};
use crate::error::{Error, Result};

pub(super) const FORMAT: Format = Format { name: NAME, is_in, survey: |folder| by_reading(NAME, folder, read), read };

const NAME: &str = "pickle";

fn is_in(folder: &Folder) -> bool {
    folder.files.iter().any(is_pickle)
}

/// A pickle of protocol 2 or later says so; older ones are told by the name of NumPy in their first bytes. What only has
/// the name of a pickle is taken for one, too, so that the reason for refusing it is told.
fn is_pickle(file: &Sniffed) -> bool {
    let start = &file.start;
    let says_so = matches!(start.first_chunk(), Some([0x80, 2..=5]));
    let older = matches!(start.first(), Some(b'(' | b']')) && start.windows(5).any(|word| word == b"numpy");
    says_so || older || name_has(&file.path, &[".pkl", ".pickle"])
}

fn read(folder: &Folder, checksums: Checksums) -> Result<Contents> {
    let path = &folder.only("pickles", is_pickle)?.path;
    let (objects, result) = machine::run(path)?;
    let pair = |&id: &objects::Id| match *objects.sequence(id)? {
        [images, labels] => Some((objects.array(images)?, objects.array(labels)?)),
        _ => None,
    };
    let pairs: Option<Vec<_>> = objects.sequence(result).and_then(|ids| ids.iter().map(pair).collect());
    match pairs.as_deref() {
        Some(&[train, test]) => contents(path, [Some(train), None, Some(test)], checksums),
        Some(&[train, validation, test]) => contents(path, [Some(train), Some(validation), Some(test)], checksums),
        _ => Err(Error::data(
            path,
            "pickle",
            "two or three pairs (images, labels) of arrays: training, validation if there is one, test",
            objects.describe(result),
            "save it as ((train_x, train_y), (valid_x, valid_y), (test_x, test_y))",
        )),
    }
}

const SPLITS: [[&str; 2]; 3] = [
    ["training images", "training labels"],
    ["validation images", "validation labels"],
    ["test images", "test labels"],
];

/// The data set of the images and labels of its splits, all in one file.
pub(super) fn contents(path: &Path, pairs: [Option<(&Array, &Array)>; 3], checksums: Checksums) -> Result<Contents> {
    let there = || pairs.iter().zip(SPLITS).filter_map(|(pair, names)| Some(((*pair)?, names)));
    let labels = there().map(|((_, array), [_, what])| Source { path, what, array }.labels());
    let labels = labels.collect::<Result<Vec<_>>>()?;
    let sources: Vec<_> = there().map(|((array, _), [what, _])| Source { path, what, array }).collect();
    let (images, scale) = images(&sources)?;
    let part = |(Images { bytes, size }, labels)| Part {
        images: bytes.into(),
        labels,
        size,
        images_path: path.to_owned(),
        labels_path: path.to_owned(),
    };
    let mut parts: Vec<_> = images.into_iter().zip(labels).map(part).collect();
    #[expect(clippy::expect_used, reason = "the first and the last of `pairs` are there in every call")]
    let (test, train) = (parts.pop().expect("a test split"), parts.remove(0));
    let splits = assemble::splits(train, parts.pop(), test)?;
    let files = match checksums {
        Checksums::Skip => Vec::new(),
        Checksums::Compute => vec![FileReport {
            path: path.to_owned(),
            holds: "all",
            count: splits.train.len() + splits.validation.as_ref().map_or(0, |images| images.len()) + splits.test.len(),
            size: Some(splits.train.size()),
            sha256: content::sha256(path)?,
        }],
    };
    Ok(Contents { splits, files, remarks: remark(scale).map(str::to_owned).into_iter().collect() })
}

fn remark(scale: Scale) -> Option<&'static str> {
    match scale {
        Scale::Byte => None,
        Scale::By255 => Some("pixels are kept as byte / 255; the bytes were taken"),
        Scale::By256 => Some("pixels are kept as byte / 256, as in the classic mnist.pkl.gz; the bytes were taken"),
    }
}
