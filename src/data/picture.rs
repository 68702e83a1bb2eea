//! One picture: PNG, JPEG or PGM, told by its first bytes, as gray.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{Error, Result, obstacle, shown};

/// Bytes of a picture file that we agree to read.
pub const MAX_FILE: u64 = 16 << 20;
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

/// Reads the picture in `path`, upright as its camera noted (EXIF), colour turned to gray by its luma. What is transparent
/// is black, or white where that which is drawn on it is dark.
///
/// # Errors
/// [`Error::Data`] if it is none, not whole, or larger than 4096 pixels to a side.
pub fn read(path: &Path) -> Result<Picture> {
    decode(path, &whole_file(path)?)
}

/// The picture that `bytes` hold, as [`read`]; `path` is where they came from, for messages.
///
/// # Errors
/// As [`read`].
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture> {
    decode_by(path, bytes, [png, jpeg, pgm])
}

/// Height and width of the picture in `path`, by its header; errors as [`read`], as far as that shows them.
pub(super) fn size(path: &Path) -> Result<(usize, usize)> {
    decode_by(path, &whole_file(path)?, [png_size, jpeg_size, |bytes| Ok(pgm_header(bytes)?.size)])
}

/// Whether a file that starts so is a picture.
pub(super) fn is_picture(start: &[u8]) -> bool {
    [&b"\x89PNG"[..], b"\xff\xd8", b"P5"].iter().any(|magic| start.starts_with(magic))
}

/// What was asked for, or what was found instead.
type Found<T> = std::result::Result<T, String>;
/// Height and width, in pixels.
type Size = (usize, usize);
/// Takes the bytes of a file apart.
type Decoder<T> = fn(&[u8]) -> Found<T>;
type PngReader<'a> = png::Reader<Cursor<&'a [u8]>>;
type JpegReader<'a> = JpegDecoder<Cursor<&'a [u8]>>;

/// What the decoder of their format makes of `bytes`: of PNG, of JPEG, of PGM.
fn decode_by<T>(path: &Path, bytes: &[u8], [png, jpeg, pgm]: [Decoder<T>; 3]) -> Result<T> {
    let decoded = match bytes {
        _ if bytes.len() as u64 > MAX_FILE => Err(format!("more than {} MiB", MAX_FILE >> 20)),
        _ if bytes.starts_with(b"\x89PNG") => png(bytes),
        _ if bytes.starts_with(b"\xff\xd8") => jpeg(bytes),
        _ if bytes.starts_with(b"P5") => pgm(bytes),
        _ => Err("another beginning".to_owned()),
    };
    decoded.map_err(|found| {
        let expected = format!("a whole PNG, JPEG or PGM of at most {MAX_SIDE}x{MAX_SIDE} pixels");
        let remedy = if found.ends_with(PIXELS) { "scale it down" } else { "copy the file again, or save it as PNG" };
        let found = found.split_whitespace().collect::<Vec<_>>().join(" "); // decoders write over several lines
        Error::data(path, "picture", expected, shown(&found), remedy)
    })
}

fn whole_file(path: &Path) -> Result<Vec<u8>> {
    let read = || {
        let length = fs::metadata(path).and_then(|metadata| match metadata {
            _ if !metadata.is_file() => Err(io::Error::other("not a regular file")),
            _ if metadata.len() > MAX_FILE => Err(io::Error::other(format!("{} bytes", metadata.len()))),
            _ => Ok(metadata.len()),
        })?;
        let mut bytes = Vec::new();
        File::open(path)?.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => {
            Error::data(path, "picture", "a PNG, JPEG or PGM file", obstacle(&source), "look for a mistake in its name")
        }
        _ => {
            let remedy = "make it a readable file of at most 16 MiB";
            Error::Io { action: "read", path: path.to_owned(), source, remedy }
        }
    })
}

/// How the message about a picture that is too large ends.
const PIXELS: &str = " pixels";

fn checked(height: usize, width: usize) -> Found<Size> {
    let fits = |side| (1..=MAX_SIDE).contains(&side);
    if fits(height) && fits(width) { Ok((height, width)) } else { Err(format!("{height}x{width}{PIXELS}")) }
}

/// Rec. 601 luma, as JPEG and PIL have it, correctly rounded.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as u8
}

/// Gray over paper on which it can be seen: black, or white if what is drawn is mostly dark.
fn over_paper(pixels: &[[u8; 2]]) -> Vec<u8> {
    let (sum, opacity) = pixels.iter().fold((0_u64, 0_u64), |(sum, opacity), &[gray, alpha]| {
        (sum + u64::from(gray) * u64::from(alpha), opacity + u64::from(alpha))
    });
    let see_through = opacity < 255 * pixels.len() as u64;
    let paper = if see_through && sum < 128 * opacity { 255 } else { 0 };
    let over = |&[gray, alpha]: &[u8; 2]| {
        let (gray, alpha) = (u32::from(gray), u32::from(alpha));
        ((gray * alpha + paper * (255 - alpha) + 127) / 255) as u8
    };
    pixels.iter().map(over).collect()
}

fn png_reader(bytes: &[u8]) -> Found<(PngReader<'_>, Size)> {
    let limits = png::Limits { bytes: 4 * MAX_SIDE * MAX_SIDE };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = checked(reader.info().height as usize, reader.info().width as usize)?;
    Ok((reader, size))
}

fn png_size(bytes: &[u8]) -> Found<Size> {
    let (reader, size) = png_reader(bytes)?;
    Ok(Orientation::of(reader.info().exif_metadata.as_deref()).turned_size(size))
}

fn png(bytes: &[u8]) -> Found<Picture> {
    let say = |error: png::DecodingError| error.to_string();
    let (mut reader, size) = png_reader(bytes)?;
    let mut decoded = vec![0; reader.output_buffer_size().ok_or("more than fits in memory")?];
    let frame = reader.next_frame(&mut decoded).map_err(say)?;
    reader.finish().map_err(say)?; // the checksum of the last chunk, and the end
    decoded.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        png::ColorType::Grayscale => decoded,
        png::ColorType::GrayscaleAlpha => over_paper(decoded.as_chunks().0),
        png::ColorType::Rgb => gray(&decoded),
        png::ColorType::Rgba => {
            let gray = |&[r, g, b, a]: &[u8; 4]| [luma(r, g, b), a];
            over_paper(&decoded.as_chunks().0.iter().map(gray).collect::<Vec<_>>())
        }
        png::ColorType::Indexed => return Err("colours by number".to_owned()), // expanded before: does not come here
    };
    let orientation = Orientation::of(reader.info().exif_metadata.as_deref());
    Ok(orientation.turn(picture(pixels, size)?))
}

/// Of red, green and blue.
fn gray(pixels: &[u8]) -> Vec<u8> {
    pixels.as_chunks().0.iter().map(|&[r, g, b]| luma(r, g, b)).collect()
}

/// The format knows no longer side: ours are checked once the header is read, before anything is allocated for it.
const LARGEST_JPEG: usize = 65_535;

fn jpeg_decoder(bytes: &[u8]) -> Found<(JpegReader<'_>, Size)> {
    let options =
        DecoderOptions::default().set_max_width(LARGEST_JPEG).set_max_height(LARGEST_JPEG).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| format!("{error:?}"))?;
    let info = decoder.info().ok_or("no size")?;
    let size = checked(info.height.into(), info.width.into())?;
    Ok((decoder, size))
}

fn jpeg_size(bytes: &[u8]) -> Found<Size> {
    let (decoder, size) = jpeg_decoder(bytes)?;
    Ok(Orientation::of(decoder.exif().map(Vec::as_slice)).turned_size(size))
}

fn jpeg(bytes: &[u8]) -> Found<Picture> {
    let (mut decoder, size) = jpeg_decoder(bytes)?;
    if !has_end(bytes) {
        return Err("no end".to_owned());
    }
    let has_luma = matches!(decoder.input_colorspace(), Some(ColorSpace::Luma | ColorSpace::YCbCr));
    let wanted = if has_luma { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(wanted));
    let decoded = decoder.decode().map_err(|error| format!("{error:?}"))?;
    let pixels = if has_luma { decoded } else { gray(&decoded) };
    Ok(Orientation::of(decoder.exif().map(Vec::as_slice)).turn(picture(pixels, size)?))
}

/// Whether a JPEG has its end: a decoder takes what is cut off for gray. Cameras put more after it: previews, depths.
///
/// Segments begin with ff and a marker, and have a length; after the start of a scan (da) come its bits, in which ff is
/// followed by 0 or a restart, until the next marker (ITU T.81, annex B).
fn has_end(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let is_marker = |pair: &[u8]| matches!(*pair, [0xff, kind] if !matches!(kind, 0 | 0xd0..=0xd7 | 0xff));
        let Some(at) = rest.windows(2).position(is_marker) else { return false };
        match rest.get(at + 1..) {
            Some([0xd9, ..]) => return true,
            Some(&[_, high, low, ..]) => {
                let next = at + 2 + usize::from(u16::from_be_bytes([high, low]));
                let Some(after) = rest.get(next..) else { return false };
                rest = after;
            }
            _ => return false,
        }
    }
}

/// What is to be done to a picture so that it is upright, as cameras note it: 1 to 8, the values of EXIF's tag 0x112.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Orientation(u16);

impl Orientation {
    /// Upright, also where nothing is noted, or nothing that makes sense.
    const NONE: Self = Self(1);

    /// Of the EXIF data, which are a TIFF file: its first directory has an entry of 12 bytes for each tag.
    fn of(exif: Option<&[u8]>) -> Self {
        let noted = || {
            let exif = exif?;
            let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
            let little = exif.starts_with(b"II*\0");
            (little || exif.starts_with(b"MM\0*")).then_some(())?;
            let number = |at: usize, bytes: usize| {
                let bytes = exif.get(at..at.checked_add(bytes)?)?.iter();
                let join = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
                Some(if little { bytes.rev().fold(0, join) } else { bytes.fold(0, join) })
            };
            let directory = number(4, 4)?;
            let entries = (0..number(directory, 2)?).map(|i| directory + 2 + 12 * i);
            let entry = entries.take_while(|&at| at < exif.len()).find(|&at| number(at, 2) == Some(0x112))?;
            u16::try_from(number(entry + 8, 2)?).ok().filter(|value| (1..=8).contains(value))
        };
        noted().map_or(Self::NONE, Self)
    }

    fn turned_size(self, (height, width): (usize, usize)) -> (usize, usize) {
        if self.0 >= 5 { (width, height) } else { (height, width) }
    }

    #[expect(clippy::indexing_slicing, reason = "a place in the picture for each place in it")]
    fn turn(self, picture: Picture) -> Picture {
        if self == Self::NONE {
            return picture;
        }
        let ((height, width), size) = (picture.size, self.turned_size(picture.size));
        let (last_row, last_column) = (height - 1, width - 1);
        let from = |i: usize| {
            let (y, x) = (i / size.1, i % size.1);
            let (row, column) = match self.0 {
                2 => (y, last_column - x),
                3 => (last_row - y, last_column - x),
                4 => (last_row - y, x),
                5 => (x, y),
                6 => (last_row - x, y),
                7 => (last_row - x, last_column - y),
                8 => (x, last_column - y),
                _ => (y, x),
            };
            picture.pixels[row * width + column]
        };
        Picture { pixels: (0..height * width).map(from).collect(), size }
    }
}

/// The header of a binary PGM: `P5 WIDTH HEIGHT WHITE`, with comments, and one white space.
struct PgmHeader {
    size: (usize, usize),
    /// The level of white, which is 1 at least; above 255 a pixel has two bytes.
    white: u32,
    /// Where the pixels begin.
    end: usize,
}

fn pgm_header(bytes: &[u8]) -> Found<PgmHeader> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut numbers = [0_usize; 3];
    for number in &mut numbers {
        let gap = rest.len();
        while let [first, after @ ..] = rest {
            match first {
                b'#' => rest = rest.iter().position(|&byte| byte == b'\n').map_or(&[], |end| rest.split_at(end).1),
                byte if byte.is_ascii_whitespace() => rest = after,
                _ => break,
            }
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 6 || gap == rest.len() {
            return Err("a header that is not whole".to_owned());
        }
        let (digits, after) = rest.split_at(digits);
        *number = digits.iter().fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
        rest = after;
    }
    let [width, height, white] = numbers;
    let size = checked(height, width)?;
    match rest {
        [space, pixels @ ..] if space.is_ascii_whitespace() && (1..=0xffff).contains(&white) => {
            Ok(PgmHeader { size, white: white as u32, end: bytes.len() - pixels.len() })
        }
        _ => Err(format!("white as {white}, which should be 1 to 65535")),
    }
}

fn pgm(bytes: &[u8]) -> Found<Picture> {
    let PgmHeader { size, white, end } = pgm_header(bytes)?;
    let level = |value: u32| ((value.min(white) * 255 + white / 2) / white) as u8;
    let bytes = bytes.get(end..).unwrap_or_default();
    let pixels = match white {
        255 => bytes.to_vec(),
        0..255 => bytes.iter().map(|&byte| level(byte.into())).collect(),
        _ if bytes.len() % 2 == 1 => return Err("half a pixel".to_owned()),
        _ => bytes.as_chunks().0.iter().map(|&pair| level(u16::from_be_bytes(pair).into())).collect(),
    };
    picture(pixels, size)
}

fn picture(pixels: Vec<u8>, size: (usize, usize)) -> Found<Picture> {
    if pixels.len() == size.0 * size.1 {
        Ok(Picture { pixels, size })
    } else {
        Err(format!("{} pixels for {}x{}", pixels.len(), size.0, size.1))
    }
}
