//! RMSProp: `s ← α·s + (1 - α)·g²`, `θ ← θ - η·g / (√s + ε)`.
//!
//! Tieleman and Hinton 2012, lecture 6e; constants and the place of ε as in `torch.optim.RMSprop`.

use super::{MOST_MEMORIES, Rule};

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
    const MEMORIES: &'static [&'static str] = &["square_avg"];

    fn begin_step(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate as f32;
    }

    #[inline(always)]
    fn step(&self, theta: f32, gradient: f32, [mean_square, _]: [f32; MOST_MEMORIES]) -> (f32, [f32; MOST_MEMORIES]) {
        let mean_square = ALPHA * mean_square + (1.0 - ALPHA) * gradient * gradient;
        (theta - self.learning_rate * gradient / (mean_square.sqrt() + EPSILON), [mean_square, 0.0])
    }
}
