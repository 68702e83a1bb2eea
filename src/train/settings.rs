//! Settings: one table says each one's name, default, range and meaning. The command line, TOML files, `config.toml` and
//! the checks all go by it.

// A reader of files from outside: as in `data`.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo
    )
)]

mod command;
mod draft;
mod fields;
mod toml_file;

use std::ops::Deref;
use std::path::PathBuf;

use toml::{Table, Value};

use crate::data::{HoldOut, Input};
use crate::error::{Error, Problem, Result};
use crate::format::thousands;
use crate::names::named_enum;
use crate::nn::{Activation, Architecture, Init, Loss, Output};
use crate::optim::{OptimizerName, Schedule, ScheduleName};
use crate::seed::Seed;
use crate::threads;

pub use draft::Draft;
pub use fields::{FIELDS, Field, Range};
pub(crate) use toml_file::{parse_toml, read_toml};

/// Everything that shapes the outcome of a training. [`FIELDS`] has the names, ranges and meanings.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSettings {
    /// Name of a data set, or path of its folder.
    pub data: String,
    /// Widths of the hidden layers, from the input on.
    pub hidden: Vec<usize>,
    /// Of the hidden layers.
    pub activation: Activation,
    /// How logits become probabilities.
    pub output: Output,
    /// What is minimised.
    pub loss: Loss,
    /// How parameters follow their gradients.
    pub optimizer: OptimizerName,
    /// Step size on the gradient of the mean loss over a batch; `None`: what the optimizer starts with.
    pub learning_rate: Option<f64>,
    /// How that changes in the course of the training.
    pub schedule: ScheduleName,
    /// Steps in which it rises to what the schedule begins with.
    pub warmup: usize,
    /// Epochs between the drops of `step`; epochs without a lower loss that `plateau` puts up with.
    pub schedule_every: usize,
    /// What each of these drops multiplies the learning rate by.
    pub schedule_factor: f64,
    /// How much the images of each class count in what is minimised; the losses that are told leave it out.
    pub class_weights: ClassWeights,
    /// λ of the penalty `λ/2 Σ w²` over weights, not biases; the losses that are told leave it out.
    pub l2: f64,
    /// Images a step, B.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Epochs without a lower validation loss after which the training ends; 0: never.
    pub patience: usize,
    /// Share of the outputs of every hidden layer that a step leaves out.
    pub dropout: f64,
    /// Share of the inputs that a step leaves out.
    pub input_dropout: f64,
    /// The activation behind a learned bias on the input; `None`: there is no such bias.
    pub input_bias: Option<Activation>,
    /// Whether inputs are gray or binary.
    pub input: InputName,
    /// The least byte that a binary input takes for 1.
    pub threshold: u8,
    /// Training images that are held out to judge by.
    pub validation: usize,
    /// Which of them.
    pub validation_from: HoldOut,
    /// `None`: He for ReLU, Xavier for the others.
    pub init: Option<InitName>,
    /// Largest absolute value of initial parameters drawn uniformly.
    pub init_range: f64,
    /// Root of all randomness.
    pub seed: u64,
    /// `None`: all there are.
    pub threads: Option<usize>,
    /// Take the images in the order of the file, every epoch.
    pub no_shuffle: bool,
    /// A model file whose parameters are the initial ones.
    pub init_from: Option<PathBuf>,
    /// Steps from one checkpoint to the next, or a few more, where several are taken at once; 0: as often as costs about 0.5 % of the time. The one setting that shapes nothing.
    pub checkpoint_every: usize,
}

/// The paper's network and its 20 epochs; batch and learning rate are ours (chosen on a validation split).
impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            data: "mnist".to_owned(),
            hidden: vec![128],
            activation: Activation::Relu,
            output: Output::Softmax,
            loss: Loss::CrossEntropy,
            optimizer: OptimizerName::Sgd,
            learning_rate: None,
            schedule: ScheduleName::Constant,
            warmup: 0,
            schedule_every: 10,
            schedule_factor: 0.1,
            class_weights: ClassWeights::None,
            l2: 0.0,
            batch_size: 10,
            epochs: 20,
            patience: 0,
            dropout: 0.0,
            input_dropout: 0.0,
            input_bias: None,
            input: InputName::Gray,
            threshold: 128,
            validation: 0,
            validation_from: HoldOut::Drawn,
            init: None,
            init_range: 0.05,
            seed: 0,
            threads: None,
            no_shuffle: false,
            init_from: None,
            checkpoint_every: 0,
        }
    }
}

named_enum! {
    /// What pixels become, by name; with a threshold it is an [`Input`].
    pub enum InputName {
        /// [`Input::Gray`].
        Gray = "gray",
        /// [`Input::Binary`].
        Binary = "binary",
    }
}

named_enum! {
    /// How parameters start, by name; with a range it is an [`Init`].
    pub enum InitName {
        /// [`Init::He`].
        He = "he",
        /// [`Init::Xavier`].
        Xavier = "xavier",
        /// [`Init::LeCun`].
        LeCun = "lecun",
        /// [`Init::Normal`].
        Normal = "normal",
        /// [`Init::Uniform`].
        Uniform = "uniform",
    }
}

/// How much the images of each class count.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    /// All alike.
    None,
    /// Each class as much as any other, however many images it has: `N / (K·n_k)`, as scikit-learn's `"balanced"`.
    Balanced,
    /// So many times, a number a class.
    Given(Vec<f64>),
}

/// Settings that were found in range, complete. Only these can be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig(TrainSettings);

impl Deref for TrainConfig {
    type Target = TrainSettings;

    fn deref(&self) -> &TrainSettings {
        &self.0
    }
}

impl TrainConfig {
    /// The network these settings describe, for images of `inputs` pixels in `classes` classes.
    pub fn architecture(&self, inputs: usize, classes: usize) -> Architecture {
        let perceptron = Architecture::perceptron(inputs, &self.hidden, self.activation, classes, self.output)
            .with_dropout(self.input_dropout, self.dropout);
        match self.input_bias {
            Some(activation) => perceptron.with_input_bias(activation),
            None => perceptron,
        }
    }

    /// What a pixel becomes before the network sees it.
    pub fn input(&self) -> Input {
        match self.0.input {
            InputName::Gray => Input::Gray,
            InputName::Binary => Input::Binary { threshold: self.threshold },
        }
    }

    /// Step size on the gradient of the mean loss over a batch.
    pub fn learning_rate(&self) -> f64 {
        self.0.learning_rate.unwrap_or_else(|| self.optimizer.default_learning_rate())
    }

    /// How the parameters start.
    pub fn init(&self) -> Init {
        match self.0.init.unwrap_or_else(|| default_init(self.activation)) {
            InitName::He => Init::He,
            InitName::Xavier => Init::Xavier,
            InitName::LeCun => Init::LeCun,
            InitName::Normal => Init::Normal,
            InitName::Uniform => Init::Uniform { range: self.init_range },
        }
    }

    /// How the learning rate changes, in a training on `images` images.
    ///
    /// # Errors
    /// [`Error::Settings`] if the training is over before the warm-up is.
    pub fn schedule(&self, images: usize) -> Result<Schedule> {
        let steps = self.epochs.saturating_mul(images.div_ceil(self.batch_size));
        if self.warmup >= steps {
            let expected = format!("fewer than the {steps} steps of the training");
            return problem("--warmup", expected, self.warmup.to_string());
        }
        Ok(Schedule {
            name: self.0.schedule,
            learning_rate: self.learning_rate(),
            warmup: self.warmup as u64,
            every: self.schedule_every,
            factor: self.schedule_factor,
            steps: steps as u64,
        })
    }

    /// How much an image of each class counts, if not all alike, where `labels` are those of the training images.
    ///
    /// # Errors
    /// [`Error::Settings`] if other than `classes` weights were given.
    pub fn class_weights(&self, labels: &[u8], classes: usize) -> Result<Option<Vec<f32>>> {
        match &self.0.class_weights {
            ClassWeights::None => Ok(None),
            ClassWeights::Balanced => Ok(Some(balanced(labels, classes))),
            ClassWeights::Given(weights) if weights.len() == classes => {
                Ok(Some(weights.iter().map(|&weight| weight as f32).collect()))
            }
            ClassWeights::Given(weights) => {
                problem("--class-weights", format!("{classes} numbers, one a class"), weights.len().to_string())
            }
        }
    }

    /// The problem of a network too large to be meant, if it is: known only when the data are.
    ///
    /// # Errors
    /// [`Error::Settings`] naming `--hidden` or `--batch`.
    pub fn check_size(&self, architecture: &Architecture, images: usize) -> Result<()> {
        let parameters = architecture.parameters();
        let in_a_row = architecture.widths().into_iter().fold(0, usize::saturating_add);
        let batch = self.batch_size.min(images);
        let in_a_step = in_a_row.saturating_mul(batch).saturating_mul(2); // outputs and their gradients
        if parameters > MOST_PARAMETERS {
            let expected = format!("a network of at most {MOST_PARAMETERS} parameters");
            return problem("--hidden", expected, format!("{architecture}, {parameters} parameters"));
        }
        if in_a_step > MOST_IN_A_STEP {
            let expected = format!("a step of at most {MOST_IN_A_STEP} numbers");
            return problem("--batch", expected, format!("{batch} images through {architecture}, {in_a_step} numbers"));
        }
        Ok(())
    }

    /// The root of the run's randomness.
    pub fn seed(&self) -> Seed {
        Seed(self.0.seed)
    }

    /// Workers to use.
    pub fn threads(&self) -> usize {
        self.0.threads.unwrap_or_else(threads::available)
    }

    /// What shapes the steps, in a line: loss, optimizer, learning rate, penalties, batch.
    pub fn describe(&self) -> String {
        let schedule = match (self.schedule, self.warmup) {
            (ScheduleName::Constant, 0) => String::new(),
            (name, 0) => format!(" ({name})"),
            (name, 1) => format!(" ({name} after 1 step of warm-up)"),
            (name, warmup) => format!(" ({name} after {} steps of warm-up)", thousands(warmup)),
        };
        let penalty = if self.l2 > 0.0 { format!(", L2 {}", self.l2) } else { String::new() };
        let weights = match self.0.class_weights {
            ClassWeights::None => "",
            ClassWeights::Balanced => ", classes balanced",
            ClassWeights::Given(_) => ", classes weighted",
        };
        let (loss, optimizer, rate, batch) = (self.loss, self.optimizer, self.learning_rate(), self.batch_size);
        format!("{loss}, {optimizer}, learning rate {rate}{schedule}{penalty}{weights}, batch {}", thousands(batch))
    }

    /// Every setting by its name, as in `config.toml`.
    pub fn to_table(&self) -> Table {
        self.0.to_table()
    }
}

/// A value of a setting as one would type it.
pub(super) fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(widths) if widths.is_empty() => "none".to_owned(),
        Value::Array(widths) => widths.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        Value::Float(number) => number.to_string(), // 0.1, 1: TOML would have 1.0
        other => other.to_string(),
    }
}

fn default_init(activation: Activation) -> InitName {
    match activation {
        Activation::Relu => InitName::He,
        _ => InitName::Xavier,
    }
}

/// `N / (K·n_k)`: N images, `n_k` of them in class k, K classes that have any. A class that has none weighs nothing.
#[expect(clippy::indexing_slicing, reason = "labels are below the number of classes in every data set")]
fn balanced(labels: &[u8], classes: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; classes];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let present = counts.iter().filter(|&&count| count > 0).count();
    let weight = |count| if count > 0 { labels.len() as f64 / (present * count) as f64 } else { 0.0 };
    counts.into_iter().map(|count| weight(count) as f32).collect()
}

/// The error of one setting that the data do not go with.
fn problem<T>(place: &str, expected: String, found: String) -> Result<T> {
    Err(Error::Settings(vec![Problem { place: place.to_owned(), expected, found, remedy: None }]))
}

impl TrainSettings {
    /// Every setting that has a value, by its name, as one would type it.
    pub fn as_typed(&self) -> Vec<(&'static str, String)> {
        FIELDS.iter().filter_map(|field| Some((field.name, typed(&(field.get)(self)?)))).collect()
    }

    /// Every setting that has a value, by its name, as in `config.toml`.
    pub(super) fn to_table(&self) -> Table {
        FIELDS.iter().filter_map(|field| Some((field.name.to_owned(), (field.get)(self)?))).collect()
    }

    /// The only way to a [`TrainConfig`].
    ///
    /// # Errors
    /// [`Error::Settings`] with every setting that is out of its range; NaN is outside every range.
    pub fn check(self) -> Result<TrainConfig> {
        Draft::new(self).finish()
    }
}

/// 2 GB of weights: what a run may ask for before anything is allocated.
const MOST_PARAMETERS: usize = 500_000_000;
/// 4 GB of outputs and gradients, likewise.
const MOST_IN_A_STEP: usize = 1_000_000_000;

#[cfg(test)]
mod tests;
