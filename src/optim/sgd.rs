//! Plain stochastic gradient descent: `θ ← θ - η·∇θ`.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::Optimizer;
use crate::linalg::gemm;
use crate::nn::Learner;

/// SGD without momentum. It has no memory, and never builds the gradient of a weight matrix.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sgd {
    learning_rate: f32,
}

impl Optimizer for Sgd {
    fn begin_step(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate as f32;
    }
}

impl Learner for Sgd {
    /// `W ← W - η·Xᵀ·D`: one product that adds to `w`.
    fn weights(&mut self, _parameter: usize, w: ArrayViewMut2<f32>, x: ArrayView2<f32>, d: ArrayView2<f32>) {
        gemm(-self.learning_rate, x.t(), d, 1.0, w);
    }

    /// `b ← b - η·d_b`.
    fn bias(&mut self, _parameter: usize, mut b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        b.scaled_add(-self.learning_rate, &d_b);
    }
}
