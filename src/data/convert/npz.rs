//! A data set as NumPy arrays, under the names that Keras gives them.

use std::io::{self, Write};

use super::named;
use crate::data::Splits;
use crate::numpy::{Archive, Element};

pub(super) fn write(splits: &Splits, out: &mut dyn Write) -> io::Result<()> {
    let (height, width) = splits.train.size();
    let mut archive = Archive::new(out);
    for (split, images) in named(splits, ["train", "val", "test"]) {
        archive.array(&format!("x_{split}"), Element::U8, &[images.len(), height, width], &images.images())?;
        archive.array(&format!("y_{split}"), Element::U8, &[images.len()], images.labels())?;
    }
    archive.finish()
}
