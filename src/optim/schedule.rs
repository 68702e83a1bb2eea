//! Learning-rate schedules, defined as in `torch.optim.lr_scheduler`.
//!
//! A rate is a function of the step and of the losses of the epochs before it. Nothing else is remembered, so a training
//! that goes on from some step needs only its history.
//!
//! With the rate η, T steps of which W are a warm-up, N epochs between drops, and the factor F, step t (from 0) in epoch e
//! (from 0) has the rate
//!
//! | schedule | changes | rate | in PyTorch |
//! |---|---|---|---|
//! | constant | never | η | |
//! | step | each epoch | `η·F^⌊e/N⌋` | `StepLR(N, F)` |
//! | cosine | each step | `η·(1 + cos(π·t/T)) / 2` | `CosineAnnealingLR(T)` |
//! | one-cycle | each step | η/25 to η in the first 30 % of the steps, then to η/250,000, along half a cosine each | `OneCycleLR(η, T)`, momentum left as it is |
//! | plateau | each epoch | η, times F whenever the loss has not fallen for more than N epochs | `ReduceLROnPlateau(F, N)` |
//!
//! A warm-up multiplies it by `(t + 1) / (W + 1)` while t < W (`LinearLR(1 / (W + 1), 1, W)`); cosine and one-cycle begin
//! after it, and count t and T from there (`SequentialLR`).

use std::f64::consts::PI;

use crate::names::named_enum;

named_enum! {
    /// The schedules there are.
    pub enum ScheduleName {
        /// One rate for all steps.
        Constant = "constant",
        /// Drops every so many epochs.
        Step = "step",
        /// Falls to 0 along half a cosine.
        Cosine = "cosine",
        /// Rises, and falls further (Smith and Topin 2018, "Super-convergence").
        OneCycle = "one-cycle",
        /// Drops when the loss no longer falls.
        Plateau = "plateau",
    }
}

/// Share of a one-cycle's steps on which the rate rises; PyTorch's default, as the next two.
const RISING: f64 = 0.3;
/// The highest rate of a one-cycle is this many times its first.
const FIRST_DIVISOR: f64 = 25.0;
/// The first rate of a one-cycle is this many times its last.
const LAST_DIVISOR: f64 = 1e4;
/// A loss is lower than another only by more than this share of it; PyTorch's default.
const THRESHOLD: f64 = 1e-4;
/// A plateau's drop by no more than this is not worth making; PyTorch's `eps`.
const LEAST_DROP: f64 = 1e-8;

/// A schedule for one training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Its kind.
    pub name: ScheduleName,
    /// η: the highest rate.
    pub learning_rate: f64,
    /// W: steps of the warm-up, fewer than `steps`.
    pub warmup: u64,
    /// N: epochs between the drops of `step`; epochs without a lower loss that `plateau` puts up with.
    pub every: usize,
    /// F: what a drop multiplies the rate by.
    pub factor: f64,
    /// T: steps of the whole training.
    pub steps: u64,
}

impl Schedule {
    /// The level of the epoch that follows epochs with these `losses`: what its steps have before warm-up, cosine or cycle.
    pub fn level(&self, losses: &[f64]) -> f64 {
        match self.name {
            ScheduleName::Constant | ScheduleName::Cosine | ScheduleName::OneCycle => self.learning_rate,
            ScheduleName::Step => (0..losses.len() / self.every).fold(self.learning_rate, |rate, _| rate * self.factor),
            ScheduleName::Plateau => (0..plateaus(losses, self.every)).fold(self.learning_rate, |rate, _| {
                let lower = rate * self.factor;
                if rate - lower > LEAST_DROP { lower } else { rate }
            }),
        }
    }

    /// The rate of `step` (from 0) in an epoch of this `level`.
    pub fn rate(&self, level: f64, step: u64) -> f64 {
        let warm = if step < self.warmup { (step + 1) as f64 / (self.warmup + 1) as f64 } else { 1.0 };
        let (step, steps) = (step.saturating_sub(self.warmup) as f64, (self.steps - self.warmup) as f64);
        let shape = match self.name {
            ScheduleName::Constant | ScheduleName::Step | ScheduleName::Plateau => 1.0,
            ScheduleName::Cosine => along_cosine(1.0, 0.0, step / steps),
            ScheduleName::OneCycle => one_cycle(step, steps),
        };
        level * shape * warm
    }
}

/// How often more than `patience` epochs in a row brought no lower loss; the count starts anew each time.
fn plateaus(losses: &[f64], patience: usize) -> usize {
    let (mut best, mut waited, mut found) = (f64::INFINITY, 0, 0);
    for &loss in losses {
        waited += 1;
        if loss < best * (1.0 - THRESHOLD) {
            (best, waited) = (loss, 0);
        }
        if waited > patience {
            (waited, found) = (0, found + 1);
        }
    }
    found
}

/// Share of the highest rate in step `step` (from 0) of `steps`.
fn one_cycle(step: f64, steps: f64) -> f64 {
    let (first, last) = (1.0 / FIRST_DIVISOR, 1.0 / (FIRST_DIVISOR * LAST_DIVISOR));
    let (highest_at, last_at) = (RISING * steps - 1.0, steps - 1.0);
    if step <= highest_at {
        along_cosine(first, 1.0, step / highest_at)
    } else {
        along_cosine(1.0, last, (step - highest_at) / (last_at - highest_at))
    }
}

/// From `start` to `end` as `share` goes from 0 to 1, along half a cosine. `libm`, for bits that no platform changes.
fn along_cosine(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (libm::cos(PI * share) + 1.0)
}
