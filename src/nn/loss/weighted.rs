//! `L = Σ_i w(label_i)·L_i / Σ_i w(label_i)`: a loss whose images count by their class, to make up for rare ones.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::Objective;

/// Another loss, its gradient weighted by class as PyTorch's `weight=` does with `reduction="mean"`.
///
/// What it scores stays unweighted: losses are told as they are without it.
#[derive(Debug)]
pub struct Weighted {
    objective: &'static dyn Objective,
    /// (K), none below 0.
    weights: Vec<f32>,
}

impl Weighted {
    /// `objective`, an image of class `k` counting `weights[k]` times.
    pub fn new(objective: &'static dyn Objective, weights: Vec<f32>) -> Self {
        Self { objective, weights }
    }
}

impl Objective for Weighted {
    /// The sum of the unweighted losses.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], p: ArrayViewMut2<f32>) -> f64 {
        self.objective.forward(logits, labels, p)
    }

    /// Each row of the unweighted gradient, which has 1/B in it, times `B·w / Σ w`. A batch whose weights are all 0 has no
    /// gradient (PyTorch's is 0/0).
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        self.objective.backward(labels, p.view_mut());
        let weight = |label: &u8| f64::from(self.weights[usize::from(*label)]); // in f64, where 1 / the least f32 is finite
        let sum: f64 = labels.iter().map(weight).sum();
        let share = if sum > 0.0 { labels.len() as f64 / sum } else { 0.0 };
        for (mut row, label) in p.axis_iter_mut(Axis(0)).zip(labels) {
            row *= (share * weight(label)) as f32;
        }
    }
}
