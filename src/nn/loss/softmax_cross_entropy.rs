//! `L = -ln softmax(z)[label]`.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};

use super::{Objective, subtract_labels};
use crate::linalg::elementwise::exp;

/// Softmax outputs with cross-entropy.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxCrossEntropy;

impl Objective for SoftmaxCrossEntropy {
    /// With `m = max z` subtracted, so that nothing overflows: `L = ln Σ e^(z_k - m) + m - z[label]`.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], mut p: ArrayViewMut2<f32>) -> f64 {
        assert_eq!(logits.dim(), p.dim(), "shapes disagree");
        let rows = logits.axis_iter(Axis(0)).zip(p.axis_iter_mut(Axis(0)));
        let of_image = |((z, p), &label): ((ArrayView1<f32>, ArrayViewMut1<f32>), &u8)| {
            let (max, sum) = softmax_row(z, p);
            libm::log(f64::from(sum)) + f64::from(max - z[usize::from(label)])
        };
        rows.zip(labels).map(of_image).sum()
    }

    /// `d_z = (p - y) / B`, `y` one-hot.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        subtract_labels(labels, &mut p);
        p *= 1.0 / labels.len() as f32;
    }
}

/// `P ← softmax(Z)`, row by row: `logits` (B, K) read, `p` (B, K) overwritten.
pub(super) fn softmax(logits: ArrayView2<f32>, mut p: ArrayViewMut2<f32>) {
    assert_eq!(logits.dim(), p.dim(), "shapes disagree");
    for (z, p) in logits.axis_iter(Axis(0)).zip(p.axis_iter_mut(Axis(0))) {
        softmax_row(z, p);
    }
}

/// `p ← softmax(z)`. Returns `m = max z` and `Σ e^(z_k - m)`.
fn softmax_row(z: ArrayView1<f32>, mut p: ArrayViewMut1<f32>) -> (f32, f32) {
    let max = z.fold(f32::NEG_INFINITY, |max, &z| if z > max { z } else { max });
    Zip::from(&mut p).and(&z).for_each(|p, &z| *p = exp(z - max));
    let sum = p.sum();
    p /= sum;
    (max, sum)
}
