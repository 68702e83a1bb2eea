//! TOML files of any origin: read within bounds, and what is wrong with one told by its line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{OneLine, Problem, obstacle, shown};

/// Larger than any list of settings; a file above it is something else.
pub(super) const LARGEST_CONFIG: u64 = 1 << 20;

/// Reads no more than [`LARGEST_CONFIG`], whatever the file says about its length: it may be a pipe or a device.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> std::result::Result<T, Problem> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST_CONFIG + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| toml_problem(path, "a TOML file that you may read", obstacle(&error)))?;
    if bytes.len() as u64 > LARGEST_CONFIG {
        return Err(toml_problem(path, "a TOML file of at most 1 MiB", "a larger one".to_owned()));
    }
    let text = str::from_utf8(&bytes).map_err(|error| {
        let line = line_at(&bytes, error.valid_up_to());
        toml_problem(path, "a TOML file in UTF-8", format!("other bytes in line {line}"))
    })?;
    parse_toml(path, text)
}

/// What stands in `text`, the content of `path`.
pub(crate) fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> std::result::Result<T, Problem> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text.as_bytes(), span.start));
        toml_problem(path, "TOML: name = value, a line each", format!("line {line}: {}", shown(error.message())))
    })
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn toml_problem(path: &Path, expected: &str, found: String) -> Problem {
    Problem { place: OneLine(path).to_string(), expected: expected.to_owned(), found, remedy: None }
}
