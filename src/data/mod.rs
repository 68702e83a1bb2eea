//! Data sets: images one byte a pixel, labels, classes; where they are found and how they are read.
//!
//! Never writes a file but in [`convert`], never prints, never allocates by an unchecked header, never trusts a file's name.

// Of a file from outside nothing is taken for granted: a reader has no way to panic, but where an `expect` says why it cannot.
// (Arithmetic is held by fuzzing, in a build that checks it.)
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo
    )
)]

mod array;
mod assemble;
mod content;
#[allow(clippy::indexing_slicing, clippy::panic, reason = "writes what was read")]
pub mod convert;
mod csv;
#[allow(clippy::indexing_slicing, reason = "reads no file; an index beyond the end is a bug of the caller")]
mod dataset;
mod find;
mod hold_out;
pub mod idx;
#[allow(clippy::indexing_slicing, clippy::expect_used, reason = "reads no file")]
mod input;
mod npz;
mod own_pictures;
mod pickle;
pub mod picture;
mod pictures;
#[allow(clippy::indexing_slicing, reason = "reads no file, only pictures that were decoded")]
mod prepare;
mod published;
mod walk;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use content::Folder;

pub use dataset::{Dataset, Splits};
pub use find::{Found, find, list, places};
pub use hold_out::HoldOut;
pub use input::Input;
pub use own_pictures::{OwnPictures, own_pictures};
pub use prepare::prepare;
pub use published::published;
pub use walk::{Walked, walk};

/// A way to keep a data set in files. One more format is one more file with a `FORMAT`, and one line in [`FORMATS`].
struct Format {
    /// What `gemmnist data list` calls it.
    name: &'static str,
    /// Whether a folder seems to hold it, whole or not. Looks at the first bytes of files only.
    is_in: fn(&Folder) -> bool,
    /// What is there, without reading the images.
    survey: fn(&Folder) -> Result<Survey>,
    /// Everything.
    read: fn(&Folder, Checksums) -> Result<Contents>,
}

/// What a folder may hold, for messages.
const IN_A_FOLDER: &str = "two IDX files of images and two of labels, mnist.npz, mnist.pkl.gz, two CSV files, or pictures in train/CLASS and test/CLASS";
/// What a file by itself may be, for messages.
const ALONE: &str = "a folder, or an .npz or pickle that holds a whole data set";

/// Asked in this order; the first that recognises a folder reads it.
const FORMATS: &[Format] = &[idx::FORMAT, npz::FORMAT, pickle::FORMAT, csv::FORMAT, pictures::FORMAT];

/// What a reader hands back.
struct Contents {
    splits: Splits,
    /// Every file that was read; empty without [`Checksums::Compute`].
    files: Vec<FileReport>,
    /// What a person should know of how it was read.
    remarks: Vec<String>,
}

/// Whether SHA-256 is computed: it costs about as much as reading, so only `verify` asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checksums {
    Skip,
    Compute,
}

/// The outline of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// How its files are kept: `idx`, `pickle`, ...
    pub format: &'static str,
    /// Number of training images.
    pub train: usize,
    /// Number of validation images, where there is such a split.
    pub validation: Option<usize>,
    /// Number of test images.
    pub test: usize,
    /// Height and width of every image, in pixels.
    pub size: (usize, usize),
    /// Number of classes, K.
    pub classes: usize,
}

/// One file of a data set that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// "training images", "test labels", ..., or "all" of the data set.
    pub holds: &'static str,
    /// Number of images or labels in it.
    pub count: usize,
    /// Height and width of its images, in pixels; none for labels.
    pub size: Option<(usize, usize)>,
    /// Of the content, unpacked if the file is gzip, so that both have the same; 64 hexadecimal digits.
    /// See [`published`].
    pub sha256: String,
}

/// A data set that was read to its end and found good.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Where it is: a folder, or the one file that holds it.
    pub folder: PathBuf,
    /// How its files are kept: `idx`, `pickle`, ...
    pub format: &'static str,
    /// Its files.
    pub files: Vec<FileReport>,
    /// What a person should know of how it was read: a sentence each.
    pub remarks: Vec<String>,
    /// Its images and labels.
    pub splits: Splits,
}

/// Loads the data set `name_or_path`: a folder, a file that holds it all, or a name that [`find`] looks for.
///
/// The files in the folder are recognised by what is in them. Nothing is allocated before a file's real length was
/// held against what its header claims, and a file that is too short, too long or damaged is refused.
///
/// # Errors
/// [`Error::DataNotFound`] if there is no such data set, [`Error::Data`] naming the file and the remedy if it cannot be
/// used, [`Error::Io`] if the system does not let us read it.
pub fn load(name_or_path: &str) -> Result<Splits> {
    load_folder(&find(OsStr::new(name_or_path))?)
}

/// Loads the data set in `folder`, or in that file; errors as [`load`].
pub fn load_folder(folder: &Path) -> Result<Splits> {
    let folder = Folder::open(folder)?;
    Ok((format_of(&folder)?.read)(&folder, Checksums::Skip)?.splits)
}

/// Reads the data set in `folder` as [`load_folder`] does, with the checksum of every file.
pub fn verify(folder: &Path) -> Result<Verified> {
    let folder = Folder::open(folder)?;
    let format = format_of(&folder)?;
    let Contents { splits, files, remarks } = (format.read)(&folder, Checksums::Compute)?;
    Ok(Verified { folder: folder.path, format: format.name, files, remarks, splits })
}

/// The outline of the data set in `folder`; errors as [`load`], as far as headers and labels show them.
pub fn survey(folder: &Path) -> Result<Survey> {
    let folder = Folder::open(folder)?;
    (format_of(&folder)?.survey)(&folder)
}

/// The outline of a data set whose format has none that is cheaper than reading it.
fn by_reading(
    format: &'static str,
    folder: &Folder,
    read: fn(&Folder, Checksums) -> Result<Contents>,
) -> Result<Survey> {
    let Splits { train, validation, test } = read(folder, Checksums::Skip)?.splits;
    Ok(Survey {
        format,
        train: train.len(),
        validation: validation.map(|images| images.len()),
        test: test.len(),
        size: train.size(),
        classes: train.classes(),
    })
}

/// True if some format recognises the folder, whether or not it is whole.
fn is_data_set(folder: &Path) -> bool {
    Folder::open(folder).is_ok_and(|folder| format_of(&folder).is_ok())
}

fn format_of(folder: &Folder) -> Result<&'static Format> {
    FORMATS.iter().find(|format| (format.is_in)(folder)).ok_or_else(|| {
        if pictures::has_classes_only(folder) {
            return pictures::only_to_judge_on(folder);
        }
        let (expected, remedy) = if folder.is_file {
            (ALONE, "give the folder it is in, if it is a part of a data set; files are told apart by content")
        } else {
            (IN_A_FOLDER, "give the folder that holds the files; scripts/fetch-data.sh brings the public ones")
        };
        Error::data(&folder.path, "data set", expected, folder.describe(), remedy)
    })
}
