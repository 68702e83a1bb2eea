//! What a person, or a program, sees of a training: a bar on a terminal, a line an epoch, a summary.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json;

use super::Progress;
use super::format::{count, duration, percent, thousands};
use crate::data::Splits;
use crate::error::{Error, OneLine, Result};
use crate::linalg::blas;
use crate::nn::{Activation, Architecture, Network, Output};
use crate::train::{EpochRecord, History, Observer, RunFolder, TrainConfig, Trainer};

/// The published system needed 21 min 43 s for its 20 epochs, one image at a time.
const PAPER_EPOCH_SECONDS: f64 = 65.15;
/// A bar that moves more often flickers, and costs time.
const REDRAWS_A_SECOND: u8 = 10;

/// How a training is shown on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Text,
    /// One object a line.
    Json,
    Silent,
}

/// Prints a training as it goes. When its reader goes away (`gemmnist train | head`) it falls silent, and the training
/// goes on: its run folder is what it was started for.
pub struct Screen<'o> {
    out: &'o mut dyn Write,
    style: Style,
    bar: ProgressBar,
    epochs: usize,
}

impl<'o> Screen<'o> {
    /// For a run of `epochs` epochs of `images` images.
    pub fn new(out: &'o mut dyn Write, style: Style, progress: Progress, (epochs, images): (usize, usize)) -> Self {
        let shown = progress == Progress::Bar && style != Style::Silent;
        let target =
            if shown { ProgressDrawTarget::stderr_with_hz(REDRAWS_A_SECOND) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some((epochs * images) as u64), target).with_style(
            ProgressStyle::with_template("{msg} {bar:40} {percent:>3} %  {speed}  {eta} left")
                .expect("a template that a test draws")
                .with_key("speed", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = write!(text, "{} images/s", thousands(state.per_sec().round())); // a bar that fails is no bar
                }),
        );
        Self { out, style, bar, epochs }
    }

    fn announce(&self, epoch: usize) {
        self.bar.set_message(format!("epoch {epoch} of {}", self.epochs));
    }

    /// What is about to happen.
    pub fn start(&mut self, config: &TrainConfig, network: &Network, splits: &Splits, folder: &Path) -> io::Result<()> {
        let printed = self.print_start(config, network, splits, folder);
        self.announce(1); // draws the bar, below what was printed
        self.silent_without_reader(printed)
    }

    fn print_start(
        &mut self,
        config: &TrainConfig,
        network: &Network,
        splits: &Splits,
        folder: &Path,
    ) -> io::Result<()> {
        let architecture = network.architecture();
        let (height, width) = splits.train.size();
        match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.object(json!({
                "event": "start",
                "run": folder.to_string_lossy(),
                "network": architecture.to_string(),
                "parameters": architecture.parameters(),
                "train_images": splits.train.len(),
                "test_images": splits.test.len(),
                "blas": blas::describe().to_string(),
                "settings": config.to_table(),
            })),
            Style::Text => {
                let Self { out, .. } = self;
                writeln!(
                    out,
                    "data      {}: {} training and {} test images of {height} x {width}, {} classes",
                    config.data,
                    thousands(splits.train.len()),
                    thousands(splits.test.len()),
                    splits.train.classes(),
                )?;
                writeln!(
                    out,
                    "network   {architecture}, {}, {}: {} parameters",
                    config.activation,
                    config.output,
                    thousands(architecture.parameters()),
                )?;
                writeln!(
                    out,
                    "training  {}, {}, learning rate {}, batch {}, {}, seed {}",
                    config.loss,
                    config.optimizer,
                    config.learning_rate(),
                    config.batch_size,
                    count(config.epochs, "epoch"),
                    config.seed().0,
                )?;
                writeln!(out, "machine   {}, {}", blas::describe(), count(config.threads(), "thread"))?;
                writeln!(out, "run       {}", OneLine(folder))?;
                writeln!(out)?;
                writeln!(out, "epoch  train loss  train acc.  test loss  test acc.  seconds  images/s")
            }
        }
    }

    /// Removes the bar: lines follow, or an error.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// What came of it.
    pub fn end(&mut self, trainer: &Trainer<'_>, folder: &RunFolder, seconds: f64) -> io::Result<()> {
        let printed = self.print_end(trainer, folder, seconds);
        self.silent_without_reader(printed)
    }

    fn print_end(&mut self, trainer: &Trainer<'_>, folder: &RunFolder, seconds: f64) -> io::Result<()> {
        let history = trainer.history();
        let Some(last) = history.last() else { return Ok(()) };
        let speed_up = paper_speed_up(trainer.network().architecture(), history);
        match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.object(json!({
                "event": "end",
                "run": folder.path().to_string_lossy(),
                "model": folder.model().to_string_lossy(),
                "test_accuracy": last.test_accuracy,
                "test_loss": last.test_loss,
                "seconds": seconds,
                "median_epoch_seconds": history.median_epoch_seconds(),
                "times_faster_than_the_paper": speed_up,
            })),
            Style::Text => {
                let Self { out, .. } = self;
                writeln!(out)?;
                writeln!(
                    out,
                    "Test accuracy {}, test loss {:.4}, after {} in {} ({} of it training).",
                    percent(last.test_accuracy.unwrap_or(f64::NAN)),
                    last.test_loss.unwrap_or(f64::NAN),
                    count(history.epochs.len(), "epoch"),
                    duration(seconds),
                    duration(history.train_seconds()),
                )?;
                if let (Some(speed_up), Some(median)) = (speed_up, history.median_epoch_seconds()) {
                    writeln!(
                        out,
                        "{speed_up:.0} times faster than the paper: {median:.2} s an epoch (median) against its \
                         {PAPER_EPOCH_SECONDS} s.",
                    )?;
                }
                writeln!(out, "The network is in {}", OneLine(&folder.model()))
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

    fn object(&mut self, object: serde_json::Value) -> io::Result<()> {
        writeln!(self.out, "{object}")?;
        self.out.flush()
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
                let Self { out, bar, .. } = self;
                bar.suspend(|| {
                    writeln!(
                        out,
                        "{:>5}  {:>10.4}  {:>10}  {:>9.4}  {:>9}  {:>7.2}  {:>8}",
                        record.epoch,
                        record.train_loss,
                        percent(record.train_accuracy),
                        record.test_loss.unwrap_or(f64::NAN),
                        percent(record.test_accuracy.unwrap_or(f64::NAN)),
                        record.train_seconds,
                        thousands(record.samples_per_second.round()),
                    )?;
                    out.flush()
                })
            }
        }
    }
}

impl Observer for Screen<'_> {
    fn step(&mut self, images: usize) {
        self.bar.inc(images as u64);
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

/// How many times shorter the median epoch is than the paper's, if the network is the paper's.
fn paper_speed_up(architecture: &Architecture, history: &History) -> Option<f64> {
    let paper = Architecture::perceptron(784, &[128], Activation::Relu, 10, Output::Softmax);
    let median = history.median_epoch_seconds()?;
    (*architecture == paper).then_some(PAPER_EPOCH_SECONDS / median)
}
