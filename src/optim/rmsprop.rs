//! RMSProp: `s ← α·s + (1 - α)·g²`, `θ ← θ - η·g / (√s + ε)`.
//!
//! Tieleman and Hinton 2012, lecture 6e; constants and the place of ε as in `torch.optim.RMSprop`.

use super::{Decay, MOST_MEMORIES, Rule};

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

    fn update(&self, theta: &mut [f32], gradient: &[f32], decay: Decay, memories: [&mut [f32]; MOST_MEMORIES]) {
        let [mean_square, _] = memories;
        for ((theta, &g), s) in theta.iter_mut().zip(gradient).zip(mean_square) {
            let g = decay.apply(theta, g);
            *s = ALPHA * *s + (1.0 - ALPHA) * g * g;
            *theta -= self.learning_rate * g / (s.sqrt() + EPSILON);
        }
    }
}
