//! Plain stochastic gradient descent: `θ ← θ - η·∇θ`.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Memory, Optimizer};
use crate::linalg::{Next, Samples, learn_rows};
use crate::nn::{Learner, Linear};

/// SGD without momentum. It has no memory, and never builds the gradient of a weight matrix.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    learning_rate: f64,
    /// λ.
    l2: f64,
}

impl Sgd {
    /// With the penalty `l2/2 Σ w²` on weights. The learning rate is 0 until a step begins.
    pub fn new(l2: f64) -> Self {
        Self { learning_rate: 0.0, l2 }
    }
}

impl Optimizer for Sgd {
    fn begin_step(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    fn memories(&self) -> Vec<Memory<&[f32]>> {
        Vec::new()
    }

    fn memories_mut(&mut self) -> Vec<Memory<&mut [f32]>> {
        Vec::new()
    }

    fn set_steps(&mut self, _steps: u64) {}
}

impl Learner for Sgd {
    /// `W ← W - ηλ·W - η·Xᵀ·D`: one product that adds to `w`, after its decay where there is one.
    fn weights(
        &mut self,
        _parameter: usize,
        w: ArrayViewMut2<f32>,
        x: Samples,
        d: ArrayView2<f32>,
        next: Option<Next>,
    ) {
        let (rate, decay) = (self.learning_rate as f32, (self.learning_rate * self.l2) as f32);
        learn_rows(x, d, [w], next, |gradient, [w]| gradient.add_to_decayed(-rate, decay, w));
    }

    fn linear(&self) -> Option<Linear> {
        Some(Linear { rate: self.learning_rate, decay: self.learning_rate * self.l2 })
    }

    /// `b ← b - η·d_b`.
    fn bias(&mut self, _parameter: usize, mut b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        b.scaled_add(-self.learning_rate as f32, &d_b);
    }
}
