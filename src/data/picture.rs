//! One picture: PNG, JPEG or PGM, told by its first bytes, as gray.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::content::FETCH_AGAIN;
use crate::error::{Error, Mismatch, Result, shown};

/// Bytes of a picture file that we agree to read.
const MAX_FILE: u64 = 16 << 20;
/// Pixels to a side that we agree to decode.
pub const MAX_SIDE: usize = 4096;

/// A gray picture, row after row, 0 black to 255 white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// height x width bytes.
    pub pixels: Vec<u8>,
    /// Height and width, in pixels, not zero.
    pub size: (usize, usize),
}

/// Reads the picture in `path`, colour turned to gray by its luma; what is transparent is black.
///
/// # Errors
/// [`Error::Data`] if it is none, not whole, or larger than 4096 pixels to a side.
pub fn read(path: &Path) -> Result<Picture> {
    let bytes = whole_file(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
        remedy: "make it a readable file of at most 16 MiB",
    })?;
    let decoded = match bytes {
        _ if bytes.starts_with(b"\x89PNG") => png(&bytes),
        _ if bytes.starts_with(b"\xff\xd8") => jpeg(&bytes),
        _ if bytes.starts_with(b"P5") => pgm(&bytes),
        _ => Err("another beginning".to_owned()),
    };
    decoded.map_err(|found| {
        let expected = format!("a whole PNG, JPEG or PGM of at most {MAX_SIDE}x{MAX_SIDE} pixels");
        Error::Data(Mismatch::new(path, "picture", expected, shown(&found), FETCH_AGAIN))
    })
}

fn whole_file(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path).and_then(|metadata| match metadata {
        _ if !metadata.is_file() => Err(io::Error::other("not a regular file")),
        _ if metadata.len() > MAX_FILE => Err(io::Error::other(format!("{} bytes", metadata.len()))),
        _ => Ok(metadata.len()),
    })?;
    let mut bytes = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn checked(height: usize, width: usize) -> std::result::Result<(usize, usize), String> {
    let fits = |side| (1..=MAX_SIDE).contains(&side);
    if fits(height) && fits(width) { Ok((height, width)) } else { Err(format!("{height}x{width} pixels")) }
}

/// Rec. 601 luma, as JPEG and PIL have it, correctly rounded.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as u8
}

fn over_black(gray: u8, alpha: u8) -> u8 {
    ((u32::from(gray) * u32::from(alpha) + 127) / 255) as u8
}

fn png(bytes: &[u8]) -> std::result::Result<Picture, String> {
    let say = |error: png::DecodingError| error.to_string();
    let limits = png::Limits { bytes: 4 * MAX_SIDE * MAX_SIDE };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(say)?;
    let size = checked(reader.info().height as usize, reader.info().width as usize)?;
    let mut decoded = vec![0; reader.output_buffer_size().ok_or("more than fits in memory")?];
    let frame = reader.next_frame(&mut decoded).map_err(say)?;
    reader.finish().map_err(say)?; // the checksum of the last chunk, and the end
    decoded.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        png::ColorType::Grayscale => decoded,
        png::ColorType::GrayscaleAlpha => decoded.as_chunks().0.iter().map(|&[gray, a]| over_black(gray, a)).collect(),
        png::ColorType::Rgb => decoded.as_chunks().0.iter().map(|&[r, g, b]| luma(r, g, b)).collect(),
        png::ColorType::Rgba => {
            decoded.as_chunks().0.iter().map(|&[r, g, b, a]| over_black(luma(r, g, b), a)).collect()
        }
        png::ColorType::Indexed => return Err("colours by number".to_owned()), // expanded before: does not come here
    };
    picture(pixels, size)
}

fn jpeg(bytes: &[u8]) -> std::result::Result<Picture, String> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| format!("{error:?}"))?;
    let info = decoder.info().ok_or("no size")?;
    let size = checked(info.height.into(), info.width.into())?;
    if !bytes.ends_with(&[0xff, 0xd9]) {
        return Err("no end".to_owned());
    }
    picture(decoder.decode().map_err(|error| format!("{error:?}"))?, size)
}

/// Binary PGM, 8 bits: `P5 WIDTH HEIGHT 255`, with comments, one white space, and the pixels.
fn pgm(bytes: &[u8]) -> std::result::Result<Picture, String> {
    let mut rest = &bytes[2..];
    let mut numbers = [0_usize; 3];
    for number in &mut numbers {
        let gap = rest.len();
        while let [first, after @ ..] = rest {
            match first {
                b'#' => rest = &rest[rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())..],
                byte if byte.is_ascii_whitespace() => rest = after,
                _ => break,
            }
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 6 || gap == rest.len() {
            return Err("a header that is not whole".to_owned());
        }
        *number = rest[..digits].iter().fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
        rest = &rest[digits..];
    }
    let [width, height, white] = numbers;
    let size = checked(height, width)?;
    match rest {
        [space, pixels @ ..] if space.is_ascii_whitespace() && white == 255 => picture(pixels.to_vec(), size),
        _ => Err(format!("white as {white}, which should be 255")),
    }
}

fn picture(pixels: Vec<u8>, size: (usize, usize)) -> std::result::Result<Picture, String> {
    if pixels.len() == size.0 * size.1 {
        Ok(Picture { pixels, size })
    } else {
        Err(format!("{} pixels for {}x{}", pixels.len(), size.0, size.1))
    }
}
