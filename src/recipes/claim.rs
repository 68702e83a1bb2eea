//! A published figure, and the range in which ours is accepted.

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::names::named_enum;

named_enum! {
    /// What of a training is held against what was published.
    pub enum Measure {
        /// Share of the test images that are recognised after the last epoch.
        TestAccuracy = "test-accuracy",
        /// The same share of each class, averaged over the classes.
        MeanRate = "mean-rate",
        /// Mean loss over the last epoch, each image scored before the network learnt from it.
        TrainLoss = "train-loss",
        /// Weights and biases of the network.
        Parameters = "parameters",
    }
}

impl Measure {
    /// What it is called in a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::TestAccuracy => "test accuracy",
            Self::MeanRate => "mean rate of the classes",
            Self::TrainLoss => "training loss",
            Self::Parameters => "parameters",
        }
    }
}

/// What a training came to, in every [`Measure`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// [`Measure::TestAccuracy`], in [0, 1].
    pub test_accuracy: f64,
    /// [`Measure::MeanRate`], in [0, 1].
    pub mean_rate: f64,
    /// [`Measure::TrainLoss`].
    pub train_loss: f64,
    /// [`Measure::Parameters`].
    pub parameters: usize,
}

impl Measured {
    /// The figure that `measure` asks for.
    pub fn get(&self, measure: Measure) -> f64 {
        match measure {
            Measure::TestAccuracy => self.test_accuracy,
            Measure::MeanRate => self.mean_rate,
            Measure::TrainLoss => self.train_loss,
            Measure::Parameters => self.parameters as f64,
        }
    }
}

/// A figure as published, and what of ours is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// What it is a figure of.
    pub measure: Measure,
    /// As the source has it: `97.64 %`; none if it gives no such figure.
    pub published: Option<String>,
    /// The least that is accepted; shares in [0, 1].
    pub at_least: Option<f64>,
    /// The most that is accepted.
    pub at_most: Option<f64>,
    /// Why this range, or why there is none.
    pub because: String,
}

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the accepted range.
    Met,
    /// Outside it.
    Missed,
    /// There is no range: the figure is told, and left to the reader.
    Told,
}

impl Verdict {
    /// `met`, `MISSED` or `told`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Told => "told",
        }
    }
}

impl Claim {
    /// Judges the mean of the figures of several seeds; NaN is outside every range.
    pub fn judge(&self, mean: f64) -> Verdict {
        match (self.at_least, self.at_most) {
            (None, None) => Verdict::Told,
            (least, most) if mean >= least.unwrap_or(f64::NEG_INFINITY) && mean <= most.unwrap_or(f64::INFINITY) => {
                Verdict::Met
            }
            _ => Verdict::Missed,
        }
    }

    pub(super) fn problem(&self, place: &str) -> Option<Problem> {
        let (least, most) = (self.at_least.unwrap_or(f64::MIN), self.at_most.unwrap_or(f64::MAX));
        let is_share = matches!(self.measure, Measure::TestAccuracy | Measure::MeanRate);
        let is_possible = !is_share || (least <= 1.0 && self.at_most.is_none_or(|most| most <= 1.0));
        let fine = least.is_finite() && most.is_finite() && least <= most && is_possible;
        (!fine).then(|| Problem {
            place: format!("{place}: claims: {}", self.measure),
            expected: "at-least and at-most as numbers, the first not above the second, a share not above 1".to_owned(),
            found: format!("{least} and {most}"),
            remedy: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(at_least: Option<f64>, at_most: Option<f64>) -> Claim {
        let because = "a test".to_owned();
        Claim { measure: Measure::TestAccuracy, published: None, at_least, at_most, because }
    }

    #[test]
    fn a_claim_is_met_from_its_least_to_its_most() {
        let both = claim(Some(0.2), Some(0.4));
        let verdicts = [0.19, 0.2, 0.3, 0.4, 0.41].map(|mean| both.judge(mean));
        assert_eq!(verdicts, [Verdict::Missed, Verdict::Met, Verdict::Met, Verdict::Met, Verdict::Missed]);
        assert_eq!([0.1, 0.9].map(|mean| claim(Some(0.5), None).judge(mean)), [Verdict::Missed, Verdict::Met]);
        assert_eq!([0.1, 0.9].map(|mean| claim(None, Some(0.5)).judge(mean)), [Verdict::Met, Verdict::Missed]);
    }

    #[test]
    fn a_training_that_came_to_nothing_meets_no_claim_and_a_claim_without_a_range_is_only_told() {
        assert_eq!(claim(Some(0.0), None).judge(f64::NAN), Verdict::Missed);
        assert_eq!(claim(None, Some(1.0)).judge(f64::NAN), Verdict::Missed);
        assert_eq!(claim(None, None).judge(0.5), Verdict::Told);
    }

    #[test]
    fn a_range_that_nothing_is_in_is_a_mistake() {
        assert!(claim(Some(0.4), Some(0.2)).problem("here").is_some());
        assert!(claim(Some(f64::NAN), None).problem("here").is_some());
        assert!(claim(Some(97.0), None).problem("here").is_some(), "97 % is 0.97");
        assert!(claim(Some(0.2), Some(0.2)).problem("here").is_none());
    }
}
