//! `gemmnist compare`: what runs came to, in what they differ, and their curves laid over each other.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::picture::{self, Picture};
use super::table::{Align, print_table};
use crate::error::{OneLine, shown};
use crate::format::{count, percent};
use crate::train::{RunRecord, differences, read_runs};

/// Where the picture goes when nothing else is said.
const DEFAULT_PICTURE: &str = "compare.svg";

#[derive(clap::Args)]
pub struct Args {
    /// Run folders
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Where to draw the curves [default: compare.svg]
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    // A build that draws nothing still has its table, unless a picture was asked for.
    let drawn = cfg!(feature = "report") || args.out.is_some();
    let place = args.out.as_deref().unwrap_or(Path::new(DEFAULT_PICTURE));
    if drawn {
        picture::require_place("--out", place)?;
    }
    let mut runs = read_runs(&args.runs)?;
    runs.sort_by(|a, b| test_accuracy(b).total_cmp(&test_accuracy(a)));
    if drawn {
        Picture::Runs(&runs).write(place)?;
    }
    if args.json {
        print_json(&runs, drawn.then_some(place), out)?;
    } else {
        print_text(&runs, drawn.then_some(place), out)?;
    }
    Ok(())
}

/// After the last epoch; runs that were not tested come last.
fn test_accuracy(run: &RunRecord) -> f64 {
    run.history.last().and_then(|last| last.test_accuracy).unwrap_or(-1.0)
}

fn print_text(runs: &[RunRecord], picture: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    let different = differences(runs);
    let validated = runs.iter().any(|run| run.history.best().is_some());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut head = texts(&["run"]);
    head.extend(different.iter().map(|name| shown(name)));
    head.extend(texts(&["trained", "test acc.", "best (epoch)", "test loss", "train loss"]));
    head.extend(texts(if validated { &["valid. acc."] } else { &[] }));
    head.extend(texts(&["s/epoch"]));
    let align: Vec<_> = std::iter::once(Align::Left).chain(head.iter().skip(1).map(|_| Align::Right)).collect();
    let rows = runs.iter().map(|run| row(run, &different, validated));
    print_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), &align, out)?;
    writeln!(out)?;
    if different.iter().all(|name| name == "seed" || name == "threads") && runs.len() > 1 {
        print_spread(runs, out)?;
    }
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
    row
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

fn print_json(runs: &[RunRecord], picture: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
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
        });
        writeln!(out, "{object}")?;
    }
    match picture {
        Some(path) => writeln!(out, "{}", json!({ "event": "picture", "path": path.to_string_lossy() })),
        None => Ok(()),
    }
}
