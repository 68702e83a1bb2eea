//! Pictures inside other documents: PNG in a `data:` URI.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// `pixels` as a `data:` URI of a PNG, `height` x `width` bytes, 0 black to 255 white, each drawn as a square of `times`
/// x `times`: viewers that smooth what they enlarge then leave the squares square.
pub(super) fn data_uri(pixels: &[u8], (height, width): (usize, usize), times: usize) -> String {
    let enlarged = enlarge(pixels, width, times);
    uri(encode(&enlarged, (height * times, width * times), None))
}

/// A colour: red, green, blue, and how much it covers.
pub(super) type Color = [u8; 4];

/// `pixels` as a `data:` URI of a PNG, `height` x `width` numbers of colours in `palette`.
pub(super) fn colored_data_uri(pixels: &[u8], size: (usize, usize), palette: &[Color]) -> String {
    uri(encode(pixels, size, Some(palette)))
}

fn uri(png: io::Result<Vec<u8>>) -> String {
    format!("data:image/png;base64,{}", base64(&png.expect("writing to memory does not fail")))
}

fn enlarge(pixels: &[u8], width: usize, times: usize) -> Vec<u8> {
    let wide = |row: &[u8]| row.iter().flat_map(|&pixel| std::iter::repeat_n(pixel, times)).collect::<Vec<_>>();
    pixels.chunks_exact(width).flat_map(|row| wide(row).repeat(times)).collect()
}

/// Filter of a row that keeps the difference to the row above: nothing, where rows repeat.
const UP: u8 = 2;

/// The PNG (ISO/IEC 15948) of an 8-bit picture: gray, or of numbers of colours in a palette.
fn encode(pixels: &[u8], (height, width): (usize, usize), palette: Option<&[Color]>) -> io::Result<Vec<u8>> {
    assert_eq!(pixels.len(), height * width, "pixels are not height x width");
    let side = |side: usize| u32::try_from(side).expect("a picture's side fits in 32 bits").to_be_bytes();
    let [depth, deflate, no_filters, not_interlaced] = [8, 0, 0, 0];
    let kind = if palette.is_some() { 3 } else { 0 };
    let header = [&side(width)[..], &side(height), &[depth, kind, deflate, no_filters, not_interlaced]].concat();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut above = vec![0; width];
    for row in pixels.chunks_exact(width) {
        packed.write_all(&[UP])?;
        packed
            .write_all(&row.iter().zip(&above).map(|(pixel, above)| pixel.wrapping_sub(*above)).collect::<Vec<_>>())?;
        above.copy_from_slice(row);
    }
    let colors: Vec<u8> =
        palette.iter().flat_map(|palette| palette.iter().flat_map(|&[r, g, b, _]| [r, g, b])).collect();
    let cover: Vec<u8> = palette.iter().flat_map(|palette| palette.iter().map(|&[.., alpha]| alpha)).collect();
    let palette = [chunk(b"PLTE", &colors), chunk(b"tRNS", &cover)].concat();
    let palette = if colors.is_empty() { Vec::new() } else { palette };
    let (header, image) = (chunk(b"IHDR", &header), chunk(b"IDAT", &packed.finish()?));
    Ok([&b"\x89PNG\r\n\x1a\n"[..], &header, &palette, &image, &chunk(b"IEND", &[])].concat())
}

/// Length, name, content, and the CRC of the last two.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(content);
    let length = u32::try_from(content.len()).expect("a chunk's length fits in 32 bits");
    [&length.to_be_bytes()[..], name, content, &crc.sum().to_be_bytes()].concat()
}

/// Base64 with padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().chain(&[0; 2]).take(3).fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    #[test]
    fn base64_matches_the_vectors_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in vectors {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn an_enlarged_pixel_is_a_square() {
        assert_eq!(enlarge(&[1, 2, 3, 4], 2, 2), [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    }

    #[test]
    fn a_picture_unpacks_to_its_rows_each_less_the_row_above() {
        let png = encode(&[1, 2, 3, 4, 5, 6], (2, 3), None).unwrap();
        assert_eq!(png[16..24], [0, 0, 0, 3, 0, 0, 0, 2], "width, then height");
        let data = png.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
        let mut rows = Vec::new();
        ZlibDecoder::new(&png[data..]).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [UP, 1, 2, 3, UP, 3, 3, 3]);
        assert!(png.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]), "the CRC of IEND");
    }

    /// Read by the decoder that reads people's pictures.
    #[test]
    fn a_picture_of_colours_unpacks_to_them() {
        let palette = [[255, 0, 0, 255], [0, 0, 255, 40]];
        let bytes = encode(&[0, 1, 1, 0, 0, 1], (2, 3), Some(&palette)).unwrap();
        let mut decoder = png::Decoder::new(io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 1, 1, 0, 0, 1].map(|i: usize| palette[i]).concat());
    }
}
