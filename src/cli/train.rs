//! `gemmnist train`: settings together, data in, a run folder out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::leave::Finished;
use super::screen::{Images, Screen, Style};
use super::settings::Sources;
use super::terminal::{NOTICE, Progress};
use super::{Failure, interrupt};
use crate::data::{self, Dataset, Splits};
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::eval::{self, Evaluation};
use crate::nn::{Network, loss};
use crate::tensorboard::EventFile;
use crate::threads::Crew;
use crate::train::{Draft, EpochRecord, Moment, Observer, RunFolder, StepRecord, TrainConfig, Trainer};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Go on with the run in this folder, as if it had never stopped; only --epochs and --checkpoint-every may be new
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "config", "name"])]
    resume: Option<PathBuf>,
    /// Folder that holds the run folders
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Name of the run folder [default: the next number]
    #[arg(long)]
    name: Option<String>,
    /// Tell the running loss and accuracy every K batches
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    log_every: Option<u32>,
    /// Leave a file in the run folder that TensorBoard shows: tensorboard --logdir runs
    #[arg(long)]
    tensorboard: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Tell, too, who computes the products of each layer
    #[arg(long, short, conflicts_with_all = ["json", "quiet"])]
    verbose: bool,
    /// Print nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

pub fn run(
    args: Args,
    out: &mut dyn Write,
    err: &mut dyn Write,
    progress: Progress,
) -> std::result::Result<(), Failure> {
    let run = args.resume.as_deref().map(|run| find_run(run, &args.out));
    let config = match &run {
        Some(run) => settle_again(run, &args)?,
        None => settle(&args)?,
    };
    let Splits { train, validation, test } = load_images(&config)?;
    let started = Instant::now();
    let (mut trainer, folder) = match &run {
        Some(run) => resume(run, &config, (&train, validation.as_ref(), &test), err)?,
        None => {
            let trainer = Trainer::new(config.clone(), &train)?;
            let folder = RunFolder::create(&args.out, args.name.as_deref(), &config, &train)?;
            (trainer, folder.judging_on(validation.as_ref(), &test))
        }
    };
    let mut folder = folder.stopping_at(interrupt::listen());
    let events = args.tensorboard.then(|| match run {
        Some(_) => EventFile::go_on(folder.path(), trainer.position().epoch),
        None => EventFile::create(folder.path()),
    });
    let mut events = events.transpose()?;
    let style = match (args.quiet, args.json) {
        (true, _) => Style::Silent,
        (_, true) => Style::Json,
        _ => Style::Text,
    };
    let images = Images { train: &train, validation: validation.as_ref(), test: &test };
    let log_every = args.log_every.map(|batches| batches as usize);
    let mut screen = Screen::new(out, style, progress, &config, images)
        .logging_every(log_every)
        .telling_products(args.verbose)
        .resuming(&trainer);
    screen.start(&config, &trainer, folder.path())?;

    let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
    let judge = eval::judge(objective, config.input(), validation.as_ref(), &test);
    let mut nobody = ();
    let events: &mut dyn Observer = events.as_mut().map_or(&mut nobody, |events| events);
    let run = trainer.run(&judge, &mut Both(&mut Both(&mut folder, events), &mut screen));
    screen.clear();
    if matches!(run, Err(Error::Io { .. })) && folder.newest_checkpoint().is_some() {
        // Nobody is left to tell if this fails.
        let _ = writeln!(
            err,
            "{NOTICE}gemmnist:{NOTICE:#} to go on from what is saved: gemmnist train --resume {}",
            OneLine(folder.path())
        );
    }
    let evaluation = finish(run, &trainer, &config, &mut folder, images)?;
    screen.end(&trainer, &evaluation, &folder, started.elapsed().as_secs_f64())?;
    Ok(())
}

/// Leaves behind what a run folder holds: curves and a report however the run ended, and the network with its confusion
/// matrix if it ended well. Returns what the network makes of the test images.
pub(super) fn finish(
    run: Result<()>,
    trainer: &Trainer<'_>,
    config: &TrainConfig,
    folder: &mut RunFolder<'_>,
    images: Images<'_>,
) -> Result<Evaluation> {
    if run.is_ok() {
        images.test.require_unchanged()?;
        folder.finish(trainer.network(), trainer.history())?;
    }
    let finished = Finished { trainer, config, folder, images };
    match run {
        Ok(()) => finished.leave_pictures(),
        Err(error) => {
            let _ = finished.leave_remains(&error.to_string()); // the error that matters is the first one
            Err(error)
        }
    }
}

/// The folder `run`, or the one of that name among the run folders.
fn find_run(run: &Path, out: &Path) -> PathBuf {
    let among_runs = out.join(run);
    if !run.exists() && among_runs.exists() { among_runs } else { run.to_owned() }
}

/// The settings of the run in the folder `run`, with what is typed beside `--resume`.
fn settle_again(run: &Path, args: &Args) -> Result<TrainConfig> {
    let config = run.join("config.toml");
    if !config.is_file() {
        let found = if run.exists() { "none" } else { "no such folder" };
        let remedy = "give the folder of a run that gemmnist train has made";
        return Err(Error::data(&config, "settings of a run", "a file", found, remedy));
    }
    let mut draft = Draft::default();
    draft.overlay_file(&config);
    let begun = draft.clone().finish()?;
    args.sources.overlay_typed(&mut draft);
    let config = draft.finish()?;
    let changes = RunFolder::changes(&begun, &config);
    if changes.is_empty() { Ok(config) } else { Err(Error::Settings(changes)) }
}

/// The training in the folder `run` where it stood, and its folder as it was then.
fn resume<'d>(
    run: &Path,
    config: &TrainConfig,
    (train, validation, test): (&'d Dataset, Option<&Dataset>, &Dataset),
    err: &mut dyn Write,
) -> Result<(Trainer<'d>, RunFolder<'d>)> {
    let mut folder = RunFolder::reopen(run, config, train)?.judging_on(validation, test);
    let found = folder.checkpoint()?;
    for remark in &found.remarks {
        let _ = writeln!(err, "{NOTICE}gemmnist:{NOTICE:#} {remark}"); // as above
    }
    let trainer = match &found.checkpoint {
        Some(checkpoint) => Trainer::resumed(config.clone(), train, checkpoint)?,
        None => Trainer::new(config.clone(), train)?, // it was stopped before there was anything to keep
    };
    folder.rewind(trainer.history())?;
    Ok((trainer, folder))
}

/// The settings; every mistake in one go.
fn settle(args: &Args) -> Result<TrainConfig> {
    let mut draft = args.sources.draft()?;
    if let Some(problem) = args.name.as_deref().and_then(|name| RunFolder::name_problem(&args.out, name)) {
        draft.report(problem);
    }
    draft.finish()
}

/// The images of a training: to learn from, to judge by while it goes on (held out as asked, or as the data set has
/// them), and to be judged on.
pub(super) fn load_images(config: &TrainConfig) -> Result<Splits> {
    let crew = Crew::new(config.threads())?; // as many threads unpack as were asked for
    let Splits { train, validation, test } = crew.side_by_side(|| data::load(&config.data))?;
    let (train, validation) = hold_out(config, train, validation)?;
    Ok(Splits { train, validation, test })
}

fn hold_out(config: &TrainConfig, train: Dataset, own: Option<Dataset>) -> Result<(Dataset, Option<Dataset>)> {
    let problem = |place: &str, expected: String, found: String, remedy: &str| {
        let (place, remedy) = (place.to_owned(), Some(remedy.to_owned()));
        Err(Error::Settings(vec![Problem { place, expected, found, remedy }]))
    };
    match (config.validation, own) {
        (0, None) if config.patience > 0 => {
            let expected = "a validation split to wait for".to_owned();
            problem("--patience", expected, "none".to_owned(), "hold some images out with --validation")
        }
        (0, own) => Ok((train, own)),
        (count, Some(own)) => {
            let found = format!("{count} to hold out");
            let expected = format!("0, for {} has {} validation images of its own", shown(&config.data), own.len());
            problem("--validation", expected, found, "leave the option out")
        }
        (count, None) if count >= train.len() => {
            let expected = format!("fewer than the {} training images of {}", train.len(), shown(&config.data));
            problem("--validation", expected, count.to_string(), "hold out fewer")
        }
        (count, None) => {
            let (train, validation) = train.hold_out(count, config.validation_from, config.seed());
            Ok((train, Some(validation)))
        }
    }
}

/// The file first: what a person has seen is then on disk.
pub(super) struct Both<'a>(pub &'a mut dyn Observer, pub &'a mut dyn Observer);

impl Observer for Both<'_> {
    fn step(&mut self, record: &StepRecord) {
        self.0.step(record);
        self.1.step(record);
    }

    fn between_steps(&mut self, moment: &Moment<'_>) -> Result<()> {
        self.0.between_steps(moment)?;
        self.1.between_steps(moment)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.0.epoch(record)?;
        self.1.epoch(record)
    }

    fn best(&mut self, record: &EpochRecord, network: &Network) -> Result<()> {
        self.0.best(record, network)?;
        self.1.best(record, network)
    }
}
