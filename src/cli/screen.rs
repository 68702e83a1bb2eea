//! What a person, or a program, sees of a training: a bar on a terminal, a line an epoch, a summary.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::bar::Bar;
use super::epochs::{EpochTable, Has, loss};
use super::terminal::{NOTICE, Progress, STRONG, UntilClosed};
use crate::data::Dataset;
use crate::error::{Error, OneLine, Result, shown};
use crate::eval::Evaluation;
use crate::format::{count, duration, megabytes, percent, thousands};
use crate::linalg::{blas, kernels::Kind, may_leave_out_zeros, parts};
use crate::nn::{Network, Products};
use crate::optim::ScheduleName;
use crate::recipes::paper;
use crate::train::{EpochRecord, Observer, Position, RunFolder, StepRecord, TrainConfig, Trainer};

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
        splits.into_iter().flatten().map(|split| split.memory() as u64).sum()
    }

    /// The names of `classes` classes, or their numbers.
    pub fn class_names(&self, classes: usize) -> Vec<String> {
        let numbers = || (0..classes).map(|class| class.to_string()).collect();
        self.test.class_names().map_or_else(numbers, <[String]>::to_vec)
    }
}

/// Prints a training as it goes. When its reader goes away (`gemmnist train | head`) it falls silent, and the training
/// goes on: its run folder is what it was started for.
pub struct Screen<'o> {
    out: UntilClosed<'o>,
    style: Style,
    bar: Bar,
    /// Batches from one line to the next within an epoch.
    log_every: Option<usize>,
    /// Who computes the products of each layer is told, too.
    tells_products: bool,
    epochs: usize,
    images: Images<'o>,
    /// Where the training begins, or goes on.
    begins: Position,
    table: EpochTable,
    /// Whether a row of it has a mark.
    has_mark: bool,
    /// Of the best epoch so far: the lowest validation loss, or the highest test accuracy; what is best is the largest.
    best: f64,
}

impl<'o> Screen<'o> {
    /// For a run with these settings over `images`.
    pub fn new(
        out: &'o mut dyn Write,
        style: Style,
        progress: Progress,
        config: &TrainConfig,
        images: Images<'o>,
    ) -> Self {
        let progress = if style == Style::Silent { Progress::Hidden } else { progress };
        let epochs = config.epochs;
        let bar = Bar::new(progress, epochs * images.train.len());
        let schedule = config.schedule != ScheduleName::Constant || config.warmup > 0;
        let table = EpochTable::new(Has { validation: images.validation.is_some(), schedule }, progress.width());
        let begins = Position::start(0.0);
        let out = UntilClosed::new(out);
        Self {
            out,
            style,
            bar,
            log_every: None,
            tells_products: false,
            epochs,
            images,
            table,
            has_mark: false,
            best: f64::NEG_INFINITY,
            begins,
        }
    }

    /// The same with a line every so many batches, if any are given.
    pub fn logging_every(self, batches: Option<usize>) -> Self {
        Self { log_every: batches, ..self }
    }

    /// The same with who computes the products of each layer, if that is to be told.
    pub fn telling_products(self, tells_products: bool) -> Self {
        Self { tells_products, ..self }
    }

    /// The same for a training that goes on where `trainer` stands.
    pub fn resuming(mut self, trainer: &Trainer<'_>) -> Self {
        self.begins = trainer.position();
        let Position { epoch, running, .. } = self.begins;
        self.bar.advance((epoch - 1) * self.images.train.len() + running.images(), running);
        trainer.history().epochs.iter().for_each(|record| _ = self.is_best(record));
        self
    }

    fn announce(&self, epoch: usize) {
        self.bar.announce(format!("epoch {epoch} of {}", self.epochs));
    }

    /// What is about to happen.
    pub fn start(&mut self, config: &TrainConfig, trainer: &Trainer<'_>, folder: &Path) -> io::Result<()> {
        let printed = match self.style {
            Style::Silent => Ok(()),
            Style::Json => self.print_start_json(config, trainer.network(), folder),
            Style::Text => self.print_start(config, trainer, folder),
        };
        self.announce(self.begins.epoch.min(self.epochs)); // draws the bar, below what was printed
        printed
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

    fn print_start(&mut self, config: &TrainConfig, trainer: &Trainer<'_>, folder: &Path) -> io::Result<()> {
        let (network, threads) = (trainer.network(), config.threads());
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
        let memory = megabytes(bytes + config.memory(network.architecture(), train.len()));
        writeln!(out, "machine   {}, {memory} of memory", describe_machine(threads))?;
        if self.tells_products {
            let batch = config.batch_size.min(train.len());
            for (i, products) in network.products(batch, trainer.steps_at_once()).iter().enumerate() {
                let heading = if i == 0 { "products" } else { "" };
                writeln!(out, "{heading:<10}{}", describe_products(products, threads))?;
            }
        }
        let Position { epoch, step, .. } = self.begins;
        let resumed = match epoch {
            _ if step == 0 => String::new(),
            _ if trainer.is_out_of_patience() => ", which has ended: its patience is over".to_owned(),
            epoch if epoch > self.epochs => ", which has ended (a larger --epochs goes on with it)".to_owned(),
            epoch => format!(", from epoch {epoch}, step {} on", thousands(step + 1)),
        };
        writeln!(out, "run       {}{resumed}", OneLine(folder))?;
        if trainer.is_over() { Ok(()) } else { writeln!(out, "\n{}", self.table.head()) }
    }

    /// Removes the bar: lines follow, or an error.
    pub fn clear(&self) {
        self.bar.clear();
    }

    /// What came of it.
    pub fn end(
        &mut self,
        trainer: &Trainer<'_>,
        evaluation: &Evaluation,
        folder: &RunFolder<'_>,
        seconds: f64,
    ) -> io::Result<()> {
        let history = trainer.history();
        let Some(last) = history.last() else { return Ok(()) };
        let speed_up = paper::speed_up(trainer.network().architecture(), self.images.train.len(), history);
        let names = self.images.class_names(evaluation.confusion.nrows());
        let confused = describe_confused(evaluation, &names);
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
                let legend = self.legend();
                let out = &mut self.out;
                if self.has_mark {
                    writeln!(out, "{legend}")?;
                }
                writeln!(out)?;
                if last.epoch < self.epochs {
                    let best = history.best().map_or(0, |best| best.epoch);
                    writeln!(out, "{NOTICE}Ended early{NOTICE:#}: no lower validation loss since epoch {best}.")?;
                }
                let training = duration(history.train_seconds());
                let time = match self.begins.step {
                    0 => format!("in {} ({training} of it training)", duration(seconds)),
                    _ => format!("and {training} of training in all"),
                };
                writeln!(
                    out,
                    "{STRONG}Test accuracy {}{STRONG:#}, test loss {}, after {} {time}.",
                    percent(last.test_accuracy.unwrap_or(f64::NAN)),
                    loss(last.test_loss),
                    count(history.epochs.len(), "epoch"),
                )?;
                if let (Some(speed_up), Some(median)) = (speed_up, history.median_epoch_seconds()) {
                    writeln!(
                        out,
                        "{speed_up:.0} times faster than published: {median:.2} s an epoch (median); the authors of \
                         this network report {} s, one image at a time.",
                        paper::EPOCH_SECONDS
                    )?;
                }
                if let Some(remark) = evaluation.remark() {
                    writeln!(out, "{NOTICE}{remark}{NOTICE:#}")?;
                }
                if let Some(confused) = confused {
                    writeln!(out, "Most confused: {confused}.")?;
                }
                writeln!(out)?;
                if cfg!(feature = "report") {
                    let path = folder.path().join("report.html");
                    writeln!(out, "The report is in  {}  (any browser shows it)", OneLine(&path))?;
                }
                writeln!(out, "The network is in {}", OneLine(&folder.model()))?;
                if let Some(best) = history.best() {
                    let (epoch, path) = (best.epoch, folder.best_model());
                    writeln!(out, "The network of epoch {epoch}, the best on validation, is in {}", OneLine(&path))?;
                }
                Ok(())
            }
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
                let best = self.is_best(record);
                self.has_mark |= best;
                self.line(&self.table.row(record, best))
            }
        }
    }

    /// Whether there was no better epoch before.
    fn is_best(&mut self, record: &EpochRecord) -> bool {
        let value = record.validation_loss.map(|loss| -loss).or(record.test_accuracy).unwrap_or(f64::NEG_INFINITY);
        let best = value > self.best;
        self.best = f64::max(self.best, value);
        best
    }

    /// What the mark behind a row means.
    fn legend(&self) -> &'static str {
        match self.images.validation {
            Some(_) => "* the lowest validation loss so far",
            None => "* the highest test accuracy so far; the training does not go by it",
        }
    }
}

/// The pairs of classes that are confused most, in a line, if any are.
fn describe_confused(evaluation: &Evaluation, names: &[String]) -> Option<String> {
    const FEW: usize = 5;
    let pairs = evaluation.most_confused();
    let told = pairs.iter().take(FEW);
    let told = told.map(|pair| {
        let [label, prediction] = [pair.label, pair.prediction].map(|class| shown(&names[class]));
        format!("{label} for {prediction} ({})", thousands(pair.images))
    });
    (!pairs.is_empty()).then(|| told.collect::<Vec<_>>().join(", "))
}

/// What multiplies, and with how many threads.
pub fn describe_machine(threads: usize) -> String {
    let kernels = Kind::of_this_processor().name();
    format!("{}, {kernels} kernels, {}", blas::describe(), count(threads, "thread"))
}

/// Who computes the products of a layer, and of what; the threads are those of the forward product, at most: what is left out is not known yet.
fn describe_products(products: &Products, threads: usize) -> String {
    let Products { samples, steps, inputs, outputs, operations, leaves_out_zeros } = *products;
    let kernels = if leaves_out_zeros { Kind::for_pixels(operations, outputs) } else { Kind::for_product(operations) };
    let who = kernels.map_or_else(|| blas::describe().to_string(), |kind| format!("{} kernels", kind.name()));
    let zeros = if leaves_out_zeros {
        ", without most pixels that are zero"
    } else if kernels.is_some_and(|kind| may_leave_out_zeros(kind, [samples, inputs, outputs])) {
        ", without zeros where they are a quarter or more"
    } else {
        ""
    };
    let threads = count(parts(operations, samples, outputs, threads), "thread");
    let operations = thousands(operations);
    let steps = if steps > 1 { format!(" for {steps} steps at once") } else { String::new() };
    format!("{inputs}-{outputs}: {operations} operations{steps}, {who}, {threads}{zeros}")
}

/// What shapes the steps, and how long they go on, in a line.
pub fn describe_training(config: &TrainConfig) -> String {
    format!("{}, {}", config.describe(), count(config.epochs, "epoch"))
}

impl Observer for Screen<'_> {
    fn step(&mut self, record: &StepRecord) {
        self.bar.advance(record.images, record.so_far);
        if self.log_every.is_some_and(|batches| record.batch.is_multiple_of(batches)) {
            // What cannot be printed here ends the run at its next epoch, whose line cannot be printed either.
            let _ = self.print_step(record);
        }
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.announce((record.epoch + 1).min(self.epochs));
        self.print_epoch(record).map_err(|source| Error::Io {
            action: "write",
            path: "standard output".into(),
            source,
            remedy: "the run ends here; its folder keeps the epochs so far",
        })
    }
}
