//! Optimizers: what a parameter does with its gradient; and schedules: how fast, from step to step. Definitions, constants and order of operations are PyTorch's.
//!
//! An optimizer is a [`Learner`] that knows a learning rate. One that works element by element is a [`Rule`]: one more is
//! one more file here, a name in [`OptimizerName`], and a line in [`optimizer`].

mod adam;
mod by_element;
mod momentum;
mod rmsprop;
mod schedule;
mod sgd;

pub use adam::Adam;
pub use by_element::{ByElement, Rule};
pub use momentum::Momentum;
pub use rmsprop::RmsProp;
pub use schedule::{Schedule, ScheduleName};
pub use sgd::Sgd;

use crate::names::named_enum;
use crate::nn::{Learner, Network};

named_enum! {
    /// The optimizers there are.
    pub enum OptimizerName {
        /// [`Sgd`].
        Sgd = "sgd",
        /// [`Momentum`].
        Momentum = "momentum",
        /// [`Momentum`] in Nesterov's form.
        Nesterov = "nesterov",
        /// [`RmsProp`].
        RmsProp = "rmsprop",
        /// [`Adam`].
        Adam = "adam",
        /// [`Adam`] with decoupled weight decay.
        AdamW = "adamw",
    }
}

impl OptimizerName {
    /// The learning rate that it starts with where none is given: PyTorch's for those that scale gradients by their
    /// size; for the others one that trains the networks here (chosen on a validation split).
    pub fn default_learning_rate(self) -> f64 {
        match self {
            Self::Sgd => 0.1,
            Self::Momentum | Self::Nesterov => 0.01,
            Self::RmsProp | Self::Adam | Self::AdamW => 0.001,
        }
    }
}

/// Learns from the gradients of one step after the other.
pub trait Optimizer: Learner + std::fmt::Debug + Send {
    /// Called before the gradients of each step. A [`Schedule`] changes `learning_rate` from step to step.
    fn begin_step(&mut self, learning_rate: f64);

    /// What it remembers of the steps before: with it and their number, another goes on as this one would.
    fn memories(&self) -> Vec<Memory<&[f32]>>;

    /// The same, to overwrite.
    fn memories_mut(&mut self) -> Vec<Memory<&mut [f32]>>;

    /// Counts on from `steps` steps.
    fn set_steps(&mut self, steps: u64);
}

/// An array that an optimizer remembers of one parameter: a number for each of its elements.
#[derive(Debug)]
pub struct Memory<T> {
    /// The number of the parameter, as a [`Learner`] counts them.
    pub parameter: usize,
    /// What PyTorch calls it: `momentum_buffer`, `exp_avg`, ...
    pub name: &'static str,
    /// In the order in which the parameter lies in memory: weights (I, O), row by row, or column by column where the layer keeps them turned.
    pub values: T,
}

/// The optimizer called `name`, with the memory it needs for the parameters of `network`.
///
/// `l2` is λ of the penalty `λ/2 Σ w²` over weights, not biases; decoupled from the gradient for AdamW.
pub fn optimizer(name: OptimizerName, l2: f64, network: &Network) -> Box<dyn Optimizer> {
    match name {
        OptimizerName::Sgd => Box::new(Sgd::new(l2)),
        OptimizerName::Momentum => Box::new(ByElement::new(Momentum::classic(), l2, network)),
        OptimizerName::Nesterov => Box::new(ByElement::new(Momentum::nesterov(), l2, network)),
        OptimizerName::RmsProp => Box::new(ByElement::new(RmsProp::default(), l2, network)),
        OptimizerName::Adam => Box::new(ByElement::new(Adam::coupled(), l2, network)),
        OptimizerName::AdamW => Box::new(ByElement::new(Adam::decoupled(), l2, network)),
    }
}
