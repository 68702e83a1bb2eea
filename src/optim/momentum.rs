//! SGD with momentum: `v ← μ·v + g`, `θ ← θ - η·v`; in Nesterov's form `θ ← θ - η·(g + μ·v)`.
//!
//! Sutskever et al. 2013, in the form of `torch.optim.SGD`: the learning rate stands outside the velocity.

use super::Rule;
use crate::linalg::{ElementRule, Lanes, MOST_MEMORIES, Vector};

/// Share of the velocity that is kept, as PyTorch's and Keras' examples have it.
const MOMENTUM: f32 = 0.9;

/// Momentum, in one of its two forms.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    learning_rate: f32,
    /// What of the gradient and of the velocity makes the step: (0, 1), or Nesterov's (1, μ).
    mix: (f32, f32),
}

impl Momentum {
    /// The step is the velocity.
    pub fn classic() -> Self {
        Self { learning_rate: 0.0, mix: (0.0, 1.0) }
    }

    /// The step looks ahead: the velocity after one more step of the same gradient.
    pub fn nesterov() -> Self {
        Self { learning_rate: 0.0, mix: (1.0, MOMENTUM) }
    }
}

impl Rule for Momentum {
    const NAMES: &'static [&'static str] = &["momentum_buffer"];

    fn begin_step(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate as f32;
    }
}

impl ElementRule for Momentum {
    const MEMORIES: usize = 1;

    #[inline(always)]
    fn step<V: Vector>(
        &self,
        theta: Lanes<V>,
        gradient: Lanes<V>,
        [velocity, none]: [Lanes<V>; MOST_MEMORIES],
    ) -> (Lanes<V>, [Lanes<V>; MOST_MEMORIES]) {
        let (of_gradient, of_velocity) = self.mix;
        let velocity = velocity * MOMENTUM + gradient;
        (theta - (gradient * of_gradient + velocity * of_velocity) * self.learning_rate, [velocity, none])
    }
}
