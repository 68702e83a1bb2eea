//! `gemmnist train`: settings together, data in, a run folder out.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use super::screen::{Screen, Style};
use super::settings::SettingsArgs;
use super::{Failure, Progress};
use crate::data;
use crate::error::Result;
use crate::eval;
use crate::nn::loss;
use crate::train::model_file::{Description, Training};
use crate::train::{Draft, EpochRecord, Observer, RunFolder, TrainConfig, Trainer};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Take the settings in this TOML file; options typed beside it win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Folder that holds the run folders
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Name of the run folder [default: the next number]
    #[arg(long)]
    name: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Print nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

pub fn run(args: Args, out: &mut dyn Write, progress: Progress) -> std::result::Result<(), Failure> {
    let config = settle(&args)?;
    let splits = data::load(&config.data)?;
    let started = Instant::now();
    let mut trainer = Trainer::new(config.clone(), &splits.train)?;
    let mut folder = RunFolder::create(&args.out, args.name.as_deref(), &config)?;
    let style = match (args.quiet, args.json) {
        (true, _) => Style::Silent,
        (_, true) => Style::Json,
        _ => Style::Text,
    };
    let mut screen = Screen::new(out, style, progress, (config.epochs, splits.train.len()));
    screen.start(&config, trainer.network(), &splits, folder.path())?;

    let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
    let judge = eval::judge(objective, &splits);
    let run = trainer.run(&judge, &mut Both(&mut folder, &mut screen));
    screen.clear();
    run?;

    let description = Description::new(trainer.network(), splits.train.size(), summary(&config, &trainer));
    folder.finish(trainer.network(), &description)?;
    screen.end(&trainer, &folder, started.elapsed().as_secs_f64())?;
    Ok(())
}

/// Defaults, then the file, then what was typed; every mistake in one go.
fn settle(args: &Args) -> Result<TrainConfig> {
    let mut draft = Draft::default();
    if let Some(path) = &args.config {
        draft.overlay_file(path);
    }
    args.settings.overlay(&mut draft);
    if let Some(problem) = args.name.as_deref().and_then(|name| RunFolder::name_problem(&args.out, name)) {
        draft.report(problem);
    }
    draft.finish()
}

fn summary(config: &TrainConfig, trainer: &Trainer<'_>) -> Training {
    let last = trainer.history().last();
    let mut settings = config.to_table();
    settings.remove("threads"); // tells of the machine, and is in config.toml
    Training {
        settings,
        epochs: trainer.history().epochs.len(),
        steps: last.map_or(0, |epoch| epoch.step),
        train_loss: last.map(|epoch| epoch.train_loss),
        train_accuracy: last.map(|epoch| epoch.train_accuracy),
        test_loss: last.and_then(|epoch| epoch.test_loss),
        test_accuracy: last.and_then(|epoch| epoch.test_accuracy),
    }
}

/// The file first: what a person has seen is then on disk.
struct Both<'a, 's>(&'a mut RunFolder, &'a mut Screen<'s>);

impl Observer for Both<'_, '_> {
    fn step(&mut self, images: usize) {
        self.1.step(images);
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.0.epoch(record)?;
        self.1.epoch(record)
    }
}
