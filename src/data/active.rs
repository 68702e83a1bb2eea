//! A batch of images without the pixels that are zero in all of them.

use super::{Dataset, Input};
use crate::linalg::{ActiveColumns, bytes};

/// Bytes that memory is read by.
const CACHE_LINE: usize = 64;

/// Room for the active pixels of a batch: those that are other than zero in at least one image of it.
#[derive(Debug, Clone)]
pub struct ActivePixels {
    /// (B, A) of the last batch in its first elements.
    values: Vec<f32>,
    /// Which pixels these are, A of them in its first elements.
    pixels: Vec<u32>,
    /// (I): each pixel's largest byte in the batch.
    brightest: Vec<u8>,
    /// (I): the active pixels of one image in its first elements.
    picked: Vec<u8>,
    /// A of the last batch.
    active: usize,
    /// B of the last batch.
    images: usize,
}

impl ActivePixels {
    /// For batches of up to `batch` images of `pixels` pixels.
    pub fn new(batch: usize, pixels: usize) -> Self {
        Self {
            values: vec![0.0; batch * pixels],
            pixels: vec![0; pixels],
            brightest: vec![0; pixels],
            picked: vec![0; pixels],
            active: 0,
            images: 0,
        }
    }

    /// The last batch.
    pub fn columns(&self) -> ActiveColumns<'_> {
        let values = &self.values[..self.active * self.images];
        ActiveColumns::new(values, &self.pixels[..self.active], self.images, self.brightest.len())
    }

    /// Finds the active pixels of `images`: those whose largest byte becomes another input than zero. (A larger byte never becomes a smaller
    /// input, so the largest decides.)
    ///
    /// A cache line of all images, then the next: images far apart in a large data set are then waited for together.
    fn find<'d>(&mut self, input: Input, images: impl Iterator<Item = &'d [u8]> + Clone) {
        let raise = |(brightest, &byte): (&mut u8, &u8)| *brightest = (*brightest).max(byte);
        self.brightest.fill(0);
        let (lines, rest) = self.brightest.as_chunks_mut::<CACHE_LINE>();
        for (k, line) in lines.iter_mut().enumerate() {
            images.clone().for_each(|image| line.iter_mut().zip(&image.as_chunks::<CACHE_LINE>().0[k]).for_each(raise));
        }
        images.for_each(|image| rest.iter_mut().zip(image.as_chunks::<CACHE_LINE>().1).for_each(raise));
        self.active = bytes::places(&self.brightest, input.least_that_counts(), &mut self.pixels);
    }
}

impl Dataset {
    /// Gathers a batch without the pixels that are zero in all of it: `into` is overwritten, and `labels[r]` becomes the
    /// label of image `indices[r]`. Nothing is allocated.
    ///
    /// # Panics
    /// If there is no room, lengths disagree, or an index is not below [`Self::len`].
    pub fn gather_active(&self, input: Input, indices: &[u32], into: &mut ActivePixels, labels: &mut [u8]) {
        assert_eq!(labels.len(), indices.len(), "labels are not (B)");
        assert_eq!(into.brightest.len(), self.pixels(), "pixels an image");
        into.images = indices.len();
        into.find(input, indices.iter().map(|&i| self.image(i as usize)));
        let ActivePixels { values, brightest, picked, active, .. } = into;
        for (r, (label, &index)) in labels.iter_mut().zip(indices).enumerate() {
            bytes::pick(self.image(index as usize), brightest, input.least_that_counts(), picked);
            input.fill(values[r * *active..][..*active].iter_mut(), &picked[..*active]);
            *label = self.labels()[index as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Samples;
    use ndarray::Array2;

    /// Forty images of 5 x 5; each has its own pixels that are not zero, some have none.
    fn images() -> Dataset {
        let byte = |i: usize| if (i * 7919) % 11 < 3 && !(i / 25).is_multiple_of(7) { (i * 31 % 256) as u8 } else { 0 };
        Dataset::new((0..1000).map(byte).collect(), (0..40).map(|i| i % 4).collect(), (5, 5), 4)
    }

    #[test]
    fn active_pixels_are_the_whole_batch_without_its_columns_of_zeros() {
        let data = images();
        let mut active = ActivePixels::new(8, 25);
        let (mut labels, mut expected_labels) = ([9; 8], [9; 8]);
        for input in [Input::Gray, Input::Binary { threshold: 90 }] {
            for (start, batch) in (0..32).flat_map(|start| [1, 2, 7, 8].map(|batch| (start, batch))) {
                let indices: Vec<u32> = (start..start + batch as u32).rev().collect();
                let mut x = Array2::from_elem((batch, 25), f32::NAN);
                data.gather(input, &indices, x.view_mut(), &mut expected_labels[..batch]);
                data.gather_active(input, &indices, &mut active, &mut labels[..batch]);
                assert_eq!(labels[..batch], expected_labels[..batch]);
                let columns = active.columns();
                let expected: Vec<usize> =
                    (0..25).filter(|&pixel| x.column(pixel).iter().any(|&value| value != 0.0)).collect();
                assert!(columns.picked().iter().map(|&pixel| pixel as usize).eq(expected));
                assert_eq!(Samples::Active(columns).to_whole(), x);
            }
        }
    }
}
