//! `.npy`, one array: a magic number, a header that is a Python literal, the elements.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. The header is taken apart, not evaluated.

use std::path::Path;

use crate::data::array::{Array, ElementType, MAX_DIMENSIONS, bytes_of};
use crate::data::content::FETCH_AGAIN;
use crate::error::{Error, Result, shown};

/// Characters of a header that we agree to read; NumPy writes 118.
const MAX_HEADER: usize = 4096;
/// The most bytes before the elements.
pub(super) const START_BYTES: u64 = 12 + MAX_HEADER as u64;

/// The array in `bytes`, which are those of `what` in `path`.
pub(super) fn parse(path: &Path, what: &'static str, bytes: Vec<u8>) -> Result<Array> {
    let refuse = |expected: &str, found: String, remedy| Error::data(path, what, expected, found, remedy);
    let Start { element, shape, end } = start(path, what, &bytes)?;
    let found = format!("{} bytes for shape {shape:?}", bytes.len() - end);
    if bytes_of(element, &shape) != Some(bytes.len() - end) {
        return Err(refuse("as many bytes as its shape takes", found, FETCH_AGAIN));
    }
    let mut bytes = bytes;
    bytes.drain(..end);
    Array::new(element, &shape, bytes).ok_or_else(|| refuse("as many bytes as its shape takes", found, FETCH_AGAIN))
}

/// What stands before the elements of an array.
pub(super) struct Start {
    pub element: ElementType,
    pub shape: Vec<u64>,
    /// Where the elements begin.
    end: usize,
}

/// Takes the beginning of `what` in `path` apart, of which `bytes` has at least [`START_BYTES`] or all.
pub(super) fn start(path: &Path, what: &'static str, bytes: &[u8]) -> Result<Start> {
    let refuse = |expected: &str, found: String, remedy| Error::data(path, what, expected, found, remedy);
    let (length, start) = match bytes.get(..8) {
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0]) => (bytes.get(8..10).map(le), 10),
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, 0]) => (bytes.get(8..12).map(le), 12),
        _ => return Err(refuse("a NumPy array of version 1, 2 or 3", "another beginning".to_owned(), FETCH_AGAIN)),
    };
    let header = length.filter(|&length| length <= MAX_HEADER).and_then(|length| bytes.get(start..start + length));
    let header = header.and_then(|header| std::str::from_utf8(header).ok());
    let header = header.ok_or_else(|| refuse("a whole header", "none".to_owned(), FETCH_AGAIN))?;
    let end = start + header.len();
    let parsed = Header::parse(header).ok_or_else(|| {
        refuse("a header with descr, fortran_order and shape", shown(header.trim()), "save it with numpy.savez")
    })?;
    let Some(element) = ElementType::parse(&parsed.descr) else {
        return Err(refuse("integers or floats", shown(&parsed.descr), "save pixels and labels as plain numbers"));
    };
    if parsed.fortran_order {
        let remedy = "save it after numpy.ascontiguousarray";
        return Err(refuse("an array in C order", "one in Fortran order".to_owned(), remedy));
    }
    Ok(Start { element, shape: parsed.shape, end })
}

fn le(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`, its keys in any order.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.trim_start();
        while !rest.starts_with('}') {
            let (key, after) = quoted(rest)?;
            rest = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" if descr.is_none() => {
                    let (value, after) = quoted(rest)?;
                    descr = Some(value.to_owned());
                    after
                }
                "fortran_order" if fortran_order.is_none() => {
                    let after = rest.strip_prefix("False");
                    fortran_order = Some(after.is_none());
                    after.or_else(|| rest.strip_prefix("True"))?
                }
                "shape" if shape.is_none() => {
                    let (sizes, after) = rest.strip_prefix('(')?.split_once(')')?;
                    shape = Some(sizes_of(sizes)?);
                    after
                }
                _ => return None,
            };
            rest = rest.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None if rest.starts_with('}') => rest,
                None => return None,
            };
        }
        let header = Self { descr: descr?, fortran_order: fortran_order?, shape: shape? };
        (rest == "}").then_some(header)
    }
}

/// A literal in quotes, without escapes, and what comes after it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|&c| c == '\'' || c == '"')?;
    text[1..].split_once(quote).filter(|(literal, _)| !literal.contains('\\'))
}

/// `60000, 28, 28`, `60000,`, or nothing; Python 2 wrote `60000L`.
fn sizes_of(text: &str) -> Option<Vec<u64>> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let sizes = text.split(',').map(|size| size.trim().trim_end_matches('L').parse().ok());
    sizes.collect::<Option<Vec<_>>>().filter(|sizes| sizes.len() <= MAX_DIMENSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart_whatever_their_order_and_spaces() {
        let right = Header { descr: "|u1".to_owned(), fortran_order: false, shape: vec![6, 3, 3] };
        for text in [
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 3, 3), }      \n",
            "{\"shape\":(6L,3L,3L),\"fortran_order\":False,\"descr\":\"|u1\"}",
        ] {
            assert_eq!(Header::parse(text).as_ref(), Some(&right), "{text}");
        }
        let one = Header::parse("{'descr': '<i8', 'fortran_order': True, 'shape': (6,), }").unwrap();
        assert_eq!((one.shape, one.fortran_order), (vec![6], true));
    }

    #[test]
    fn headers_that_are_expressions_or_not_whole_are_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '|u1'}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 3, 3)",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 3, 3)} + 1",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6 * 3,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-6,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1)}",
            "{'descr': '|u1', 'fortran_order': 0, 'shape': (6,)}",
            "{'descr': __import__('os'), 'fortran_order': False, 'shape': (6,)}",
            "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (6,)}",
            "{'descr': '|u1' 'fortran_order': False, 'shape': (6,)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
        ] {
            assert_eq!(Header::parse(text), None, "{text}");
        }
    }
}
