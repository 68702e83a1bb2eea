//! The table of settings: name, range, meaning, and where the value is kept.

use toml::Value;

use super::{ClassWeights, InitName, InputName, TrainSettings};
use crate::data::HoldOut;
use crate::nn::{Activation, Loss, Output};
use crate::optim::{OptimizerName, ScheduleName};

/// One setting: a row of the table.
pub struct Field {
    /// As an option (`--lr`) and as a TOML key.
    pub name: &'static str,
    /// Another spelling of the option.
    pub alias: Option<&'static str>,
    /// What it may be.
    pub range: Range,
    /// For `--help`.
    pub meaning: &'static str,
    pub(super) get: fn(&TrainSettings) -> Option<Value>,
    pub(super) set: fn(&mut TrainSettings, &Value),
}

/// The values a setting may have; the documented range is the checked range.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the variant's sentence names its ends")]
pub enum Range {
    /// A whole number, both ends included.
    Whole { from: i64, to: i64 },
    /// A number above the first and up to the second.
    Above { above: f64, to: f64 },
    /// A number from the first on and below the second.
    From { from: f64, below: f64 },
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// Whole numbers, each in the range, separated by commas; or `none`.
    Widths { to: i64 },
    /// `none`, `balanced`, or numbers from 0 on, not all 0, separated by commas.
    ClassWeights,
    /// Given or not.
    Switch,
    /// Any text but the empty one; the word says what it stands for.
    Text(&'static str),
}

/// Seeds are TOML integers, and those are signed.
const LARGEST_SEED: i64 = i64::MAX;
/// A layer of 65,536 units on 784 inputs is 205 MB of weights: more is a mistake, or a case for another tool.
const WIDEST_LAYER: i64 = 65_536;
/// More cores than any machine that this runs on has.
pub(super) const MOST_THREADS: i64 = 1024;
/// Deeper than any perceptron that still learns.
pub(super) const MOST_LAYERS: usize = 64;
/// As many as a label, a byte, can tell apart.
pub(super) const MOST_CLASSES: usize = 256;
/// A class that counts a million times as much as another is the only one that is learnt.
pub(super) const LARGEST_WEIGHT: f64 = 1e6;
/// Every setting, in the order of `--help` and `config.toml`.
pub const FIELDS: &[Field] = &[
    Field {
        name: "data",
        alias: None,
        range: Range::Text("NAME|PATH"),
        meaning: "data set: a name, or a folder",
        get: |s| Some(s.data.clone().into()),
        set: |s, v| s.data = text(v),
    },
    Field {
        name: "hidden",
        alias: None,
        range: Range::Widths { to: WIDEST_LAYER },
        meaning: "widths of the hidden layers, from the input on",
        get: |s| Some(Value::Array(s.hidden.iter().map(|&width| whole(width)).collect())),
        set: |s, v| s.hidden = v.as_array().into_iter().flatten().map(as_usize).collect(),
    },
    Field {
        name: "activation",
        alias: None,
        range: Range::OneOf(&["relu", "sigmoid", "tanh"]),
        meaning: "activation of the hidden layers",
        get: |s| Some(s.activation.name().into()),
        set: |s, v| s.activation = named(v, Activation::from_name),
    },
    Field {
        name: "output",
        alias: None,
        range: Range::OneOf(Output::NAMES),
        meaning: "how logits become probabilities",
        get: |s| Some(s.output.name().into()),
        set: |s, v| s.output = named(v, Output::from_name),
    },
    Field {
        name: "loss",
        alias: None,
        range: Range::OneOf(Loss::NAMES),
        meaning: "what is minimised: its mean over a batch",
        get: |s| Some(s.loss.name().into()),
        set: |s, v| s.loss = named(v, Loss::from_name),
    },
    Field {
        name: "optimizer",
        alias: None,
        range: Range::OneOf(OptimizerName::NAMES),
        meaning: "how parameters follow their gradients",
        get: |s| Some(s.optimizer.name().into()),
        set: |s, v| s.optimizer = named(v, OptimizerName::from_name),
    },
    Field {
        name: "lr",
        alias: Some("learning-rate"),
        range: Range::Above { above: 0.0, to: 1e6 },
        meaning: "learning rate [default: 0.1 for sgd, 0.01 for momentum, 0.001 for the others]",
        get: |s| s.learning_rate.map(Value::Float),
        set: |s, v| s.learning_rate = number(v),
    },
    Field {
        name: "schedule",
        alias: Some("lr-schedule"),
        range: Range::OneOf(ScheduleName::NAMES),
        meaning: "how the learning rate changes: step and plateau drop it after epochs, cosine and one-cycle at every step",
        get: |s| Some(s.schedule.name().into()),
        set: |s, v| s.schedule = named(v, ScheduleName::from_name),
    },
    Field {
        name: "warmup",
        alias: Some("warmup-steps"),
        range: Range::Whole { from: 0, to: 1_000_000_000 },
        meaning: "steps in which the learning rate rises to where the schedule begins",
        get: |s| Some(whole(s.warmup)),
        set: |s, v| s.warmup = as_usize(v),
    },
    Field {
        name: "schedule-every",
        alias: None,
        range: Range::Whole { from: 1, to: 1_000_000 },
        meaning: "epochs between drops (step), or epochs without a lower loss that bring none (plateau)",
        get: |s| Some(whole(s.schedule_every)),
        set: |s, v| s.schedule_every = as_usize(v),
    },
    Field {
        name: "schedule-factor",
        alias: None,
        range: Range::Above { above: 0.0, to: 1.0 },
        meaning: "what a drop multiplies the learning rate by (step, plateau)",
        get: |s| Some(s.schedule_factor.into()),
        set: |s, v| s.schedule_factor = number(v).unwrap_or(f64::NAN),
    },
    Field {
        name: "class-weights",
        alias: None,
        range: Range::ClassWeights,
        meaning: "how much the images of each class count; balanced: rare classes more",
        get: |s| {
            Some(match &s.class_weights {
                ClassWeights::None => "none".into(),
                ClassWeights::Balanced => "balanced".into(),
                ClassWeights::Given(weights) => Value::Array(weights.iter().copied().map(Value::Float).collect()),
            })
        },
        set: |s, v| {
            s.class_weights = match (v.as_str(), v.as_array()) {
                (Some("balanced"), _) => ClassWeights::Balanced,
                (_, Some(weights)) => ClassWeights::Given(weights.iter().filter_map(number).collect()),
                _ => ClassWeights::None,
            }
        },
    },
    Field {
        name: "l2",
        alias: None,
        range: Range::From { from: 0.0, below: 1e6 },
        meaning: "penalty X/2 times the sum of the squared weights (decoupled for adamw)",
        get: |s| Some(s.l2.into()),
        set: |s, v| s.l2 = number(v).unwrap_or(f64::NAN),
    },
    Field {
        name: "batch",
        alias: Some("batch-size"),
        range: Range::Whole { from: 1, to: 1_000_000 },
        meaning: "images a step",
        get: |s| Some(whole(s.batch_size)),
        set: |s, v| s.batch_size = as_usize(v),
    },
    Field {
        name: "epochs",
        alias: None,
        range: Range::Whole { from: 1, to: 1_000_000 },
        meaning: "passes over the training images",
        get: |s| Some(whole(s.epochs)),
        set: |s, v| s.epochs = as_usize(v),
    },
    Field {
        name: "patience",
        alias: None,
        range: Range::Whole { from: 0, to: 1_000_000 },
        meaning: "end after N epochs without a lower validation loss; 0: never",
        get: |s| Some(whole(s.patience)),
        set: |s, v| s.patience = as_usize(v),
    },
    Field {
        name: "dropout",
        alias: None,
        range: Range::From { from: 0.0, below: 1.0 },
        meaning: "share of each hidden layer's units that a step leaves out",
        get: |s| Some(s.dropout.into()),
        set: |s, v| s.dropout = number(v).unwrap_or(f64::NAN),
    },
    Field {
        name: "input-dropout",
        alias: None,
        range: Range::From { from: 0.0, below: 1.0 },
        meaning: "share of the inputs that a step leaves out",
        get: |s| Some(s.input_dropout.into()),
        set: |s, v| s.input_dropout = number(v).unwrap_or(f64::NAN),
    },
    Field {
        name: "input-bias",
        alias: None,
        range: Range::OneOf(&["none", "identity", "relu", "sigmoid", "tanh"]),
        meaning: "a learned bias on the input, followed by this activation",
        get: |s| Some(s.input_bias.map_or("none", Activation::name).into()),
        set: |s, v| s.input_bias = v.as_str().and_then(Activation::from_name),
    },
    Field {
        name: "input",
        alias: None,
        range: Range::OneOf(InputName::NAMES),
        meaning: "pixels as byte / 255, or as 0 and 1",
        get: |s| Some(s.input.name().into()),
        set: |s, v| s.input = named(v, InputName::from_name),
    },
    Field {
        name: "threshold",
        alias: None,
        range: Range::Whole { from: 1, to: 255 },
        meaning: "the least byte that a binary input takes for 1",
        get: |s| Some(whole(s.threshold.into())),
        set: |s, v| s.threshold = as_usize(v) as u8,
    },
    Field {
        name: "validation",
        alias: None,
        range: Range::Whole { from: 0, to: 1_000_000_000 },
        meaning: "training images held out to judge by",
        get: |s| Some(whole(s.validation)),
        set: |s, v| s.validation = as_usize(v),
    },
    Field {
        name: "validation-from",
        alias: None,
        range: Range::OneOf(HoldOut::NAMES),
        meaning: "which are held out: drawn by the seed, or the last of the file",
        get: |s| Some(s.validation_from.name().into()),
        set: |s, v| s.validation_from = named(v, HoldOut::from_name),
    },
    Field {
        name: "init",
        alias: None,
        range: Range::OneOf(InitName::NAMES),
        meaning: "initial parameters [default: he for relu, xavier for the others]",
        get: |s| s.init.map(|init| init.name().into()),
        set: |s, v| s.init = Some(named(v, InitName::from_name)),
    },
    Field {
        name: "init-range",
        alias: None,
        range: Range::Above { above: 0.0, to: 1e6 },
        meaning: "largest absolute value of parameters that --init uniform draws",
        get: |s| Some(s.init_range.into()),
        set: |s, v| s.init_range = number(v).unwrap_or(f64::NAN),
    },
    Field {
        name: "seed",
        alias: None,
        range: Range::Whole { from: 0, to: LARGEST_SEED },
        meaning: "root of all randomness: the same seed, the same bits",
        get: |s| Some(Value::Integer(i64::try_from(s.seed).unwrap_or(-1))), // -1 is out of range, as the seed is
        set: |s, v| s.seed = v.as_integer().and_then(|seed| u64::try_from(seed).ok()).unwrap_or_default(),
    },
    Field {
        name: "threads",
        alias: None,
        range: Range::Whole { from: 1, to: MOST_THREADS },
        meaning: "cores to use [default: all]",
        get: |s| s.threads.map(whole),
        set: |s, v| s.threads = Some(as_usize(v)),
    },
    Field {
        name: "no-shuffle",
        alias: None,
        range: Range::Switch,
        meaning: "take the images in the order of the file, every epoch",
        get: |s| Some(s.no_shuffle.into()),
        set: |s, v| s.no_shuffle = v.as_bool().unwrap_or_default(),
    },
    Field {
        name: "init-from",
        alias: None,
        range: Range::Text("FILE"),
        meaning: "start from the parameters of this safetensors file",
        get: |s| s.init_from.as_ref().map(|path| path.to_string_lossy().into_owned().into()),
        set: |s, v| s.init_from = Some(text(v).into()),
    },
    Field {
        name: "checkpoint-every",
        alias: None,
        range: Range::Whole { from: 0, to: 1_000_000_000 },
        meaning: "steps from one checkpoint to the next, up to 29 more where small batches are learnt several at once; \
                  0: as often as costs about 0.5 % of the time",
        get: |s| Some(whole(s.checkpoint_every)),
        set: |s, v| s.checkpoint_every = as_usize(v),
    },
];

// The setters below run only on values that their row's range has accepted.

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn as_usize(value: &Value) -> usize {
    value.as_integer().and_then(|whole| usize::try_from(whole).ok()).unwrap_or_default()
}

#[expect(clippy::expect_used, reason = "as above")]
fn named<T>(value: &Value, from_name: fn(&str) -> Option<T>) -> T {
    value.as_str().and_then(from_name).expect("a name that the range has accepted")
}

fn whole(value: usize) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// TOML has two kinds of number, and `lr = 1` means 1.0.
fn number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|whole| whole as f64))
}

/// What the numbers of [`Range::ClassWeights`] are; [`are_class_weights`] checks it.
const WEIGHTS: &str = "up to 256 numbers from 0 to 1000000, not all 0";

fn are_class_weights(weights: &[Value]) -> bool {
    let in_range = |weight: &Value| number(weight).is_some_and(|weight| (0.0..=LARGEST_WEIGHT).contains(&weight));
    let counts = |weight: &Value| number(weight).is_some_and(|weight| weight > 0.0);
    weights.len() <= MOST_CLASSES && weights.iter().all(in_range) && weights.iter().any(counts)
}

impl Range {
    /// The range in words: `a whole number from 1 to 1000000`.
    pub fn describe(self) -> String {
        match self {
            Self::Whole { from, to: LARGEST_SEED } => format!("a whole number from {from} to 2^63 - 1"),
            Self::Whole { from, to } => format!("a whole number from {from} to {to}"),
            Self::Above { above, to } => format!("a number above {above}, up to {to}"),
            Self::From { from, below } => format!("a number from {from} on, below {below}"),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::Widths { to } => {
                format!("up to {MOST_LAYERS} whole numbers from 1 to {to}, separated by commas, or none")
            }
            Self::ClassWeights => format!("none, balanced, or {WEIGHTS}, separated by commas"),
            Self::Switch => "true or false".to_owned(),
            Self::Text(what) => format!("a {}", what.to_lowercase().replace('|', " or ")),
        }
    }

    /// The range in words, as it is written in a TOML file.
    pub(super) fn describe_in_toml(self) -> String {
        match self {
            Self::Widths { to } => format!("an array of up to {MOST_LAYERS} whole numbers from 1 to {to}"),
            Self::ClassWeights => format!("\"none\", \"balanced\", or an array of {WEIGHTS}"),
            same => same.describe(),
        }
    }

    pub(super) fn contains(self, value: &Value) -> bool {
        match self {
            Self::Whole { from, to } => value.as_integer().is_some_and(|whole| (from..=to).contains(&whole)),
            Self::Above { above, to } => number(value).is_some_and(|number| number > above && number <= to),
            Self::From { from, below } => number(value).is_some_and(|number| number >= from && number < below),
            Self::OneOf(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::Widths { to } => value.as_array().is_some_and(|widths| {
                widths.len() <= MOST_LAYERS && widths.iter().all(|w| Self::Whole { from: 1, to }.contains(w))
            }),
            Self::ClassWeights => match value.as_array() {
                Some(weights) => are_class_weights(weights),
                None => value.as_str().is_some_and(|name| ["none", "balanced"].contains(&name)),
            },
            Self::Switch => value.is_bool(),
            Self::Text(_) => value.as_str().is_some_and(|text| !text.is_empty()),
        }
    }

    /// What was typed, as the kind of value that this range holds; text that is none of the kind stays text, and is then
    /// out of range.
    pub(super) fn parse(self, typed: &str) -> Value {
        let parsed = match self {
            Self::Whole { .. } => typed.parse().ok().map(Value::Integer),
            Self::Above { .. } | Self::From { .. } => typed.parse().ok().map(Value::Float),
            Self::Widths { .. } if typed == "none" => Some(Value::Array(Vec::new())),
            Self::Widths { .. } => typed
                .split(',')
                .map(|width| width.trim().parse().ok().map(Value::Integer))
                .collect::<Option<_>>()
                .map(Value::Array),
            Self::ClassWeights => typed
                .split(',')
                .map(|weight| weight.trim().parse().ok().map(Value::Float))
                .collect::<Option<_>>()
                .map(Value::Array),
            Self::Switch => typed.parse().ok().map(Value::Boolean),
            Self::OneOf(_) | Self::Text(_) => None,
        };
        parsed.unwrap_or_else(|| Value::String(typed.to_owned()))
    }
}
