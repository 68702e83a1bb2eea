//! RMSProp: `s ← α·s + (1 - α)·g²`, `θ ← θ - η·g / (√s + ε)`.
//!
//! Tieleman and Hinton 2012, lecture 6e; constants and the place of ε as in `torch.optim.RMSprop`.

use super::Rule;
use crate::linalg::{ElementRule, Lanes, MOST_MEMORIES, Vector};

/// Share of the mean square that is kept.
const ALPHA: f32 = 0.99;
/// Keeps the quotient finite.
const EPSILON: f32 = 1e-8;

/// RMSProp, neither centred nor with momentum.
#[derive(Debug, Clone, Copy, Default)]
pub struct RmsProp {
    learning_rate: f32,
}

impl Rule for RmsProp {
    const NAMES: &'static [&'static str] = &["square_avg"];

    fn begin_step(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate as f32;
    }
}

impl ElementRule for RmsProp {
    const MEMORIES: usize = 1;

    #[inline(always)]
    fn step<V: Vector>(
        &self,
        theta: Lanes<V>,
        gradient: Lanes<V>,
        [mean_square, none]: [Lanes<V>; MOST_MEMORIES],
    ) -> (Lanes<V>, [Lanes<V>; MOST_MEMORIES]) {
        let mean_square = mean_square * ALPHA + gradient * (1.0 - ALPHA) * gradient;
        (theta - gradient * self.learning_rate / (mean_square.sqrt() + EPSILON), [mean_square, none])
    }
}
