//! `gemmnist lr-find`: a learning rate to begin with.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::picture::{self, Picture};
use super::settings::Sources;
use super::terminal::STRONG;
use super::train::load_images;
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::format::count;
use crate::train::{Sweep, TrainConfig, Trainer};

/// Where the picture goes when nothing else is said.
const DEFAULT_PICTURE: &str = "lr-find.svg";

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// The first rate that is tried
    #[arg(long, value_name = "X", default_value_t = 1e-6)]
    from: f64,
    /// The last
    #[arg(long, value_name = "X", default_value_t = 10.0)]
    to: f64,
    /// Steps from the first to the last
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    steps: u32,
    /// Where to draw the losses [default: lr-find.svg]
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    let drawn = cfg!(feature = "report") || args.out.is_some(); // as compare has it
    let place = args.out.as_deref().unwrap_or(Path::new(DEFAULT_PICTURE));
    if drawn {
        picture::require_place("--out", place)?;
    }
    require_range(&args)?;
    let config = args.sources.draft()?.finish()?;
    let images = load_images(&config)?.train;
    let mut trainer = Trainer::new(config.clone(), &images)?;
    let title = format!("{} on {}", trainer.network().architecture(), config.data);
    let sweep = trainer.sweep(args.from, args.to, args.steps as usize);
    if drawn {
        Picture::Sweep(&sweep, &config, &title).write(place)?;
    }
    let picture = drawn.then_some(place);
    if args.json {
        print_json(&sweep, picture, out)?;
    } else {
        writeln!(out, "{}", shown(&title))?;
        print_text(&sweep, &config, &args, picture, out)?;
    }
    Ok(())
}

fn require_range(args: &Args) -> Result<()> {
    let Args { from, to, .. } = *args;
    if from > 0.0 && to <= 1e6 && from < to {
        return Ok(());
    }
    Err(Error::Settings(vec![Problem {
        place: "--from, --to".to_owned(),
        expected: "two numbers above 0, the second larger, up to 1000000".to_owned(),
        found: format!("{from} and {to}"),
        remedy: Some("leave them out to go from 0.000001 to 10".to_owned()),
    }]))
}

fn print_text(
    sweep: &Sweep,
    config: &TrainConfig,
    args: &Args,
    picture: Option<&Path>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let tried = count(sweep.trials.len(), "step");
    let last = sweep.trials.last().map_or(args.from, |trial| trial.learning_rate);
    writeln!(out, "tried     {tried}, learning rates from {} to {}", rate(args.from), rate(last))?;
    if let (Some(first), Some(lowest)) = (sweep.smoothed.first(), sweep.lowest()) {
        writeln!(out, "loss      {first:.4} at first; lowest, {:.4}, at {}", lowest.loss, rate(lowest.learning_rate))?;
    }
    match sweep.exploded {
        true => writeln!(out, "          exploded at {}", rate(last))?,
        false => writeln!(out, "          never exploded")?,
    }
    match sweep.suggestion() {
        Some(suggestion) => {
            writeln!(out, "\nSuggested: {STRONG}--lr {suggestion}{STRONG:#}")?;
            writeln!(
                out,
                "Why: a third of the rate at which the loss was lowest, rounded to one digit; a training of many steps needs a \
                 margin to where it explodes.\nWithout --lr, {} starts with {}.",
                config.optimizer,
                config.optimizer.default_learning_rate()
            )?;
        }
        None => writeln!(
            out,
            "\nNothing to suggest: the loss never fell. More --steps, a higher --to, or another network or data set."
        )?,
    }
    picture.map_or(Ok(()), |path| writeln!(out, "The curve is in {}", OneLine(path)))
}

/// A rate in two digits.
fn rate(rate: f64) -> String {
    format!("{rate:.1e}").parse().map_or_else(|_| rate.to_string(), |rounded: f64| rounded.to_string())
}

fn print_json(sweep: &Sweep, picture: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    let lowest = sweep.lowest();
    let trials = sweep.trials.iter().zip(&sweep.smoothed);
    let object = json!({
        "suggestion": sweep.suggestion(),
        "lowest_loss": lowest.map(|lowest| lowest.loss),
        "lowest_loss_at": lowest.map(|lowest| lowest.learning_rate),
        "exploded": sweep.exploded,
        "learning_rate": trials.clone().map(|(trial, _)| trial.learning_rate).collect::<Vec<_>>(),
        "loss": trials.clone().map(|(trial, _)| trial.loss).collect::<Vec<_>>(),
        "smoothed_loss": trials.map(|(_, smoothed)| smoothed).collect::<Vec<_>>(),
        "picture": picture.map(Path::to_string_lossy),
    });
    writeln!(out, "{object}")
}
