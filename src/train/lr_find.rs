//! Which learning rate suits a training: its steps are taken with rates that rise from tiny to huge, and the loss is watched
//! (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3).

use std::sync::Arc;

use super::Trainer;
use crate::nn::{Step, Workspace};

/// A step of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// That was tried.
    pub learning_rate: f64,
    /// Mean over the step's batch, before it was learnt from.
    pub loss: f64,
}

/// The losses of a training whose learning rate rises from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The steps, up to the one at which it was given up.
    pub trials: Vec<Trial>,
    /// Of each the loss averaged over the trials near it, so that no single batch decides.
    pub smoothed: Vec<f64>,
    /// Whether it was given up because the loss exploded.
    pub exploded: bool,
}

/// A sweep that has seen so many times its lowest loss has seen enough; as fastai has it.
const EXPLODED: f64 = 4.0;
/// Weight of what was in the running mean that is watched for it, a step; as fastai has it for sweeps of 100 steps.
const MEMORY: f64 = 0.95;
/// Share of a sweep's steps that are averaged to either side.
const NEAR: f64 = 0.03;
/// So much below the rate of the lowest loss lies the suggestion: there the loss is about to explode.
const DISTANCE: f64 = 3.0;

impl Trainer<'_> {
    /// Takes up to `steps` steps with learning rates from `from` to `to`, each by the same factor above the one before, and stops
    /// when the loss explodes. The network has learnt from them: it is good for nothing else.
    pub fn sweep(&mut self, from: f64, to: f64, steps: usize) -> Sweep {
        let crew = Arc::clone(&self.crew);
        crew.steps(|| self.sweep_steps(from, to, steps))
    }

    fn sweep_steps(&mut self, from: f64, to: f64, steps: usize) -> Sweep {
        // One step at a time: at rates as high as these weights may decay to nothing.
        self.workspace = Workspace::new(&self.network, self.config.batch_size.min(self.data.len()));
        let mut trials = Vec::with_capacity(steps);
        let (mut running, mut lowest, mut exploded) = (0.0, f64::INFINITY, false);
        let factor = (to / from).powf(1.0 / (steps.max(2) - 1) as f64);
        let batches = self.data.len().div_ceil(self.config.batch_size);
        for i in 0..steps {
            if i % batches == 0 {
                self.shuffle(1 + i / batches);
            }
            let learning_rate = from * factor.powi(i as i32);
            let loss = self.try_rate(i, i % batches, learning_rate);
            running = MEMORY * running + (1.0 - MEMORY) * loss;
            let mean = running / (1.0 - MEMORY.powi(i as i32 + 1));
            lowest = f64::min(lowest, mean);
            exploded = mean.is_nan() || mean > EXPLODED * lowest;
            if loss.is_finite() {
                trials.push(Trial { learning_rate, loss });
            }
            if exploded {
                break;
            }
        }
        Sweep { smoothed: smoothed(&trials, steps), trials, exploded }
    }

    /// The mean loss of a batch, which is learnt with this rate.
    fn try_rate(&mut self, step: usize, batch: usize, learning_rate: f64) -> f64 {
        let start = batch * self.config.batch_size;
        let images = &self.order[start..self.data.len().min(start + self.config.batch_size)];
        let objective = self.weighted.as_ref().map_or(self.objective, |weighted| weighted);
        self.workspace.load(self.data, self.config.input(), images);
        self.optimizer.begin_step(learning_rate);
        let step = Step { seed: self.config.seed(), number: step as u64 + 1 };
        let score = self.network.learn(step, &mut self.workspace, images.len(), objective, &mut *self.optimizer);
        score.loss_sum / images.len() as f64
    }
}

/// The mean of each loss and of those near it. The last ones, from which the sweep was given up, would raise it far before
/// they came, so losses count by their logarithms.
fn smoothed(trials: &[Trial], steps: usize) -> Vec<f64> {
    let near = ((steps as f64 * NEAR) as usize).max(1);
    let logarithms: Vec<_> = trials.iter().map(|trial| trial.loss.max(1e-12).ln()).collect();
    let mean = |i: usize| {
        let around = &logarithms[i.saturating_sub(near)..(i + near + 1).min(logarithms.len())];
        (around.iter().sum::<f64>() / around.len() as f64).exp()
    };
    (0..trials.len()).map(mean).collect()
}

impl Sweep {
    /// The rate at which the loss was lowest, and that loss; none if there was no step.
    pub fn lowest(&self) -> Option<Trial> {
        let trials = self.trials.iter().zip(&self.smoothed);
        let trials = trials.map(|(trial, &loss)| Trial { learning_rate: trial.learning_rate, loss });
        trials.min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    /// A rate to train with: well below the one at which the loss was lowest, rounded to one digit. None if the loss never fell.
    pub fn suggestion(&self) -> Option<f64> {
        let lowest = self.lowest()?;
        let start = *self.smoothed.first()?;
        (lowest.loss < 0.95 * start).then(|| one_digit(lowest.learning_rate / DISTANCE))
    }
}

/// `value` rounded to its first digit: a sweep says no more.
fn one_digit(value: f64) -> f64 {
    let rounded = format!("{value:.0e}");
    rounded.parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(losses: &[f64]) -> Sweep {
        let rates = (0..losses.len()).map(|i| 1e-4 * 1.1_f64.powi(i as i32));
        let trials: Vec<_> = rates.zip(losses).map(|(learning_rate, &loss)| Trial { learning_rate, loss }).collect();
        Sweep { smoothed: smoothed(&trials, losses.len()), trials, exploded: false }
    }

    #[test]
    fn the_suggestion_lies_below_the_rate_of_the_lowest_loss() {
        let valley: Vec<_> = (0..101).map(|i| 0.1 + (f64::from(i) - 70.0).abs() / 50.0).collect();
        let sweep = sweep(&valley);
        let lowest = sweep.lowest().unwrap();
        assert!((lowest.learning_rate / (1e-4 * 1.1_f64.powi(70)) - 1.0).abs() < 0.3, "{lowest:?}");
        assert_eq!(sweep.suggestion(), Some(0.03));
    }

    #[test]
    fn nothing_is_suggested_where_the_loss_never_fell() {
        assert_eq!(sweep(&[2.3; 50]).suggestion(), None);
        assert_eq!(sweep(&[]).suggestion(), None);
        assert_eq!(sweep(&(0..50).map(|i| 2.3 + f64::from(i)).collect::<Vec<_>>()).suggestion(), None);
    }

    #[test]
    fn one_wild_batch_does_not_decide() {
        let mut losses: Vec<_> = (0..100).map(|i| 2.0 - 0.01 * f64::from(i)).collect();
        losses[20] = 0.2;
        assert!(sweep(&losses).lowest().unwrap().learning_rate > 1e-4 * 1.1_f64.powi(80));
    }
}
