//! CSV as Kaggle ships MNIST: a line an image, its label first, then its pixels, 0 to 255; with a line of names or without.
//!
//! One file a split: `train.csv` and `test.csv`, and a third with `valid` in its name if there is one.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::assemble::{self, Part};
use super::content::{self, Content, Folder, Sniffed, broken_off, file_name, is_of_emnist, name_has};
use super::{Checksums, Contents, FileReport, Format, by_reading};
use crate::error::{Error, Result, shown};

pub(super) const FORMAT: Format = Format { name: NAME, is_in, survey: |folder| by_reading(NAME, folder, read), read };

const NAME: &str = "csv";

/// Bytes of a line that we agree to read: names of a megapixel.
const MAX_LINE: u64 = 1 << 24;
/// Bytes of images in a file that we agree to read: 1 GiB, over twenty times MNIST.
const MAX_BYTES: usize = 1 << 30;
const NO_LABELS: &str =
    "nothing can be judged by it: give images with labels, such as a part of train.csv kept aside as test.csv";
const LABEL_FIRST: &str = "write a line an image: its label, then its pixels from 0 to 255, with commas";

fn is_in(folder: &Folder) -> bool {
    !folder.is_file && folder.files.iter().any(is_csv)
}

/// A first cell that is called `label` and another, or one that is a number or names a pixel and two more: lists of two numbers
/// are common.
fn is_csv(file: &Sniffed) -> bool {
    let Ok(start) = std::str::from_utf8(&file.start) else { return false };
    let mut cells = start.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().split(',');
    let first = cell(cells.next().unwrap_or_default());
    match first.eq_ignore_ascii_case("label") {
        true => cells.next().is_some(),
        false => (first.parse::<u16>().is_ok() || names_a_pixel(first)) && cells.nth(1).is_some(),
    }
}

/// Whether a column of this name holds pixels: `pixel0` and `1x1`, as Kaggle has them.
fn names_a_pixel(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let by_place = name.split_once('x').is_some_and(|(row, column)| number(row) && number(column));
    by_place || name.to_lowercase().strip_prefix("pixel").is_some_and(number)
}

/// A cell without what may stand around it.
fn cell(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

fn read(folder: &Folder, checksums: Checksums) -> Result<Contents> {
    let files: Vec<_> = folder.files.iter().filter(|file| is_csv(file)).map(|file| file.path.as_path()).collect();
    let named = |words: &[&str]| files.iter().copied().filter(|path| name_has(path, words)).collect::<Vec<_>>();
    let (train, validation, test) = match (&named(&["train"])[..], &named(&["valid"])[..], &named(&["test"])[..]) {
        (&[train], &[], &[test]) if files.len() == 2 => (train, None, test),
        (&[train], &[validation], &[test]) if files.len() == 3 => (train, Some(validation), test),
        _ => {
            let names: Vec<_> = files.iter().map(|path| file_name(path)).collect();
            return Err(Error::data(
                &folder.path,
                "CSV files",
                "one with train and one with test in its name (and one with valid, if there is one)",
                names.join(", "),
                "rename them, or keep one data set in a folder",
            ));
        }
    };
    let (train_part, validation_part, test_part) = (table(train)?, validation.map(table).transpose()?, table(test)?);
    let splits = assemble::splits(train_part, validation_part, test_part)?;
    let mut reports = Vec::new();
    if checksums == Checksums::Compute {
        let mut report = |path: &Path, holds, count| {
            let sha256 = content::sha256(path)?;
            reports.push(FileReport { path: path.to_owned(), holds, count, size: Some(splits.train.size()), sha256 });
            Ok(())
        };
        report(train, "training images", splits.train.len())?;
        if let (Some(path), Some(images)) = (validation, &splits.validation) {
            report(path, "validation images", images.len())?;
        }
        report(test, "test images", splits.test.len())?;
    }
    let emnist = [Some(train), validation, Some(test)].into_iter().flatten().any(is_of_emnist);
    let remarks = emnist.then(|| content::TRANSPOSED.to_owned()).into_iter().collect();
    Ok(Contents { splits, files: reports, remarks })
}

/// A file that is being read, and where.
struct Table<'a> {
    path: &'a Path,
    reader: BufReader<Content>,
    line: String,
    /// Of `line`, from 1.
    number: usize,
}

impl Table<'_> {
    /// The next line that is not empty, without its end; false at the file's end.
    fn next(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = self.reader.by_ref().take(MAX_LINE).read_line(&mut self.line);
            let read = read.map_err(|error| broken_off(self.path, 0, error))?;
            if read as u64 == MAX_LINE {
                return Err(self.mismatch("a line", format!("under {MAX_LINE} bytes"), "more", LABEL_FIRST));
            }
            if read == 0 || !self.line.trim().is_empty() {
                return Ok(read > 0);
            }
        }
    }

    fn mismatch(
        &self,
        what: &'static str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
        remedy: &'static str,
    ) -> Error {
        let found = format!("{found} in line {}", self.number);
        Error::data(self.path, what, expected, found, remedy)
    }
}

/// The images and labels in `path`.
fn table(path: &Path) -> Result<Part> {
    let content = Content::open(path).map_err(|error| broken_off(path, 0, error))?;
    let reader = BufReader::with_capacity(1 << 16, content);
    let mut table = Table { path, reader, line: String::new(), number: 0 };
    let mut there = table.next()?;
    if table.line.starts_with('\u{feff}') {
        table.line.remove(0); // the mark some spreadsheets put first
    }
    let columns = table.line.split(',').count();
    if names_a_pixel(cell(table.line.split(',').next().unwrap_or_default())) {
        let expected = "a first column of labels";
        return Err(table.mismatch("labels", expected, "pixels only, as in Kaggle's test.csv,", NO_LABELS));
    }
    let mut named = None;
    if cell(table.line.split(',').next().unwrap_or_default()).parse::<f64>().is_err() {
        named = size_by_name(&table.line);
        there = table.next()?;
    }
    let square = (columns - 1).isqrt();
    let size = named.filter(|(height, width)| height * width == columns - 1).unwrap_or((square, square));
    if size.0 == 0 || size.0 * size.1 != columns - 1 {
        if columns > 1 && columns.isqrt().pow(2) == columns {
            let (expected, found) =
                ("a label before the pixels", format!("{columns} columns, a square of pixels only,"));
            return Err(table.mismatch("labels", expected, found, NO_LABELS));
        }
        let expected = "a label, and pixels that make a square or are named 1x1 to HxW";
        return Err(table.mismatch("columns", expected, columns, LABEL_FIRST));
    }
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    while there {
        row(&table, columns, &mut images, &mut labels)?;
        if images.len() > MAX_BYTES {
            return Err(table.mismatch("size", format!("at most {MAX_BYTES} pixels"), "more", "keep fewer images"));
        }
        there = table.next()?;
    }
    if labels.is_empty() {
        return Err(table.mismatch("images", "at least one", "the end", LABEL_FIRST));
    }
    let (images, images_path, labels_path) = (images.into(), path.to_owned(), path.to_owned());
    let mut part = Part { images, labels, size, images_path, labels_path };
    if is_of_emnist(path) {
        part.transpose();
    }
    Ok(part)
}

/// Height and width by the name of the last column: (28, 28) of `28x28`.
fn size_by_name(header: &str) -> Option<(usize, usize)> {
    let (height, width) = cell(header.rsplit(',').next()?).split_once('x')?;
    let (height, width) = (height.parse().ok()?, width.parse().ok()?);
    (1..=1 << 15).contains(&height).then_some(())?;
    (1..=1 << 15).contains(&width).then_some((height, width))
}

fn row(table: &Table, columns: usize, images: &mut Vec<u8>, labels: &mut Vec<u8>) -> Result<()> {
    let mut count = 0;
    for text in table.line.split(',') {
        count += 1;
        let value = cell(text).parse::<u8>().map_err(|_| {
            let expected = if count == 1 { "a label from 0 to 255" } else { "a pixel from 0 to 255" };
            let found = format!("{:?} at column {count}", shown(cell(text)));
            table.mismatch("number", expected, found, LABEL_FIRST)
        })?;
        if count == 1 {
            labels.push(value)
        } else {
            images.push(value)
        }
        if count > columns {
            break;
        }
    }
    if count == columns {
        return Ok(());
    }
    let found = table.line.split(',').count();
    Err(table.mismatch("columns", format!("{columns} as in the first line"), found, LABEL_FIRST))
}
