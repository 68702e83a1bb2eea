//! Data sets: images one byte a pixel, labels, classes; where they are found and how they are read.
//!
//! Never writes a file, never prints, never allocates by an unchecked header.

use crate::error::Result;

/// Labelled images of one size, one byte a pixel, stored one image after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    images: Vec<u8>,
    labels: Vec<u8>,
    height: usize,
    width: usize,
    classes: usize,
}

/// A data set as it is published: the images to learn from, and those that only `eval` may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    pub train: Dataset,
    pub test: Dataset,
}

impl Dataset {
    /// `images` holds `labels.len()` images of `height` x `width` bytes, 0 black to 255 white.
    ///
    /// # Panics
    /// If the lengths disagree or a label is not below `classes`: readers check both before.
    pub fn new(images: Vec<u8>, labels: Vec<u8>, (height, width): (usize, usize), classes: usize) -> Self {
        assert_eq!(images.len(), labels.len() * height * width, "images and labels disagree");
        assert!(labels.iter().all(|&label| usize::from(label) < classes), "a label is out of range");
        Self { images, labels, height, width, classes }
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

    /// The label of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of image `i`, row after row.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.images[i * self.pixels()..(i + 1) * self.pixels()]
    }
}

/// Loads the data set `name_or_path`.
pub fn load(_name_or_path: &str) -> Result<Splits> {
    unimplemented!("helper B")
}
impl Dataset {
    /// Row `r` of `x` (B, I) becomes image `indices[r]`, each byte / 255, and `labels[r]` its label.
    pub fn gather(&self, indices: &[u32], mut x: ndarray::ArrayViewMut2<f32>, labels: &mut [u8]) {
        for ((mut row, label), &i) in x.rows_mut().into_iter().zip(labels).zip(indices) {
            let row = row.as_slice_mut().expect("a contiguous row");
            for (x, &byte) in row.iter_mut().zip(self.image(i as usize)) {
                *x = f32::from(byte) / 255.0;
            }
            *label = self.labels[i as usize];
        }
    }
}
