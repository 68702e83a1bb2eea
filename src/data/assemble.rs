//! From what a reader found to [`Splits`]: the checks that no format can leave out.

use std::mem;
use std::path::{Path, PathBuf};

use super::dataset::{Dataset, Splits};
use crate::error::{Error, OneLine, Result};
use crate::files::SharedBytes;

/// The images and labels of a split, as read.
pub(super) struct Part {
    pub images: SharedBytes,
    pub labels: Vec<u8>,
    /// Height and width, in pixels; not zero.
    pub size: (usize, usize),
    pub images_path: PathBuf,
    pub labels_path: PathBuf,
}

impl Part {
    /// Exchanges the rows and columns of every image; those of a mapped file are copied.
    #[expect(clippy::indexing_slicing, reason = "a place in an image for each place in it")]
    pub fn transpose(&mut self) {
        let (height, width) = self.size;
        let mut image = vec![0; height * width];
        let mut images = mem::replace(&mut self.images, Vec::new().into()).into_vec();
        for pixels in images.chunks_exact_mut(height * width) {
            image.copy_from_slice(pixels);
            for (i, pixel) in pixels.iter_mut().enumerate() {
                *pixel = image[i % height * width + i / height]; // row i / height, column i % height of the turned image
            }
        }
        self.images = images.into();
        self.size = (width, height);
    }
}

/// The data set of parts that fit: an image for every label, one size, labels below the number of classes.
pub(super) fn splits(train: Part, validation: Option<Part>, test: Part) -> Result<Splits> {
    check_counts(&train)?;
    let classes = classes(&train.labels_path, &train.labels)?;
    for (part, what) in
        [(validation.as_ref(), "size of the validation images"), (Some(&test), "size of the test images")]
    {
        let Some(part) = part else { continue };
        check_counts(part)?;
        check_sizes(&train, part, what)?;
        check_labels(part, classes)?;
    }
    let dataset = |part: Part| Dataset::of_shared(part.images, part.labels, part.size, classes);
    Ok(Splits { train: dataset(train), validation: validation.map(dataset), test: dataset(test) })
}

/// Number of classes of these training labels: one more than the largest.
///
/// # Errors
/// If fewer than half of the labels up to the largest occur: then some are out of range, such as a stray 200 among
/// digits, or all are, such as letters kept as ASCII. The first of them is named.
#[expect(clippy::indexing_slicing, reason = "256 places for the 256 bytes")]
pub(super) fn classes(path: &Path, labels: &[u8]) -> Result<usize> {
    let mut occurs = [false; 256];
    labels.iter().for_each(|&label| occurs[usize::from(label)] = true);
    let (mut seen, mut plausible, mut largest) = (0, None, 0);
    for label in (0..=u8::MAX).filter(|&label| occurs[usize::from(label)]) {
        seen += 1;
        largest = label;
        if 2 * seen > usize::from(label) {
            plausible = Some(label);
        }
    }
    match plausible {
        Some(label) if label == largest => Ok(usize::from(largest) + 1),
        _ => Err(out_of_range(path, labels, plausible)),
    }
}

fn check_labels(part: &Part, classes: usize) -> Result<()> {
    let in_range = part.labels.iter().all(|&label| usize::from(label) < classes);
    let largest = u8::try_from(classes - 1).unwrap_or(u8::MAX);
    if in_range { Ok(()) } else { Err(out_of_range(&part.labels_path, &part.labels, Some(largest))) }
}

/// The error of the first label above `largest`; of the first label if there is no largest.
fn out_of_range(path: &Path, labels: &[u8], largest: Option<u8>) -> Error {
    let first = labels.iter().enumerate().find(|&(_, &label)| largest.is_none_or(|largest| label > largest));
    let found = first.map_or("none".to_owned(), |(i, label)| format!("{label} at image {i}"));
    let expected = match largest {
        Some(largest) => format!("0 to {largest}"),
        None => "numbers from 0 on, at least half of them in use".to_owned(),
    };
    let remedy = "number the classes from 0 without gaps, or fetch the file again";
    Error::data(path, "labels out of range", expected, found, remedy)
}

fn check_counts(part: &Part) -> Result<()> {
    let (height, width) = part.size;
    if part.labels.len().checked_mul(height * width) == Some(part.images.len()) {
        return Ok(());
    }
    Err(Error::data(
        &part.images_path,
        "number of images",
        format!("{}, one for each label in {}", part.labels.len(), OneLine(&part.labels_path)),
        part.images.len() / (height * width),
        super::content::FETCH_AGAIN,
    ))
}

fn check_sizes(train: &Part, part: &Part, what: &'static str) -> Result<()> {
    if train.size == part.size {
        return Ok(());
    }
    let show = |(height, width): (usize, usize)| format!("{height}x{width}");
    Err(Error::data(
        &part.images_path,
        what,
        format!("{} as the training images in {}", show(train.size), OneLine(&train.images_path)),
        show(part.size),
        "keep one data set in a folder",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_one_more_than_the_largest_label() {
        let path = Path::new("labels");
        assert_eq!(classes(path, &[9, 0, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap(), 10);
        assert_eq!(classes(path, &[1, 2, 3]).unwrap(), 4, "EMNIST letters start at 1");
        assert_eq!(classes(path, &[0, 0]).unwrap(), 1);
        assert_eq!(classes(path, &(0..=255).collect::<Vec<_>>()).unwrap(), 256);
    }

    #[test]
    fn transposed_images_have_their_rows_for_columns() {
        let mut part = Part {
            images: vec![1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60].into(),
            labels: vec![0, 1],
            size: (2, 3),
            images_path: "images".into(),
            labels_path: "labels".into(),
        };
        part.transpose();
        assert_eq!((part.size, &part.images[..]), ((3, 2), &[1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60][..]));
        part.transpose();
        assert_eq!((part.size, &part.images[..6]), ((2, 3), &[1, 2, 3, 4, 5, 6][..]));
    }

    #[test]
    fn images_that_changed_since_they_were_counted_are_refused() {
        let part = |images| Part {
            images: vec![0; images].into(),
            labels: vec![0, 1, 0],
            size: (2, 2),
            images_path: "images".into(),
            labels_path: "labels".into(),
        };
        assert!(splits(part(12), None, part(12)).is_ok());
        for wrong in [8, 16] {
            let message = splits(part(wrong), None, part(12)).unwrap_err().to_string();
            assert!(
                message.starts_with("images: number of images: expected 3, one for each label in labels"),
                "{message}"
            );
            assert!(splits(part(12), None, part(wrong)).is_err());
            assert!(splits(part(12), Some(part(wrong)), part(12)).is_err());
        }
    }

    #[test]
    fn a_validation_split_is_held_to_what_a_test_split_is_held_to() {
        let part = |labels: Vec<u8>, size: (usize, usize)| Part {
            images: vec![0; labels.len() * size.0 * size.1].into(),
            labels,
            size,
            images_path: "images".into(),
            labels_path: "labels".into(),
        };
        let good = || part(vec![0, 1], (2, 2));
        let all = splits(good(), Some(part(vec![1], (2, 2))), good()).unwrap();
        assert_eq!(all.validation.unwrap().labels(), [1]);
        let message = splits(good(), Some(part(vec![1], (1, 4))), good()).unwrap_err().to_string();
        assert!(message.contains("size of the validation images: expected 2x2"), "{message}");
        let message = splits(good(), Some(part(vec![2], (2, 2))), good()).unwrap_err().to_string();
        assert!(message.contains("labels out of range: expected 0 to 1, found 2 at image 0"), "{message}");
    }

    #[test]
    fn letters_kept_as_ascii_are_out_of_range_from_the_first_on() {
        let message = classes(Path::new("labels"), b"ABC").unwrap_err().to_string();
        assert!(message.contains("labels out of range: expected numbers from 0 on"), "{message}");
        assert!(message.contains("found 65 at image 0"), "{message}");
    }
}
