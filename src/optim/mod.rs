//! Optimizers: what a parameter does with its gradient.
//!
//! An optimizer is a [`Learner`] that knows a learning rate. One more is one more file here, a name in
//! [`OptimizerName`], and a line in [`optimizer`].

mod sgd;

pub use sgd::Sgd;

use crate::names::named_enum;
use crate::nn::{Learner, Network};

named_enum! {
    /// The optimizers there are.
    pub enum OptimizerName {
        /// [`Sgd`].
        Sgd = "sgd",
    }
}

/// Learns from the gradients of one step after the other.
pub trait Optimizer: Learner + std::fmt::Debug + Send {
    /// Called before the gradients of each step. A schedule changes `learning_rate` from step to step.
    fn begin_step(&mut self, learning_rate: f64);
}

/// The optimizer called `name`, with the memory it needs for the parameters of `network`.
pub fn optimizer(name: OptimizerName, _network: &Network) -> Box<dyn Optimizer> {
    match name {
        OptimizerName::Sgd => Box::new(Sgd::default()),
    }
}
