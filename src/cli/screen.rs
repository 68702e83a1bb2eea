//! What a person, or a program, sees of a training: a bar on a terminal, a line an epoch, a summary.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::Progress;
use super::bar::Bar;
use crate::data::Dataset;
use crate::error::{Error, OneLine, Result, shown};
use crate::format::{count, duration, megabytes, percent, thousands};
use crate::linalg::{blas, kernels::Kind};
use crate::nn::{Activation, Architecture, Network, Output};
use crate::train::{EpochRecord, History, Observer, Position, RunFolder, StepRecord, TrainConfig, Trainer};

/// The published system `bp-relu-128` needed 21 min 43 s for its 20 epochs, one image at a time.
const PAPER_EPOCH_SECONDS: f64 = 65.15;
/// What it reached. To learn less in less time is not to be faster.
const PAPER_ACCURACY: f64 = 0.9764;
/// Images of each of its epochs.
const PAPER_IMAGES: usize = 60_000;

/// How a training is shown on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Text,
    /// One object a line.
    Json,
    Silent,
}

/// The images of a run.
#[derive(Clone, Copy)]
pub struct Images<'d> {
    pub train: &'d Dataset,
    pub validation: Option<&'d Dataset>,
    pub test: &'d Dataset,
}

impl Images<'_> {
    /// Memory that they take.
    fn bytes(&self) -> u64 {
        let splits = [Some(self.train), self.validation, Some(self.test)];
        splits.into_iter().flatten().map(|split| (split.images().len() + split.len()) as u64).sum()
    }
}

/// Prints a training as it goes. When its reader goes away (`gemmnist train | head`) it falls silent, and the training
/// goes on: its run folder is what it was started for.
pub struct Screen<'o> {
    out: &'o mut dyn Write,
    style: Style,
    bar: Bar,
    /// Batches from one line to the next within an epoch.
    log_every: Option<usize>,
    epochs: usize,
    images: Images<'o>,
    /// Where the training begins, or goes on.
    begins: Position,
}

impl<'o> Screen<'o> {
    /// For a run of `epochs` epochs over `images`.
    pub fn new(out: &'o mut dyn Write, style: Style, progress: Progress, epochs: usize, images: Images<'o>) -> Self {
        let progress = if style == Style::Silent { Progress::Hidden } else { progress };
        let bar = Bar::new(progress, epochs * images.train.len());
        Self { out, style, bar, log_every: None, epochs, images, begins: Position::start(0.0) }
    }

    /// The same with a line every so many batches, if any are given.
    pub fn logging_every(self, batches: Option<usize>) -> Self {
        Self { log_every: batches, ..self }
    }

    /// The same for a training that goes on from `begins`.
    pub fn resuming_at(self, begins: Position) -> Self {
        self.bar.advance((begins.epoch - 1) * self.images.train.len() + begins.running.images());
        Self { begins, ..self }
    }

    fn announce(&self, epoch: usize) {
        self.bar.announce(format!("epoch {epoch} of {}", self.epochs));
    }

    /// What is about to happen.
    pub fn start(&mut self, config: &TrainConfig, network: &Network, threads: usize, folder: &Path) -> io::Result<()> {
        let printed = match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.print_start_json(config, network, folder),
            Style::Text => self.print_start(config, network, threads, folder),
        };
        self.announce(self.begins.epoch.min(self.epochs)); // draws the bar, below what was printed
        self.silent_without_reader(printed)
    }

    fn print_start_json(&mut self, config: &TrainConfig, network: &Network, folder: &Path) -> io::Result<()> {
        let Images { train, validation, test } = self.images;
        self.object(json!({
            "event": "start",
            "run": folder.to_string_lossy(),
            "network": network.architecture().to_string(),
            "parameters": network.architecture().parameters(),
            "train_images": train.len(),
            "validation_images": validation.map(Dataset::len),
            "test_images": test.len(),
            "blas": blas::describe().to_string(),
            "memory_bytes": self.images.bytes() + config.memory(network.architecture(), train.len()),
            "settings": config.to_table(),
            "first_step": self.begins.step + 1,
        }))
    }

    fn print_start(
        &mut self,
        config: &TrainConfig,
        network: &Network,
        threads: usize,
        folder: &Path,
    ) -> io::Result<()> {
        let Images { train, validation, test } = self.images;
        let (height, width) = train.size();
        let held_out = validation.map(|images| format!(", {} held out", thousands(images.len()))).unwrap_or_default();
        let bytes = self.images.bytes();
        let out = &mut self.out;
        writeln!(
            out,
            "data      {}: {} training{held_out} and {} test images of {height} x {width}, {} classes",
            shown(&config.data),
            thousands(train.len()),
            thousands(test.len()),
            train.classes(),
        )?;
        writeln!(
            out,
            "network   {}: {} parameters",
            network.architecture().describe(),
            thousands(network.architecture().parameters())
        )?;
        writeln!(out, "training  {}, seed {}", describe_training(config), config.seed().0)?;
        let kernels = Kind::of_this_processor().name();
        let memory = megabytes(bytes + config.memory(network.architecture(), train.len()));
        let threads = count(threads, "thread");
        writeln!(out, "machine   {}, {kernels} kernels, {threads}, {memory} of memory", blas::describe())?;
        let Position { epoch, step, .. } = self.begins;
        let resumed =
            if step > 0 { format!(", from epoch {epoch}, step {} on", thousands(step + 1)) } else { String::new() };
        writeln!(out, "run       {}{resumed}", OneLine(folder))?;
        writeln!(out)?;
        let validation = if validation.is_some() { "  valid. loss  valid. acc." } else { "" };
        writeln!(out, "epoch  train loss  train acc.{validation}  test loss  test acc.  seconds  images/s")
    }

    /// Removes the bar: lines follow, or an error.
    pub fn clear(&self) {
        self.bar.clear();
    }

    /// What came of it.
    pub fn end(&mut self, trainer: &Trainer<'_>, folder: &RunFolder<'_>, seconds: f64) -> io::Result<()> {
        let printed = self.print_end(trainer, folder, seconds);
        self.silent_without_reader(printed)
    }

    fn print_end(&mut self, trainer: &Trainer<'_>, folder: &RunFolder<'_>, seconds: f64) -> io::Result<()> {
        let history = trainer.history();
        let Some(last) = history.last() else { return Ok(()) };
        let speed_up = paper_speed_up(trainer.network().architecture(), self.images.train.len(), history);
        match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.object(json!({
                "event": "end",
                "run": folder.path().to_string_lossy(),
                "model": folder.model().to_string_lossy(),
                "epochs": last.epoch,
                "best_epoch": history.best().map(|best| best.epoch),
                "test_accuracy": last.test_accuracy,
                "test_loss": last.test_loss,
                "seconds": seconds,
                "median_epoch_seconds": history.median_epoch_seconds(),
                "times_faster_than_the_paper": speed_up,
            })),
            Style::Text => {
                let out = &mut self.out;
                writeln!(out)?;
                if last.epoch < self.epochs {
                    let best = history.best().map_or(0, |best| best.epoch);
                    writeln!(out, "Ended early: no lower validation loss since epoch {best}.")?;
                }
                writeln!(
                    out,
                    "Test accuracy {}, test loss {}, after {} in {} ({} of it training).",
                    percent(last.test_accuracy.unwrap_or(f64::NAN)),
                    loss(last.test_loss),
                    count(history.epochs.len(), "epoch"),
                    duration(seconds),
                    duration(history.train_seconds()),
                )?;
                if let (Some(speed_up), Some(median)) = (speed_up, history.median_epoch_seconds()) {
                    writeln!(
                        out,
                        "{speed_up:.0} times faster than published: {median:.2} s an epoch (median); the authors of \
                         this network report {PAPER_EPOCH_SECONDS} s, one image at a time.",
                    )?;
                }
                writeln!(out, "The network is in {}", OneLine(&folder.model()))?;
                if let Some(best) = history.best() {
                    let (epoch, path) = (best.epoch, folder.best_model());
                    writeln!(out, "The network of epoch {epoch}, the best on validation, is in {}", OneLine(&path))?;
                }
                if cfg!(feature = "report") {
                    writeln!(out, "Pictures: curves.svg and confusion.svg, beside it")?;
                }
                Ok(())
            }
        }
    }

    fn silent_without_reader(&mut self, printed: io::Result<()>) -> io::Result<()> {
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.style = Style::Silent;
                Ok(())
            }
            other => other,
        }
    }

    /// Lines and the bar share a terminal: the bar makes room.
    fn object(&mut self, object: serde_json::Value) -> io::Result<()> {
        self.line(&object.to_string())
    }

    fn print_step(&mut self, record: &StepRecord) -> io::Result<()> {
        let StepRecord { epoch, batch, so_far, .. } = *record;
        let scores = so_far.scores();
        match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.object(json!({
                "event": "batch",
                "epoch": epoch,
                "batch": batch,
                "train_loss": scores.loss,
                "train_accuracy": scores.accuracy,
            })),
            Style::Text => {
                let (loss, accuracy) = (loss(Some(scores.loss)), percent(scores.accuracy));
                self.line(&format!("{epoch:>5}  {loss:>10}  {accuracy:>10}  after {}", count(batch, "batch")))
            }
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let out = &mut self.out;
        self.bar.suspend(|| {
            writeln!(out, "{line}")?;
            out.flush()
        })
    }

    fn print_epoch(&mut self, record: &EpochRecord) -> io::Result<()> {
        match self.style {
            Style::Silent => Ok(()),
            Style::Json => {
                let mut object = serde_json::Map::from_iter([("event".to_owned(), "epoch".into())]);
                if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(record) {
                    object.extend(fields);
                }
                self.object(object.into())
            }
            Style::Text => {
                let accuracy = |accuracy: Option<f64>| percent(accuracy.unwrap_or(f64::NAN));
                let validation = record.validation_loss.map(|_| {
                    let (loss, accuracy) = (loss(record.validation_loss), accuracy(record.validation_accuracy));
                    format!("  {loss:>11}  {accuracy:>11}")
                });
                let line = format!(
                    "{:>5}  {:>10}  {:>10}{}  {:>9}  {:>9}  {:>7.2}  {:>8}",
                    record.epoch,
                    loss(Some(record.train_loss)),
                    percent(record.train_accuracy),
                    validation.unwrap_or_default(),
                    loss(record.test_loss),
                    accuracy(record.test_accuracy),
                    record.train_seconds,
                    thousands(record.samples_per_second.round()),
                );
                self.line(&line)
            }
        }
    }
}

/// A loss in nine places: as a plain number while it fits.
fn loss(loss: Option<f64>) -> String {
    match loss {
        Some(loss) if loss < 1000.0 => format!("{loss:.4}"),
        Some(loss) => format!("{loss:.2e}"),
        None => "-".to_owned(),
    }
}

/// What shapes the steps, and how long they go on, in a line.
pub fn describe_training(config: &TrainConfig) -> String {
    format!("{}, {}", config.describe(), count(config.epochs, "epoch"))
}

impl Observer for Screen<'_> {
    fn step(&mut self, record: &StepRecord) {
        self.bar.advance(record.images);
        if self.log_every.is_some_and(|batches| record.batch.is_multiple_of(batches)) {
            // What cannot be printed here ends the run at its next epoch, whose line cannot be printed either.
            let printed = self.print_step(record);
            let _ = self.silent_without_reader(printed);
        }
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.announce((record.epoch + 1).min(self.epochs));
        let printed = self.print_epoch(record);
        self.silent_without_reader(printed).map_err(|source| Error::Io {
            action: "write",
            path: "standard output".into(),
            source,
            remedy: "the run ends here; its folder keeps the epochs so far",
        })
    }
}

/// How many times shorter the median epoch is than the authors', if the network and the number of images are theirs, and the
/// accuracy no lower.
fn paper_speed_up(architecture: &Architecture, images: usize, history: &History) -> Option<f64> {
    let paper = Architecture::perceptron(784, &[128], Activation::Relu, 10, Output::Softmax);
    let median = history.median_epoch_seconds()?;
    history.last()?.test_accuracy.filter(|&accuracy| accuracy >= PAPER_ACCURACY)?;
    (*architecture == paper && images == PAPER_IMAGES).then_some(PAPER_EPOCH_SECONDS / median)
}
