//! The classic `mnist.pkl.gz`: three pairs of arrays. Written so that Python 2 and 3 both load it without being told more:
//! bytes go out as Latin-1 text that `_codecs.encode` takes back, as Python 3 itself writes them for Python 2.

use std::io::{self, Write};
use std::path::Path;

use super::cannot_hold;
use crate::data::{Dataset, Splits};
use crate::error::Result;

/// Images the classic file takes from the end of MNIST's training images for validation: a sixth of them.
const CLASSIC: usize = 10_000;

/// Training and validation images: as they are, or the classic split.
pub(super) fn split(splits: &Splits, out: &Path) -> Result<(Dataset, Dataset)> {
    let train = &splits.train;
    if let Some(validation) = &splits.validation {
        return Ok((train.clone(), validation.clone()));
    }
    let count = (train.len() / 6).min(CLASSIC);
    let first = train.len() - count;
    // A class that only the last images have would be unknown to the others.
    let known = |labels: &[u8]| labels.iter().max() == train.labels().iter().max();
    if count == 0 || !known(&train.labels()[..first]) {
        let found = format!("{} images", train.len());
        let remedy = "give a data set with more images, in mixed order, or with a validation split";
        return Err(cannot_hold(out, "training images of which a sixth can be split off", found, remedy));
    }
    Ok((train.slice(0..first), train.slice(first..train.len())))
}

pub(super) fn write(sets: [&Dataset; 3], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\x80\x02")?;
    for set in sets {
        let pixels = |byte: u8| (f32::from(byte) / 256.0).to_le_bytes(); // exact
        let (height, width) = set.size();
        let square = height == width; // as the classic file has them; others keep their shape
        let shape = if square { vec![set.len(), set.pixels()] } else { vec![set.len(), height, width] };
        array(out, "f4", &shape, &set.images(), pixels)?;
        array(out, "i8", &[set.len()], set.labels(), |label| i64::from(label).to_le_bytes())?;
        out.write_all(b"\x86")?; // TUPLE2
    }
    out.write_all(b"\x87.") // TUPLE3, STOP
}

/// `numpy.core.multiarray._reconstruct(ndarray, (0,), b"b")`, then its state, as NumPy's `__reduce__` has them.
fn array<const N: usize>(
    out: &mut dyn Write,
    dtype: &str,
    shape: &[usize],
    bytes: &[u8],
    element: impl Fn(u8) -> [u8; N],
) -> io::Result<()> {
    out.write_all(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85")?;
    let elements = |text: &mut dyn FnMut(&[u8]) -> io::Result<()>| {
        // Latin-1 as UTF-8; every byte of the file becomes one or two.
        let table: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| utf8(&element(byte))).collect();
        bytes.iter().try_for_each(|&byte| text(&table[usize::from(byte)]))
    };
    encoded(out, |text| text(b"b"))?;
    out.write_all(b"\x87R(K\x01(")?;
    shape.iter().try_for_each(|&size| out.write_all(&[b"J", &(size as u32).to_le_bytes()[..]].concat()))?;
    out.write_all(b"tcnumpy\ndtype\nX\x02\0\0\0")?;
    out.write_all(dtype.as_bytes())?;
    out.write_all(b"K\0K\x01\x87R(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89")?;
    encoded(out, elements)?;
    out.write_all(b"tb")
}

/// `_codecs.encode(text, "latin1")` of the text that `pieces` hands out piece by piece, twice: to measure and to write.
fn encoded(
    out: &mut dyn Write,
    pieces: impl Fn(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut length = 0_usize;
    pieces(&mut |piece| {
        length += piece.len();
        Ok(())
    })?;
    let length =
        u32::try_from(length).map_err(|_| io::Error::other("more images than a pickle of protocol 2 holds"))?;
    out.write_all(b"c_codecs\nencode\nX")?;
    out.write_all(&length.to_le_bytes())?;
    pieces(&mut |piece| out.write_all(piece))?;
    out.write_all(b"X\x06\0\0\0latin1\x86R")
}

fn utf8(latin1: &[u8]) -> Vec<u8> {
    latin1.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes()
}
