//! `L = -ln softmax(z)[label]`.

use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};

use super::Objective;
use crate::linalg::elementwise::exp;

/// Softmax outputs with cross-entropy.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxCrossEntropy;

impl Objective for SoftmaxCrossEntropy {
    /// With `m = max z` subtracted, so that nothing overflows: `L = ln Σ e^(z_k - m) + m - z[label]`.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], mut p: ArrayViewMut2<f32>) -> f64 {
        assert_eq!(logits.dim(), p.dim(), "shapes disagree");
        let mut losses = 0.0;
        for ((z, mut p), &label) in logits.axis_iter(Axis(0)).zip(p.axis_iter_mut(Axis(0))).zip(labels) {
            let max = z.fold(f32::NEG_INFINITY, |max, &z| if z > max { z } else { max });
            Zip::from(&mut p).and(&z).for_each(|p, &z| *p = exp(z - max));
            let sum = p.sum();
            p /= sum;
            losses += libm::log(f64::from(sum)) + f64::from(max - z[usize::from(label)]);
        }
        losses
    }

    /// `d_z = (p - y) / B`, `y` one-hot.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        let scale = 1.0 / labels.len() as f32;
        for (mut p, &label) in p.axis_iter_mut(Axis(0)).zip(labels) {
            p[usize::from(label)] -= 1.0;
            p *= scale;
        }
    }
}
