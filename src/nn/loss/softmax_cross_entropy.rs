//! `L = -ln softmax(z)[label]`.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::{Objective, subtract_labels};
use crate::linalg::elementwise::exp;

/// Softmax outputs with cross-entropy.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxCrossEntropy;

impl Objective for SoftmaxCrossEntropy {
    /// With `m = max z` subtracted, so that nothing overflows: `L = ln Σ e^(z_k - m) + m - z[label]`.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], p: ArrayViewMut2<f32>) -> f64 {
        let mut loss = 0.0;
        // The logarithm of a product of sums: one instead of many.
        let mut product = 1.0;
        let mut labels = labels.iter();
        softmax_rows(logits, p, |z, max, sum| {
            let label = labels.next().expect("a label for each image");
            loss += f64::from(max - z[usize::from(*label)]);
            product *= f64::from(sum); // at least 1, for one of its terms is
            if product > 1e200 {
                loss += libm::log(product);
                product = 1.0;
            }
        });
        loss + libm::log(product)
    }

    /// `d_z = (p - y) / B`, `y` one-hot.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        subtract_labels(labels, &mut p);
        p *= 1.0 / labels.len() as f32;
    }
}

/// `P ← softmax(Z)`, row by row: `logits` (B, K) read, `p` (B, K) overwritten.
pub(super) fn softmax(logits: ArrayView2<f32>, p: ArrayViewMut2<f32>) {
    softmax_rows(logits, p, |_, _, _| ());
}

/// [`softmax`], and `of_row` with each row `z` of the logits, `m = max z` and `Σ e^(z_k - m)`.
fn softmax_rows(logits: ArrayView2<f32>, mut p: ArrayViewMut2<f32>, mut of_row: impl FnMut(&[f32], f32, f32)) {
    assert_eq!(logits.dim(), p.dim(), "shapes disagree");
    let classes = logits.ncols();
    let z = logits.to_slice().expect("a contiguous matrix");
    let p = p.as_slice_mut().expect("a contiguous matrix");
    let max_of = |z: &[f32]| z.iter().fold(f32::NEG_INFINITY, |max, &z| if z > max { z } else { max });
    for (z, p) in z.chunks_exact(classes).zip(p.chunks_exact_mut(classes)) {
        let max = max_of(z);
        p.iter_mut().zip(z).for_each(|(p, z)| *p = z - max);
    }
    p.iter_mut().for_each(|p| *p = exp(*p)); // of all rows: whole vectors
    for (z, p) in z.chunks_exact(classes).zip(p.chunks_exact_mut(classes)) {
        let sum: f32 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum);
        of_row(z, max_of(z), sum);
    }
}
