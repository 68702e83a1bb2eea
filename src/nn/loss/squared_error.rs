//! `L = c Σ_k (p_k - y_k)²`, `p` softmax or sigmoid: what saturated units learn slowly from.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};

use super::Objective;
use super::softmax_cross_entropy::softmax;
use crate::linalg::elementwise::sigmoid;

/// Softmax outputs with squared error.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxSquaredError {
    /// `c`: ½ makes it `mse`, 1 `squared-error`.
    pub factor: f32,
}

/// Sigmoid outputs with squared error.
#[derive(Debug, Clone, Copy)]
pub struct SigmoidSquaredError {
    /// As in [`SoftmaxSquaredError`].
    pub factor: f32,
}

impl Objective for SoftmaxSquaredError {
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], mut p: ArrayViewMut2<f32>) -> f64 {
        softmax(logits, p.view_mut());
        squared_distance(labels, p.view(), self.factor)
    }

    /// Through the whole Jacobian `∂p_j/∂z_k = p_j (1[j = k] - p_k)`: with `e = 2c (p - y) / B`,
    /// `d_z = p ⊙ (e - p·e)`.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        let scale = 2.0 * self.factor / labels.len() as f32;
        for (mut p, &label) in p.axis_iter_mut(Axis(0)).zip(labels) {
            let mean = p.iter().map(|p| p * p).sum::<f32>() - p[usize::from(label)]; // Σ_j p_j (p_j - y_j)
            let of_label = p[usize::from(label)];
            p.mapv_inplace(|p| scale * p * (p - mean));
            p[usize::from(label)] -= scale * of_label;
        }
    }
}

impl Objective for SigmoidSquaredError {
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], mut p: ArrayViewMut2<f32>) -> f64 {
        assert_eq!(logits.dim(), p.dim(), "shapes disagree");
        Zip::from(&mut p).and(&logits).for_each(|p, &z| *p = sigmoid(z));
        squared_distance(labels, p.view(), self.factor)
    }

    /// `d_z = 2c (a - y) ⊙ a ⊙ (1 - a) / B`.
    fn backward(&self, labels: &[u8], mut p: ArrayViewMut2<f32>) {
        let scale = 2.0 * self.factor / labels.len() as f32;
        for (mut p, &label) in p.axis_iter_mut(Axis(0)).zip(labels) {
            let slope = p[usize::from(label)] * (1.0 - p[usize::from(label)]);
            p.mapv_inplace(|a| scale * a * a * (1.0 - a));
            p[usize::from(label)] -= scale * slope;
        }
    }
}

/// `c Σ (p - y)²` over all images.
fn squared_distance(labels: &[u8], p: ArrayView2<f32>, factor: f32) -> f64 {
    let of_image = |(p, &label): (ArrayView1<f32>, &u8)| {
        let all: f64 = p.iter().map(|&p| f64::from(p) * f64::from(p)).sum();
        all + 1.0 - 2.0 * f64::from(p[usize::from(label)])
    };
    f64::from(factor) * p.axis_iter(Axis(0)).zip(labels).map(of_image).sum::<f64>()
}
