//! The table of epochs on a screen: its columns, and which of them a narrow terminal shows.

use super::terminal::GOOD;
use crate::format::{percent, thousands};
use crate::train::EpochRecord;

/// A column, and what it says of an epoch.
struct Column {
    head: &'static str,
    width: usize,
    /// The columns that are kept longest have the lowest.
    rank: u8,
    is_there: fn(Has) -> bool,
    text: fn(&EpochRecord) -> String,
}

/// What epochs of a training have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Has {
    pub validation: bool,
    /// A learning rate that changes.
    pub schedule: bool,
}

const ALWAYS: fn(Has) -> bool = |_| true;

const COLUMNS: [Column; 10] = [
    Column { head: "epoch", width: 5, rank: 0, is_there: ALWAYS, text: |epoch| epoch.epoch.to_string() },
    Column {
        head: "learn. rate",
        width: 11,
        rank: 6,
        is_there: |has| has.schedule,
        text: |epoch| rate(epoch.learning_rate),
    },
    Column { head: "train loss", width: 10, rank: 2, is_there: ALWAYS, text: |epoch| loss(Some(epoch.train_loss)) },
    Column { head: "train acc.", width: 10, rank: 7, is_there: ALWAYS, text: |epoch| percent(epoch.train_accuracy) },
    Column {
        head: "valid. loss",
        width: 11,
        rank: 3,
        is_there: |has| has.validation,
        text: |epoch| loss(epoch.validation_loss),
    },
    Column {
        head: "valid. acc.",
        width: 11,
        rank: 5,
        is_there: |has| has.validation,
        text: |epoch| share(epoch.validation_accuracy),
    },
    Column { head: "test loss", width: 9, rank: 4, is_there: ALWAYS, text: |epoch| loss(epoch.test_loss) },
    Column { head: "test acc.", width: 9, rank: 1, is_there: ALWAYS, text: |epoch| share(epoch.test_accuracy) },
    Column {
        head: "seconds",
        width: 7,
        rank: 8,
        is_there: ALWAYS,
        text: |epoch| format!("{:.2}", epoch.train_seconds),
    },
    Column {
        head: "images/s",
        width: 8,
        rank: 9,
        is_there: ALWAYS,
        text: |epoch| thousands(epoch.samples_per_second.round()),
    },
];

/// Between two columns.
const GAP: usize = 2;
/// Of the mark behind a row.
const MARK: &str = " *";

/// A table of epochs.
pub struct EpochTable {
    columns: Vec<&'static Column>,
}

impl EpochTable {
    /// With the columns that epochs have, as many as fit into `width` characters; all if there is no telling.
    pub fn new(has: Has, width: Option<usize>) -> Self {
        let mut columns: Vec<_> = COLUMNS.iter().filter(|column| (column.is_there)(has)).collect();
        let needed = |columns: &[&Column]| -> usize {
            columns.iter().map(|column| column.width + GAP).sum::<usize>() - GAP + MARK.len()
        };
        while width.is_some_and(|width| needed(&columns) > width) && columns.len() > 1 {
            let least = columns.iter().map(|column| column.rank).max();
            columns.retain(|column| Some(column.rank) != least);
        }
        Self { columns }
    }

    /// The heads of the columns.
    pub fn head(&self) -> String {
        self.line(|column| column.head.to_owned())
    }

    /// The row of an epoch; `best`: the best so far.
    pub fn row(&self, epoch: &EpochRecord, best: bool) -> String {
        let row = self.line(|column| (column.text)(epoch));
        if best { format!("{row}{GOOD}{MARK}{GOOD:#}") } else { row }
    }

    fn line(&self, text: impl Fn(&Column) -> String) -> String {
        let cells: Vec<_> = self.columns.iter().map(|column| format!("{:>1$}", text(column), column.width)).collect();
        cells.join(&" ".repeat(GAP))
    }
}

/// A loss in nine places: as a plain number while it fits.
pub fn loss(loss: Option<f64>) -> String {
    match loss {
        Some(loss) if loss < 1000.0 => format!("{loss:.4}"),
        Some(loss) => format!("{loss:.2e}"),
        None => "-".to_owned(),
    }
}

fn share(accuracy: Option<f64>) -> String {
    accuracy.map_or("-".to_owned(), percent)
}

/// Three digits.
fn rate(rate: f64) -> String {
    match rate {
        0.001..1000.0 => format!("{rate:.5}"),
        _ => format!("{rate:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Has = Has { validation: true, schedule: true };
    const FEW: Has = Has { validation: false, schedule: false };

    #[test]
    fn a_narrow_terminal_keeps_the_columns_that_tell_most() {
        let heads = |has, width| EpochTable::new(has, width).head();
        assert!(heads(ALL, None).chars().count() > 100);
        assert_eq!(heads(FEW, None), heads(FEW, Some(80)));
        assert_eq!(heads(FEW, Some(41)), "epoch  train loss  test loss  test acc.");
        assert_eq!(heads(ALL, Some(40)), "epoch  train loss  test acc.");
        assert_eq!(heads(ALL, Some(1)), "epoch");
        for width in 10..130 {
            let longest = heads(ALL, Some(width)).chars().count() + MARK.len();
            assert!(longest <= width, "{longest} of {width}");
        }
    }
}
