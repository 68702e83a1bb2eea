//! A PNG an image, in a folder a class.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{cannot_hold, named};
use crate::data::{Dataset, Splits};
use crate::error::Result;

/// The name of each class's folder: that of the class, or its number.
pub(super) fn folder_names(train: &Dataset, out: &Path) -> Result<Vec<String>> {
    let numbers = || (0..train.classes()).map(|class| class.to_string()).collect();
    let names = train.class_names().map_or_else(numbers, <[String]>::to_vec);
    let free = |name: &&String| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    match names.iter().find(|name| !free(name)) {
        None => Ok(names),
        Some(name) => Err(cannot_hold(out, "class names that folders can have", name, "rename the class")),
    }
}

/// `NUMBER.png` is the image of that number in its split, so that sorted names keep their order.
pub(super) fn write(splits: &Splits, names: &[String], folder: &Path) -> io::Result<()> {
    for (split, images) in named(splits, ["train", "validation", "test"]) {
        for name in names {
            fs::create_dir_all(folder.join(split).join(name))?;
        }
        for (i, &label) in images.labels().iter().enumerate() {
            let path = folder.join(split).join(&names[usize::from(label)]).join(format!("{i:06}.png"));
            png(path.as_path(), images.image(i), images.size()).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn png(path: &Path, pixels: &[u8], size: (usize, usize)) -> std::result::Result<(), png::EncodingError> {
    write_png(BufWriter::new(File::create(path)?), pixels, size)
}

/// Writes a gray picture of `size` = (H, W), `pixels` (H, W) 0 black to 255 white, as PNG.
///
/// # Errors
/// Those of `out`.
///
/// # Panics
/// If `pixels` are not H x W.
pub fn write_png(
    out: impl Write,
    pixels: &[u8],
    (height, width): (usize, usize),
) -> std::result::Result<(), png::EncodingError> {
    assert_eq!(pixels.len(), height * width, "pixels are not height x width");
    let mut encoder = png::Encoder::new(out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()
}
