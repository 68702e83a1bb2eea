//! Writes a data set in each of the formats that are read. The only part of `data` that writes.

mod npz;
mod pickle;
mod pictures;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Dataset, Splits};
use crate::error::{Error, Result};
use crate::files;

pub use pictures::write_png;

/// How a data set is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A folder of four IDX files, gzip. Validation images go to the end of the training images.
    Idx,
    /// One archive of NumPy arrays, as Keras ships it.
    Npz,
    /// A folder of CSV files, a line an image, label first.
    Csv,
    /// A folder of PNG pictures, `train/CLASS/NUMBER.png` and `test/CLASS/NUMBER.png`.
    Pictures,
    /// One Python pickle of three pairs as the classic `mnist.pkl.gz`: protocol 2, `byte / 256` as 32-bit floats. Packed if
    /// the name ends with `.gz`. Without a validation split the last sixth of the training images, 10,000 at most,
    /// becomes one: of MNIST, the classic 50,000 and 10,000.
    Pickle,
}

/// Writes `splits` to `out`, a folder or a file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if something is there already or it cannot be written; [`Error::Data`] if the format cannot hold the data.
pub fn write(splits: &Splits, target: Target, out: &Path) -> Result<()> {
    if out.symlink_metadata().is_ok() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Error::Io { action: "write", path: out.to_owned(), source, remedy: "choose a name that is free" });
    }
    match target {
        Target::Idx => files::write_folder(out, |folder| idx(splits, folder)),
        Target::Csv => files::write_folder(out, |folder| csv(splits, folder)),
        Target::Pictures => {
            let names = pictures::folder_names(&splits.train, out)?;
            files::write_folder(out, |folder| pictures::write(splits, &names, folder))
        }
        Target::Npz => files::write_file(out, |file| npz::write(splits, file)),
        Target::Pickle => {
            let (train, validation) = pickle::split(splits, out)?;
            let sets = [&train, &validation, &splits.test];
            let packed = out.extension().is_some_and(|extension| extension == "gz");
            files::write_file(out, |file| match packed {
                false => pickle::write(sets, file),
                true => {
                    let mut file = GzEncoder::new(file, Compression::default());
                    pickle::write(sets, &mut file)?;
                    file.finish().map(drop)
                }
            })
        }
    }
}

/// The splits there are, with a name for each.
fn named<'a>(splits: &'a Splits, names: [&'static str; 3]) -> impl Iterator<Item = (&'static str, &'a Dataset)> {
    let all = [Some(&splits.train), splits.validation.as_ref(), Some(&splits.test)];
    names.into_iter().zip(all).filter_map(|(name, images)| Some((name, images?)))
}

fn gzip(path: PathBuf, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::default());
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn idx(splits: &Splits, folder: &Path) -> io::Result<()> {
    let sizes = |sizes: &[usize]| {
        let each = sizes.iter().map(|&size| u32::try_from(size).map_err(io::Error::other).map(u32::to_be_bytes));
        let start = [0, 0, 8, sizes.len() as u8];
        each.collect::<io::Result<Vec<_>>>().map(|sizes| [&start, sizes.as_flattened()].concat())
    };
    let pair = |name: &str, sets: &[&Dataset]| {
        let count = sets.iter().map(|set| set.len()).sum();
        let (height, width) = splits.train.size();
        let header = sizes(&[count, height, width])?;
        let images: Vec<_> = sets.iter().map(|set| set.images()).collect();
        let images: Vec<_> = [&header[..]].into_iter().chain(images.iter().map(|images| &**images)).collect();
        gzip(folder.join(format!("{name}-images-idx3-ubyte.gz")), &images)?;
        let header = sizes(&[count])?;
        let labels: Vec<_> = [&header[..]].into_iter().chain(sets.iter().map(|set| set.labels())).collect();
        gzip(folder.join(format!("{name}-labels-idx1-ubyte.gz")), &labels)
    };
    let train: Vec<_> = [&splits.train].into_iter().chain(&splits.validation).collect();
    pair("train", &train)?;
    pair("t10k", &[&splits.test])
}

/// Names of columns as in the files on Kaggle: `label,1x1,1x2,...`; they tell the size of images that are no squares.
fn csv(splits: &Splits, folder: &Path) -> io::Result<()> {
    let (height, width) = splits.train.size();
    for (name, images) in named(splits, ["train.csv", "validation.csv", "test.csv"]) {
        let mut file = BufWriter::new(File::create(folder.join(name))?);
        write!(file, "label")?;
        (0..height * width).try_for_each(|p| write!(file, ",{}x{}", p / width + 1, p % width + 1))?;
        writeln!(file)?;
        for (i, label) in images.labels().iter().enumerate() {
            write!(file, "{label}")?;
            images.image(i).iter().try_for_each(|pixel| write!(file, ",{pixel}"))?;
            writeln!(file)?;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    }
    Ok(())
}

fn cannot_hold(out: &Path, expected: &str, found: impl std::fmt::Display, remedy: &'static str) -> Error {
    Error::data(out, "data set", expected, found, remedy)
}
