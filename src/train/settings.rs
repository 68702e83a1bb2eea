//! Settings: one table says each one's name, default, range and meaning. The command line, TOML files, `config.toml` and
//! the checks all go by it.

mod fields;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::data::{HoldOut, Input};
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::format::thousands;
use crate::names::{named_enum, nearest};
use crate::nn::{Activation, Architecture, Init, Loss, Output, loss};
use crate::optim::{OptimizerName, Schedule, ScheduleName};
use crate::seed::Seed;
use crate::threads;

use fields::MOST_THREADS;
pub use fields::{FIELDS, Field, Range};

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
        Draft { settings: self, problems: Vec::new() }.finish()
    }
}

/// 2 GB of weights: what a run may ask for before anything is allocated.
const MOST_PARAMETERS: usize = 500_000_000;
/// 4 GB of outputs and gradients, likewise.
const MOST_IN_A_STEP: usize = 1_000_000_000;

/// Settings under construction: each source is laid over the one before, and every problem is kept until the end.
#[derive(Debug, Default)]
pub struct Draft {
    settings: TrainSettings,
    problems: Vec<Problem>,
}

impl Draft {
    /// Lays the TOML file `path` over it.
    ///
    /// A file that cannot be read or is not TOML, unknown keys and values out of range are kept for
    /// [`finish`](Self::finish).
    pub fn overlay_file(&mut self, path: &Path) {
        match read_toml::<Table>(path) {
            Ok(table) => self.overlay_table(&OneLine(path).to_string(), &table),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Lays over it the settings in `table`, which stands in `place`.
    pub fn overlay_table(&mut self, place: &str, table: &Table) {
        for (key, value) in table {
            let place = format!("{place}: {}", shown(key));
            match FIELDS.iter().find(|field| field.name == key) {
                Some(field) => self.set(field, value, place, Given::InToml(value)),
                None => self.problems.push(unknown_key(place, &shown(key))),
            }
        }
    }

    /// Lays over it what was typed for the option `field`.
    pub fn overlay_typed(&mut self, field: &Field, typed: &str) {
        self.set(field, &field.range.parse(typed), format!("--{}", field.name), Given::Typed(typed));
    }

    /// Keeps a problem that is none of a setting, to be reported with the others.
    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn set(&mut self, field: &Field, value: &Value, place: String, given: Given<'_>) {
        if field.range.contains(value) {
            (field.set)(&mut self.settings, value);
        } else {
            self.problems.push(out_of_range(field, place, given));
        }
    }

    /// The settings, complete, if every one is in its range and they go together.
    ///
    /// # Errors
    /// [`Error::Settings`] with every problem there is.
    pub fn finish(self) -> Result<TrainConfig> {
        let Self { mut settings, mut problems } = self;
        for field in FIELDS {
            if let Some(value) = (field.get)(&settings).filter(|value| !field.range.contains(value)) {
                problems.push(out_of_range(field, field.name.to_owned(), Given::InToml(&value)));
            }
        }
        if loss::objective(settings.output, settings.loss).is_none() {
            problems.push(Problem {
                place: "--loss".to_owned(),
                found: settings.loss.to_string(),
                expected: format!("a loss that is defined on {} outputs", settings.output),
                remedy: None,
            });
        }
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        settings.learning_rate.get_or_insert_with(|| settings.optimizer.default_learning_rate());
        settings.init.get_or_insert_with(|| default_init(settings.activation));
        settings.threads.get_or_insert_with(|| threads::available().min(MOST_THREADS as usize));
        Ok(TrainConfig(settings))
    }
}

impl TrainConfig {
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
}

/// A value as it was written.
#[derive(Debug, Clone, Copy)]
enum Given<'a> {
    /// For an option.
    Typed(&'a str),
    /// In a file.
    InToml(&'a Value),
}

fn out_of_range(field: &Field, place: String, given: Given<'_>) -> Problem {
    let (name, found, expected) = match given {
        Given::Typed("") => (None, "nothing".to_owned(), field.range.describe()),
        Given::Typed(typed) => (Some(typed), typed.to_owned(), field.range.describe()),
        Given::InToml(value) => (value.as_str(), value.to_string(), field.range.describe_in_toml()),
    };
    let nearest = match field.range {
        Range::OneOf(names) => name.and_then(|name| nearest(name, names.iter().copied())),
        _ => None,
    };
    Problem { place, found: shown(&found), expected, remedy: nearest.map(did_you_mean) }
}

/// The nearest name is looked for among the options' other spellings too, and with `_` for `-`, as Python has it.
fn unknown_key(place: String, key: &str) -> Problem {
    let spellings =
        || FIELDS.iter().flat_map(|field| [(field.name, field.name), (field.alias.unwrap_or(field.name), field.name)]);
    let key = key.replace('_', "-").to_lowercase();
    let near = nearest(&key, spellings().map(|(spelling, _)| spelling));
    let name = spellings().find(|(spelling, _)| Some(*spelling) == near).map(|(_, name)| name);
    let expected = match name {
        Some(_) => "the name of a setting".to_owned(),
        None => format!("one of {}", FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
    };
    Problem { place, found: "an unknown key".to_owned(), expected, remedy: name.map(did_you_mean) }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean {name}?")
}

/// Larger than any list of settings; a file above it is something else.
const LARGEST_CONFIG: u64 = 1 << 20;

/// Reads no more than [`LARGEST_CONFIG`], whatever the file says about its length: it may be a pipe or a device.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> std::result::Result<T, Problem> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST_CONFIG + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| toml_problem(path, "a TOML file that you may read", error.to_string()))?;
    if bytes.len() as u64 > LARGEST_CONFIG {
        return Err(toml_problem(path, "a TOML file of at most 1 MiB", "a larger one".to_owned()));
    }
    let text = str::from_utf8(&bytes).map_err(|error| {
        let line = line_at(&bytes, error.valid_up_to());
        toml_problem(path, "a TOML file in UTF-8", format!("other bytes in line {line}"))
    })?;
    parse_toml(path, text)
}

/// What stands in `text`, the content of `path`.
pub(crate) fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> std::result::Result<T, Problem> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text.as_bytes(), span.start));
        toml_problem(path, "TOML: name = value, a line each", format!("line {line}: {}", shown(error.message())))
    })
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn toml_problem(path: &Path, expected: &str, found: String) -> Problem {
    Problem { place: OneLine(path).to_string(), expected: expected.to_owned(), found, remedy: None }
}

#[cfg(test)]
mod tests;
