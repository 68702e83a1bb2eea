//! Arrays as NumPy keeps them, and the images and labels they are made into.

use std::path::Path;

use crate::error::{Error, Result};

/// How far a float may lie from `byte / 255` or `byte / 256` to count as that byte.
const TOLERANCE: f64 = 1e-3;
/// Bytes of pixels in an array that we agree to read: 1 GiB, over twenty times MNIST.
pub(super) const MAX_PIXELS: usize = 1 << 30;
/// Dimensions of an array that we agree to read; images with a channel have four.
pub(super) const MAX_DIMENSIONS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// What an array holds: `<f4`, `|u1`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementType {
    kind: Kind,
    bytes: usize,
    big_endian: bool,
}

impl ElementType {
    /// Of NumPy's short name, little-endian if it does not tell; none for types that hold neither pixels nor labels.
    pub fn parse(name: &str) -> Option<Self> {
        let (big_endian, name) = match name.as_bytes().first()? {
            b'<' | b'|' => (false, &name[1..]),
            b'>' => (true, &name[1..]),
            _ => (false, name),
        };
        let (kind, bytes) = match name {
            "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "f4" => (Kind::Float, 4),
            "f8" => (Kind::Float, 8),
            _ => return None,
        };
        Some(Self { kind, bytes, big_endian })
    }

    /// The same type in the byte order that NumPy has this character for.
    pub fn ordered(self, order: &str) -> Option<Self> {
        match order {
            "<" | "|" => Some(Self { big_endian: false, ..self }),
            ">" => Some(Self { big_endian: true, ..self }),
            _ => None,
        }
    }
}

/// An array in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    element: ElementType,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// Bytes of an array of this shape, if it is one that we agree to read.
pub(super) fn bytes_of(element: ElementType, shape: &[u64]) -> Option<usize> {
    if shape.len() > MAX_DIMENSIONS {
        return None;
    }
    let elements = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))?;
    let elements = usize::try_from(elements).ok().filter(|&elements| elements <= MAX_PIXELS)?;
    elements.checked_mul(element.bytes)
}

impl Array {
    /// None if `data` is not what `shape` takes.
    pub fn new(element: ElementType, shape: &[u64], data: Vec<u8>) -> Option<Self> {
        let fits = bytes_of(element, shape)? == data.len();
        let shape = shape.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<_>>()?;
        fits.then_some(Self { element, shape, data })
    }

    /// Every element, in order. 64-bit integers beyond 2^53 lose their last digits, which nobody here asks for.
    fn values(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        macro_rules! each {
            ($($kind:pat, $bytes:literal => $type:ty;)*) => {
                match (self.element.kind, self.element.bytes) {
                    $(($kind, $bytes) => {
                        let chunks = self.data.as_chunks::<$bytes>().0.iter();
                        match self.element.big_endian {
                            true => Box::new(chunks.map(|&chunk| <$type>::from_be_bytes(chunk) as f64)),
                            false => Box::new(chunks.map(|&chunk| <$type>::from_le_bytes(chunk) as f64)),
                        }
                    })*
                    _ => unreachable!("parse makes no other type"),
                }
            };
        }
        each! {
            Kind::Unsigned, 1 => u8; Kind::Unsigned, 2 => u16; Kind::Unsigned, 4 => u32; Kind::Unsigned, 8 => u64;
            Kind::Signed, 1 => i8; Kind::Signed, 2 => i16; Kind::Signed, 4 => i32; Kind::Signed, 8 => i64;
            Kind::Float, 4 => f32; Kind::Float, 8 => f64;
        }
    }
}

/// An array in a file, and what it is to the data set.
pub(super) struct Source<'a> {
    pub path: &'a Path,
    /// "training images", "test labels", ...
    pub what: &'static str,
    pub array: &'a Array,
}

/// What a byte became in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Kept as it was.
    Byte,
    /// `byte / 255`: white is 1.
    By255,
    /// `byte / 256`: white is 0.99609375, as in the `mnist.pkl.gz` of deeplearning.net
    /// (<https://github.com/lisa-lab/pylearn2/issues/93>).
    By256,
}

/// The images of one split, a byte a pixel.
pub(super) struct Images {
    pub bytes: Vec<u8>,
    /// Height and width, in pixels; not zero.
    pub size: (usize, usize),
}

/// How many images an array of this shape holds, and their height and width: of (N, H, W), of (N, H, W, 1), or the side of
/// the square of (N, pixels).
pub(super) fn outline_of(path: &Path, what: &'static str, shape: &[usize]) -> Result<Outline> {
    let outline = match *shape {
        [count, pixels] => {
            Some((count, (pixels.isqrt(), pixels.isqrt()))).filter(|(_, (side, _))| side * side == pixels)
        }
        [count, height, width] | [count, height, width, 1] => Some((count, (height, width))),
        _ => None,
    };
    let outline = outline.map(|(count, size)| Outline { count, size });
    outline.filter(|Outline { count, size }| size.0 > 0 && size.1 > 0 && *count > 0).ok_or_else(|| {
        let remedy = "keep images as (N, height, width), or as (N, pixels) if they are square";
        let expected = "images of shape (N, height, width) or (N, pixels)";
        Error::data(path, what, expected, shown(shape), remedy)
    })
}

/// Images that were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outline {
    pub count: usize,
    /// Height and width, in pixels; not zero.
    pub size: (usize, usize),
}

/// A shape as NumPy prints it.
fn shown(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

impl Source<'_> {
    fn mismatch(&self, expected: impl std::fmt::Display, found: impl std::fmt::Display, remedy: &'static str) -> Error {
        Error::data(self.path, self.what, expected, found, remedy)
    }

    /// The labels, (N).
    pub fn labels(&self) -> Result<Vec<u8>> {
        let remedy = "number the classes from 0 on, one label an image";
        if self.array.element.kind == Kind::Float || self.array.shape.len() != 1 {
            let found = format!("{} {}", self.type_name(), shown(&self.array.shape));
            return Err(self.mismatch("integers of shape (N)", found, remedy));
        }
        let label = |(i, value): (usize, f64)| match value {
            0.0..=255.0 => Ok(value as u8),
            _ => Err(self.mismatch("labels from 0 to 255", format!("{value} at image {i}"), remedy)),
        };
        self.array.values().enumerate().map(label).collect()
    }

    fn size(&self) -> Result<(usize, usize)> {
        let outline = outline_of(self.path, self.what, &self.array.shape)?;
        Ok(outline.size)
    }

    fn type_name(&self) -> &'static str {
        match self.array.element.kind {
            Kind::Float => "floats",
            Kind::Unsigned | Kind::Signed => "integers",
        }
    }
}

/// The images of every split. Floats are taken back to the bytes they were, all on the same scale; integers are bytes.
///
/// # Errors
/// If the shape is not one of images, or if some value is no byte on either scale.
pub(super) fn images(sources: &[Source]) -> Result<(Vec<Images>, Scale)> {
    let sizes = sources.iter().map(Source::size).collect::<Result<Vec<_>>>()?;
    let floats = sources.iter().filter(|source| source.array.element.kind == Kind::Float).count();
    if let Some(first) = sources.first()
        && let Some(other) = sources.iter().find(|source| source.array.element.kind != first.array.element.kind)
        && floats > 0
    {
        let remedy = "keep every split in the same type";
        return Err(other.mismatch(format!("{} as in the others", first.type_name()), other.type_name(), remedy));
    }
    let scale = if floats > 0 { scale(sources)? } else { Scale::Byte };
    let images = |(source, size): (&Source, (usize, usize))| Ok(Images { bytes: source.bytes(scale)?, size });
    Ok((sources.iter().zip(sizes).map(images).collect::<Result<_>>()?, scale))
}

/// How far `value` on `scale` is from a byte, in levels; infinite beyond 0 and 255, and for what is no number.
fn distance(value: f64, scale: f64) -> f64 {
    let level = value * scale;
    let byte = level.round();
    if (0.0..=255.0).contains(&byte) { (level - byte).abs() } else { f64::INFINITY }
}

/// The scale on which every value is a byte; of two, the one they fit better.
fn scale(sources: &[Source]) -> Result<Scale> {
    let (mut worst_255, mut worst_256) = (0.0_f64, 0.0_f64);
    for source in sources {
        for (i, value) in source.array.values().enumerate() {
            worst_255 = worst_255.max(distance(value, 255.0));
            worst_256 = worst_256.max(distance(value, 256.0));
            if worst_255 > 255.0 * TOLERANCE && worst_256 > 256.0 * TOLERANCE {
                let pixels: usize = source.array.shape.iter().skip(1).product();
                return Err(source.mismatch(
                    "byte / 255 in every pixel, or byte / 256 in every pixel",
                    format!(
                        "{} at image {}, pixel {}, which rules out the second of the two",
                        value as f32,
                        i / pixels,
                        i % pixels
                    ),
                    "keep images as they were before any normalisation, in [0, 1] or as bytes",
                ));
            }
        }
    }
    let fits_255 = worst_255 <= 255.0 * TOLERANCE;
    let better_255 = worst_256 > 256.0 * TOLERANCE || worst_255 <= worst_256;
    Ok(if fits_255 && better_255 { Scale::By255 } else { Scale::By256 })
}

impl Source<'_> {
    fn bytes(&self, scale: Scale) -> Result<Vec<u8>> {
        let times = |times: f64| Ok(self.array.values().map(|value| (value * times).round() as u8).collect());
        match scale {
            Scale::By255 => times(255.0),
            Scale::By256 => times(256.0),
            Scale::Byte if self.array.element.kind == Kind::Unsigned && self.array.element.bytes == 1 => {
                Ok(self.array.data.clone())
            }
            Scale::Byte => {
                let byte = |value| match value {
                    0.0..=255.0 => Ok(value as u8),
                    _ => {
                        Err(self.mismatch("bytes from 0 to 255", value, "keep pixels as bytes, or as floats in [0, 1]"))
                    }
                };
                self.array.values().map(byte).collect()
            }
        }
    }
}

#[cfg(test)]
#[path = "array/tests.rs"]
mod tests;
