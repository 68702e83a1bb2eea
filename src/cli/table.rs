//! Tables of text.

use std::io::{self, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows with every column as wide as its widest cell. A last column beyond `align` is not padded.
pub fn print_table(rows: &[Vec<String>], align: &[Align], out: &mut dyn Write) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..align.len()).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            match align.get(column) {
                Some(Align::Right) => line += &format!("{cell:>width$}  "),
                Some(Align::Left) => line += &format!("{cell:<width$}  "),
                None => line += cell,
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
