//! `L = -Σ_k y_k ln a_k + (1 - y_k) ln(1 - a_k)`, `a = sigmoid(z)`: a yes or no for each class by itself.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};

use super::{Objective, subtract_labels};
use crate::linalg::elementwise::{exp, sigmoid};

/// Sigmoid outputs with cross-entropy per class.
#[derive(Debug, Clone, Copy)]
pub struct SigmoidCrossEntropy;

impl Objective for SigmoidCrossEntropy {
    /// From the logits, where nothing overflows and `0·ln 0` never comes up:
    /// `L = Σ_k max(z_k, 0) - y_k z_k + ln(1 + e^-|z_k|)`.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], mut p: ArrayViewMut2<f32>) -> f64 {
        assert_eq!(logits.dim(), p.dim(), "shapes disagree");
        Zip::from(&mut p).and(&logits).for_each(|p, &z| *p = sigmoid(z));
        let softplus = |z: f32| f64::from(z.max(0.0)) + libm::log1p(f64::from(exp(-z.abs())));
        let of_image = |(z, &label): (ArrayView1<f32>, &u8)| {
            z.iter().map(|&z| softplus(z)).sum::<f64>() - f64::from(z[usize::from(label)])
        };
        logits.axis_iter(Axis(0)).zip(labels).map(of_image).sum()
    }

    /// `d_z = (a - y) / B`: the derivative of the sigmoid cancels.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        subtract_labels(labels, &mut p);
        p /= labels.len() as f32;
    }
}
