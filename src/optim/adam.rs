//! Adam: `m ← β₁·m + (1 - β₁)·g`, `v ← β₂·v + (1 - β₂)·g²`, `θ ← θ - η·m̂ / (√v̂ + ε)` with `m̂ = m / (1 - β₁ᵗ)`,
//! `v̂ = v / (1 - β₂ᵗ)`.
//!
//! Kingma and Ba 2015, algorithm 1; AdamW: Loshchilov and Hutter 2019. Constants and order of operations as in
//! `torch.optim.Adam` and `AdamW`, which divide by `√(1 - β₂ᵗ)` where this multiplies with its reciprocal.

use super::Rule;
use crate::linalg::{ElementRule, Lanes, MOST_MEMORIES, Vector};

/// Share of the mean gradient that is kept.
const BETA_1: f64 = 0.9;
/// Share of the mean square that is kept.
const BETA_2: f64 = 0.999;
/// Keeps the quotient finite.
const EPSILON: f32 = 1e-8;

/// Adam; with `DECOUPLED`, AdamW.
#[derive(Debug, Clone, Copy, Default)]
pub struct Adam<const DECOUPLED: bool> {
    /// t, from 1.
    step: i32,
    /// `η / (1 - β₁ᵗ)`.
    step_size: f32,
    /// `1 / √(1 - β₂ᵗ)`, with which a root is multiplied: the divider has enough to do with the root and the quotient.
    root_factor: f32,
}

impl Adam<false> {
    /// Adam: weight decay goes through the gradient.
    pub fn coupled() -> Self {
        Self::default()
    }
}

impl Adam<true> {
    /// AdamW: weight decay acts on the weights.
    pub fn decoupled() -> Self {
        Self::default()
    }
}

impl<const DECOUPLED: bool> Rule for Adam<DECOUPLED> {
    const NAMES: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];
    const DECOUPLED_DECAY: bool = DECOUPLED;

    fn begin_step(&mut self, learning_rate: f64) {
        self.step = self.step.saturating_add(1); // beyond 2^31 steps both corrections are 1 anyway
        self.step_size = (learning_rate / (1.0 - BETA_1.powi(self.step))) as f32;
        self.root_factor = (1.0 / (1.0 - BETA_2.powi(self.step)).sqrt()) as f32;
    }

    fn set_steps(&mut self, steps: u64) {
        self.step = i32::try_from(steps).unwrap_or(i32::MAX);
    }
}

impl<const DECOUPLED: bool> ElementRule for Adam<DECOUPLED> {
    const MEMORIES: usize = 2;

    #[inline(always)]
    fn step<V: Vector>(
        &self,
        theta: Lanes<V>,
        gradient: Lanes<V>,
        [mean, mean_square]: [Lanes<V>; MOST_MEMORIES],
    ) -> (Lanes<V>, [Lanes<V>; MOST_MEMORIES]) {
        // Squares may be less than normal, and their roots far off then: beside ε they are nothing.
        let mean = mean + (gradient - mean) * (1.0 - BETA_1) as f32;
        let mean_square = mean_square * BETA_2 as f32 + gradient * (1.0 - BETA_2) as f32 * gradient;
        let theta = theta - mean * self.step_size / (mean_square.sqrt() * self.root_factor + EPSILON);
        (theta, [mean, mean_square])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_begin_large_and_end_at_one() {
        let mut adam = Adam::coupled();
        adam.begin_step(0.001);
        assert!((adam.root_factor - 31.622_776).abs() < 1e-5, "1 / √0.001: {}", adam.root_factor);
        assert!((adam.step_size - 0.01).abs() < 1e-8, "0.001 / 0.1: {}", adam.step_size);
        adam.set_steps(u64::MAX);
        adam.begin_step(0.001);
        assert_eq!((adam.root_factor, adam.step_size), (1.0, 0.001));
    }
}
