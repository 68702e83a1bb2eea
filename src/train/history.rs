//! What a run came to, epoch by epoch.

use serde::{Deserialize, Serialize};

/// Loss and accuracy on a set of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean over the images.
    pub loss: f64,
    /// Share of the images whose most probable class is their label, in [0, 1].
    pub accuracy: f64,
}

/// How a network does on images it does not learn from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Judgement {
    /// On the validation split, where there is one.
    pub validation: Option<Scores>,
    /// On the test split. Only reported: no decision may depend on it.
    pub test: Option<Scores>,
}

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct StepRecord {
    /// From 1.
    pub epoch: usize,
    /// Of the epoch, from 1.
    pub batch: usize,
    /// Images in the batch.
    pub images: usize,
    /// Loss and accuracy over the epoch so far, this step's batch included.
    pub so_far: RunningScore,
}

/// One epoch: a line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: usize,
    /// Steps since the start of the run.
    pub step: u64,
    /// Of the last step.
    pub learning_rate: f64,
    /// Running mean over the epoch, each image scored before the network learnt from it.
    pub train_loss: f64,
    /// Running mean over the epoch, in [0, 1].
    pub train_accuracy: f64,
    /// Mean after the epoch; `None` without a validation split.
    pub validation_loss: Option<f64>,
    /// After the epoch, in [0, 1]; `None` without a validation split.
    pub validation_accuracy: Option<f64>,
    /// Mean after the epoch.
    pub test_loss: Option<f64>,
    /// After the epoch, in [0, 1].
    pub test_accuracy: Option<f64>,
    /// Wall time of the steps.
    pub train_seconds: f64,
    /// Wall time of the judgement after them.
    pub eval_seconds: f64,
    /// Training images a second of `train_seconds`.
    pub samples_per_second: f64,
}

impl EpochRecord {
    /// Its line of `metrics.jsonl`.
    pub(super) fn to_line(&self) -> String {
        serde_json::to_string(self).expect("a record is plain data") + "\n"
    }
}

/// The epochs of a run, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// One record an epoch.
    pub epochs: Vec<EpochRecord>,
}

impl History {
    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// The epoch with the lowest validation loss, the first of equals; `None` without a validation split.
    pub fn best(&self) -> Option<&EpochRecord> {
        let judged = self.epochs.iter().filter_map(|epoch| Some((epoch.validation_loss?, epoch)));
        judged.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, epoch)| epoch)
    }

    /// Of each epoch the loss that a schedule watches: on the validation split where there is one, else the training loss.
    /// The test split has no say.
    pub fn watched_losses(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.validation_loss.unwrap_or(epoch.train_loss)).collect()
    }

    /// Wall time of all steps.
    pub fn train_seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.train_seconds).sum()
    }

    /// The median wall time of an epoch's steps; `None` before the first.
    pub fn median_epoch_seconds(&self) -> Option<f64> {
        let mut seconds: Vec<_> = self.epochs.iter().map(|epoch| epoch.train_seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        match seconds.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(seconds[middle]),
            _ => Some((seconds[middle - 1] + seconds[middle]) / 2.0),
        }
    }
}

/// A mean over images that arrive in batches: a short batch counts for its own size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningScore {
    images: usize,
    loss_sum: f64,
    correct: usize,
}

impl RunningScore {
    pub(crate) fn add(&mut self, score: crate::nn::BatchScore, images: usize) {
        self.images += images;
        self.loss_sum += score.loss_sum;
        self.correct += score.correct;
    }

    /// Images so far.
    pub fn images(self) -> usize {
        self.images
    }

    /// The means; NaN before the first batch.
    pub fn scores(self) -> Scores {
        let images = self.images as f64;
        Scores { loss: self.loss_sum / images, accuracy: self.correct as f64 / images }
    }
}
