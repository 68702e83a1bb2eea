//! `gemmnist compare`: what runs came to, in what they differ, and their curves laid over each other.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::picture::{self, Picture};
use super::table::{Align, print_table};
use crate::error::{OneLine, shown};
use crate::format::{count, duration, percent};
use crate::train::{LeftOut, RunRecord, Runs, differences, read_runs};

/// Where the picture goes when nothing else is said.
const DEFAULT_PICTURE: &str = "compare.svg";

#[derive(clap::Args)]
pub struct Args {
    /// Run folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Where to draw the curves: as a picture, or with the table as a page [default: compare.svg]
    #[arg(long, value_name = "FILE.svg|FILE.html")]
    out: Option<PathBuf>,
    /// What the table is sorted by
    #[arg(long, value_enum, default_value_t = Order::Accuracy)]
    sort: Order,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// On the test images, after the last epoch: the highest first
    Accuracy,
    /// Of all steps together: the shortest first
    Time,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    // A build that draws nothing still has its table, unless a picture was asked for.
    let drawn = cfg!(feature = "report") || args.out.is_some();
    let place = args.out.as_deref().unwrap_or(Path::new(DEFAULT_PICTURE));
    if drawn {
        picture::require_place_of_page("--out", place)?;
    }
    let Runs { records: mut runs, left_out } = read_runs(&args.runs)?;
    match args.sort {
        Order::Accuracy => runs.sort_by(|a, b| test_accuracy(b).total_cmp(&test_accuracy(a))),
        Order::Time => runs.sort_by(|a, b| a.history.train_seconds().total_cmp(&b.history.train_seconds())),
    }
    let table = Table::of(&runs);
    let left_out: Vec<_> =
        left_out.iter().map(|LeftOut { path, why }| format!("Left out: {}: {why}", OneLine(path))).collect();
    if drawn {
        let page = picture::is_page(place);
        let picture =
            if page { Picture::Page(&runs, &table.head, &table.rows, &left_out) } else { Picture::Runs(&runs) };
        picture.write(place)?;
    }
    if args.json {
        print_json(&runs, &left_out, drawn.then_some(place), out)?;
    } else {
        print_text(&runs, table, &left_out, drawn.then_some(place), out)?;
    }
    Ok(())
}

/// After the last epoch; runs that were not tested come last.
fn test_accuracy(run: &RunRecord) -> f64 {
    run.history.last().and_then(|last| last.test_accuracy).unwrap_or(-1.0)
}

/// What runs came to, a row a run.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(runs: &[RunRecord]) -> Self {
        let different = differences(runs);
        let validated = runs.iter().any(|run| run.history.best().is_some());
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut head = texts(&["run"]);
        head.extend(different.iter().map(|name| shown(name)));
        head.extend(texts(&["trained", "test acc.", "best (epoch)", "test loss", "train loss"]));
        head.extend(texts(if validated { &["valid. acc."] } else { &[] }));
        head.extend(texts(&["s/epoch", "time"]));
        Self { head, rows: runs.iter().map(|run| row(run, &different, validated)).collect() }
    }
}

fn print_text(
    runs: &[RunRecord],
    Table { head, rows }: Table,
    left_out: &[String],
    picture: Option<&Path>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let align: Vec<_> = std::iter::once(Align::Left).chain(head.iter().skip(1).map(|_| Align::Right)).collect();
    print_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &align, out)?;
    writeln!(out)?;
    if are_repeats(runs) {
        print_spread(runs, out)?;
    }
    left_out.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    match picture {
        Some(path) => writeln!(out, "The curves are in {}", OneLine(path)),
        None => Ok(()),
    }
}

fn row(run: &RunRecord, different: &[String], validated: bool) -> Vec<String> {
    let none = || "-".to_owned();
    let history = &run.history;
    let last = history.last();
    let loss = |loss: Option<f64>| loss.map_or_else(none, |loss| format!("{loss:.4}"));
    let mut row = vec![run.name.clone()];
    row.extend(different.iter().map(|name| run.setting(name).map_or_else(none, |value| shown(&value))));
    row.push(count(last.map_or(0, |last| last.epoch), "epoch"));
    row.push(last.and_then(|last| last.test_accuracy).map_or_else(none, percent));
    row.push(run.best_on_test().map_or_else(none, |(best, share)| format!("{} ({})", percent(share), best.epoch)));
    row.push(loss(last.and_then(|last| last.test_loss)));
    row.push(loss(last.map(|last| last.train_loss)));
    if validated {
        row.push(last.and_then(|last| last.validation_accuracy).map_or_else(none, percent));
    }
    row.push(history.median_epoch_seconds().map_or_else(none, |seconds| format!("{seconds:.2}")));
    row.push(duration(history.train_seconds()));
    row
}

/// Whether chance alone tells them apart: as many epochs with the same settings, each from a seed of its own.
fn are_repeats(runs: &[RunRecord]) -> bool {
    let seeds: Vec<_> = runs.iter().map(|run| run.setting("seed")).collect();
    let have_own = seeds.iter().enumerate().all(|(i, seed)| !seeds[..i].contains(seed));
    let epochs = |run: &RunRecord| run.history.last().map(|last| last.epoch);
    let are_as_long = runs.windows(2).all(|two| epochs(&two[0]) == epochs(&two[1]));
    have_own && are_as_long && differences(runs).iter().all(|name| name == "seed" || name == "threads")
}

/// Runs that chance alone tells apart: their mean, and how far they lie from it.
fn print_spread(runs: &[RunRecord], out: &mut dyn Write) -> io::Result<()> {
    let shares: Vec<_> = runs.iter().filter_map(|run| run.history.last()?.test_accuracy).collect();
    if shares.len() < 2 {
        return Ok(());
    }
    let n = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let deviation = (shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    writeln!(out, "Test accuracy: mean {}, standard deviation {}", percent(mean), percent(deviation))
}

fn print_json(runs: &[RunRecord], left_out: &[String], picture: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    let different = differences(runs);
    for run in runs {
        let settings: serde_json::Map<_, _> =
            different.iter().map(|name| (name.clone(), json!(run.settings.get(name)))).collect();
        let best = run.best_on_test();
        let last = run.history.last();
        let object = json!({
            "event": "run",
            "run": run.name,
            "differs": settings,
            "epochs": last.map(|last| last.epoch),
            "test_accuracy": last.and_then(|last| last.test_accuracy),
            "test_loss": last.and_then(|last| last.test_loss),
            "best_test_accuracy": best.map(|(_, share)| share),
            "best_test_epoch": best.map(|(epoch, _)| epoch.epoch),
            "train_loss": last.map(|last| last.train_loss),
            "train_accuracy": last.map(|last| last.train_accuracy),
            "validation_loss": last.and_then(|last| last.validation_loss),
            "validation_accuracy": last.and_then(|last| last.validation_accuracy),
            "median_epoch_seconds": run.history.median_epoch_seconds(),
            "train_seconds": run.history.train_seconds(),
        });
        writeln!(out, "{object}")?;
    }
    left_out.iter().try_for_each(|line| writeln!(out, "{}", json!({ "event": "left out", "why": line })))?;
    match picture {
        Some(path) => writeln!(out, "{}", json!({ "event": "picture", "path": path.to_string_lossy() })),
        None => Ok(()),
    }
}
