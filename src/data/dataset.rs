//! What a data set is, once read.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::linalg::{SparseBatch, bytes::prefetch};
use ndarray::ArrayViewMut2;

use super::Input;
use crate::error::Result;
use crate::files::SharedBytes;

/// Labelled images of one size, one byte a pixel.
///
/// The pixels are shared: a [`slice`](Self::slice) or a [`select`](Self::select)ion of a data set is another view of them, whether they are in
/// memory or in a file that is mapped into it.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Whole images, one after the other.
    pixels: SharedBytes,
    /// Which of them are in the set, in this order; None: all.
    rows: Option<Arc<[u32]>>,
    labels: Vec<u8>,
    height: usize,
    width: usize,
    classes: usize,
    class_names: Option<Vec<String>>,
}

/// A data set as it is published: the images to learn from, those to choose by, and those that only `eval` may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// To learn from.
    pub train: Dataset,
    /// To choose by: when to stop, which settings. None where the format or the set has no such split, as IDX.
    pub validation: Option<Dataset>,
    /// To be judged on.
    pub test: Dataset,
}

impl Dataset {
    /// `images` holds `labels.len()` images of `height` x `width` bytes, 0 black to 255 white.
    ///
    /// # Panics
    /// If the lengths disagree or a label is not below `classes`: readers check both before.
    pub fn new(images: Vec<u8>, labels: Vec<u8>, size: (usize, usize), classes: usize) -> Self {
        Self::of_shared(images.into(), labels, size, classes)
    }

    /// As [`new`](Self::new), of pixels that may be a file's.
    pub(super) fn of_shared(
        pixels: SharedBytes,
        labels: Vec<u8>,
        (height, width): (usize, usize),
        classes: usize,
    ) -> Self {
        assert_eq!(pixels.len(), labels.len() * height * width, "images and labels disagree");
        assert!(labels.iter().all(|&label| usize::from(label) < classes), "a label is out of range");
        Self { pixels, rows: None, labels, height, width, classes, class_names: None }
    }

    /// The same images, with a name for each class.
    ///
    /// # Panics
    /// If there are not as many names as classes.
    pub fn with_class_names(self, names: Vec<String>) -> Self {
        assert_eq!(names.len(), self.classes, "names and classes disagree");
        Self { class_names: Some(names), ..self }
    }

    /// Number of images, N.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height and width of every image, in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Pixels an image: what the network takes as inputs, I.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Number of classes, K; labels are below it.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The name of each class, (K), where the data set has names: those of the folders its pictures lie in.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }

    /// The label of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of all images, (N, I) row-major; those of a selection are copied together.
    pub fn images(&self) -> Cow<'_, [u8]> {
        match &self.rows {
            None => Cow::Borrowed(&self.pixels),
            Some(_) => Cow::Owned((0..self.len()).flat_map(|i| self.image(i)).copied().collect()),
        }
    }

    /// The pixels of image `i`, row after row.
    pub fn image(&self, i: usize) -> &[u8] {
        let row = self.row(i);
        &self.pixels[row * self.pixels()..(row + 1) * self.pixels()]
    }

    /// Asks for the images `indices` and their labels, which are gathered soon, to be brought near the processor.
    ///
    /// # Panics
    /// If an index is not below [`Self::len`].
    pub fn prefetch(&self, indices: &[u32]) {
        for i in indices.iter().map(|&index| index as usize) {
            prefetch(self.image(i));
            prefetch(&self.labels[i..=i]);
        }
    }

    /// Where the pixels of image `i` are among all that there are.
    fn row(&self, i: usize) -> usize {
        self.rows.as_ref().map_or(i, |rows| rows[i] as usize)
    }

    /// Number of images of each class, (K).
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
        counts
    }

    /// The images `range`, in order; `classes` stays what it was. Copies no pixel.
    ///
    /// # Panics
    /// If `range` goes beyond [`Self::len`].
    pub fn slice(&self, range: Range<usize>) -> Self {
        let (pixels, rows) = match &self.rows {
            None => (self.pixels.slice(range.start * self.pixels()..range.end * self.pixels()), None),
            Some(rows) => (self.pixels.clone(), Some(rows[range.clone()].into())),
        };
        let labels = self.labels[range].to_vec();
        Self { pixels, rows, labels, class_names: self.class_names.clone(), ..*self }
    }

    /// The images `indices`, in that order; `classes` stays what it was. Copies no pixel.
    ///
    /// # Panics
    /// If an index is not below [`Self::len`].
    pub fn select(&self, indices: &[u32]) -> Self {
        let labels = indices.iter().map(|&i| self.labels[i as usize]).collect();
        let rows = indices.iter().map(|&i| self.row(i as usize) as u32).collect();
        Self { pixels: self.pixels.clone(), rows: Some(rows), labels, class_names: self.class_names.clone(), ..*self }
    }

    /// Bytes of memory that its images and labels take; pixels that are a file's take none that is missed elsewhere.
    pub fn memory(&self) -> usize {
        let pixels = if self.pixels.is_mapped() { 0 } else { self.len() * self.pixels() };
        let rows = self.rows.as_ref().map_or(0, |rows| size_of_val(&**rows));
        pixels + rows + self.labels.len()
    }

    /// Holds the file of the pixels, where they are mapped, against what it was when it was opened.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if it was written meanwhile.
    pub fn require_unchanged(&self) -> Result<()> {
        self.pixels.require_unchanged()
    }

    /// Gathers a batch: row `r` of `x` becomes image `indices[r]`, each pixel by `input`, and `labels[r]` its label.
    ///
    /// `indices` (B): read. `x` (B, I), `labels` (B): overwritten. Nothing is allocated.
    ///
    /// # Panics
    /// If shapes disagree or an index is not below [`Self::len`].
    pub fn gather(&self, input: Input, indices: &[u32], mut x: ArrayViewMut2<f32>, labels: &mut [u8]) {
        assert_eq!(x.dim(), (indices.len(), self.pixels()), "x is not (B, I)");
        assert_eq!(labels.len(), indices.len(), "labels are not (B)");
        for ((mut row, label), &index) in x.rows_mut().into_iter().zip(labels).zip(indices) {
            let image = self.image(index as usize);
            match row.as_slice_mut() {
                Some(row) => input.fill(row.iter_mut(), image), // vectorised
                None => input.fill(row.iter_mut(), image),
            }
            *label = self.labels[index as usize];
        }
    }

    /// The same without most pixels that are zero.
    ///
    /// # Panics
    /// As [`gather`](Self::gather), or if there is no room for as many.
    pub fn gather_sparse(&self, input: Input, indices: &[u32], x: &mut SparseBatch, labels: &mut [u8]) {
        assert_eq!(labels.len(), indices.len(), "labels are not (B)");
        let images = indices.iter().map(|&index| self.image(index as usize));
        let convert = |bytes: &[u8], x: &mut [f32]| input.fill(x.iter_mut(), bytes);
        x.fill(images, input.values(), input.least_that_counts(), convert);
        labels.iter_mut().zip(indices).for_each(|(label, &index)| *label = self.labels[index as usize]);
    }
}

/// By what is in them, not by where it lies.
impl PartialEq for Dataset {
    fn eq(&self, other: &Self) -> bool {
        let outline = |data: &Self| (data.size(), data.classes, data.len());
        outline(self) == outline(other)
            && self.class_names == other.class_names
            && self.labels == other.labels
            && (0..self.len()).all(|i| self.image(i) == other.image(i))
    }
}

impl Eq for Dataset {}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    /// Four images of 2 x 3, image i filled with 50 i, labelled i.
    fn four() -> Dataset {
        let images = (0..4).flat_map(|i| [50 * i; 6]).collect();
        Dataset::new(images, vec![0, 1, 2, 3], (2, 3), 4)
    }

    #[test]
    fn a_batch_holds_the_images_asked_for_in_the_order_asked() {
        let mut x = Array2::from_elem((3, 6), f32::NAN);
        let mut labels = [9; 3];
        four().gather(Input::Gray, &[3, 0, 3], x.view_mut(), &mut labels);
        assert_eq!(labels, [3, 0, 3]);
        for (row, byte) in x.rows().into_iter().zip([150.0, 0.0, 150.0]) {
            assert!(row.iter().all(|&x| x == byte / 255.0), "{row}");
        }
    }

    #[test]
    fn a_batch_whose_rows_are_not_contiguous_is_filled_alike() {
        let (mut x, mut wide) = (Array2::zeros((2, 6)), Array2::zeros((2, 12)));
        let mut labels = [0; 2];
        four().gather(Input::Gray, &[1, 2], x.view_mut(), &mut labels);
        four().gather(Input::Gray, &[1, 2], wide.slice_mut(s![.., ..;2]), &mut labels);
        assert_eq!(x, wide.slice(s![.., ..;2]));
        assert!(wide.slice(s![.., 1..;2]).iter().all(|&between| between == 0.0));
    }

    #[test]
    fn a_slice_keeps_order_and_classes() {
        let slice = four().slice(1..3);
        assert_eq!((slice.len(), slice.classes(), slice.labels()), (2, 4, &[1, 2][..]));
        assert_eq!(slice.image(1), [100; 6]);
    }

    #[test]
    fn a_selection_keeps_order_and_classes() {
        let selection = four().select(&[2, 1]);
        assert_eq!((selection.len(), selection.classes(), selection.labels()), (2, 4, &[2, 1][..]));
        assert_eq!(selection.image(1), [50; 6]);
        assert_eq!(*selection.images(), [[100; 6], [50; 6]].concat());
    }

    #[test]
    fn parts_of_parts_are_what_copies_of_them_would_be() {
        let copy = |data: &Dataset| Dataset::new(data.images().into_owned(), data.labels().to_vec(), (2, 3), 4);
        let selection = four().select(&[3, 0, 2, 0]);
        assert_eq!(selection.slice(1..4), copy(&selection).slice(1..4));
        assert_eq!(selection.select(&[2, 3, 2]), copy(&four().select(&[2, 0, 2])));
        assert_eq!(four().slice(1..4).select(&[2, 0]), copy(&four().select(&[3, 1])));
        assert_eq!(four().slice(1..4).slice(1..2), copy(&four().select(&[2])));
        assert_ne!(selection.slice(0..2), selection.slice(1..3));
    }

    #[test]
    fn no_part_of_a_data_set_copies_pixels() {
        let (whole, place) = (four(), |data: &Dataset, i| data.image(i).as_ptr());
        assert_eq!(place(&whole.slice(2..4), 1), place(&whole, 3));
        assert_eq!(place(&whole.select(&[1, 2]), 0), place(&whole, 1));
        assert_eq!(place(&whole.clone(), 0), place(&whole, 0));
    }

    /// Forty images of 5 x 5; each has its own pixels that are not zero, some have none.
    fn sparse_images() -> Dataset {
        let byte = |i: usize| if (i * 7919) % 11 < 3 && !(i / 25).is_multiple_of(7) { (i * 31 % 256) as u8 } else { 0 };
        Dataset::new((0..1000).map(byte).collect(), (0..40).map(|i| i % 4).collect(), (5, 5), 4)
    }

    #[test]
    fn a_sparse_batch_is_the_whole_batch() {
        let data = sparse_images();
        let (mut labels, mut expected_labels) = ([9; 8], [9; 8]);
        let inputs = [Input::Gray, Input::Binary { threshold: 90 }, Input::Binary { threshold: 0 }];
        for (input, outputs) in inputs.into_iter().flat_map(|input| [(input, 10), (input, 100)]) {
            let mut sparse = SparseBatch::new(8, 25, outputs);
            for (start, batch) in (0..32).flat_map(|start| [1, 2, 7, 8].map(|batch| (start, batch))) {
                let indices: Vec<u32> = (start..start + batch as u32).rev().collect();
                let mut x = Array2::from_elem((batch, 25), f32::NAN);
                data.gather(input, &indices, x.view_mut(), &mut expected_labels[..batch]);
                data.gather_sparse(input, &indices, &mut sparse, &mut labels[..batch]);
                assert_eq!(labels[..batch], expected_labels[..batch]);
                assert_eq!(sparse.to_whole(), x, "{input}");
            }
        }
    }
}
