//! Losses: from logits to probabilities and a loss, and back to the gradient of the logits.

mod sigmoid_cross_entropy;
mod softmax_cross_entropy;
mod squared_error;
mod weighted;

use std::fmt::Debug;

use ndarray::{ArrayView2, ArrayViewMut2};

pub use sigmoid_cross_entropy::SigmoidCrossEntropy;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;
pub use squared_error::{SigmoidSquaredError, SoftmaxSquaredError};
pub use weighted::Weighted;

use crate::names::named_enum;

named_enum! {
    /// How the logits of an image become its probabilities.
    pub enum Output {
        /// `p_k = e^(z_k) / Σ_j e^(z_j)`.
        Softmax = "softmax",
        /// `p_k = 1 / (1 + e^(-z_k))`, each class by itself.
        Sigmoid = "sigmoid",
    }
}

named_enum! {
    /// What is minimised.
    pub enum Loss {
        /// `-ln p[label]` on softmax outputs, `-Σ_k y ln p + (1-y) ln(1-p)` on sigmoid outputs.
        CrossEntropy = "cross-entropy",
        /// `½ Σ_k (p-y)²`.
        Mse = "mse",
        /// `Σ_k (p-y)²`.
        SquaredError = "squared-error",
    }
}

/// A loss on a kind of output. Both directions in one type, so that one is never changed alone and the products that
/// cancel (softmax with cross-entropy: `p - y`) never appear.
pub trait Objective: Debug + Send + Sync {
    /// `logits` (B, K) read, `p` (B, K) overwritten with probabilities. Returns the sum of the losses over the batch.
    fn forward(&self, logits: ArrayView2<f32>, labels: &[u8], p: ArrayViewMut2<f32>) -> f64;

    /// `p` (B, K) as [`forward`](Self::forward) left it, overwritten with the gradient by the logits of the **mean** loss
    /// over the batch.
    fn backward(&self, labels: &[u8], p: ArrayViewMut2<f32>);
}

/// The losses there are, each on the outputs it is defined for.
pub const OBJECTIVES: &[(Output, Loss, &dyn Objective)] = &[
    (Output::Softmax, Loss::CrossEntropy, &SoftmaxCrossEntropy),
    (Output::Softmax, Loss::Mse, &SoftmaxSquaredError { factor: 0.5 }),
    (Output::Softmax, Loss::SquaredError, &SoftmaxSquaredError { factor: 1.0 }),
    (Output::Sigmoid, Loss::CrossEntropy, &SigmoidCrossEntropy),
    (Output::Sigmoid, Loss::Mse, &SigmoidSquaredError { factor: 0.5 }),
    (Output::Sigmoid, Loss::SquaredError, &SigmoidSquaredError { factor: 1.0 }),
];

/// The objective of `loss` on `output`, if the two go together.
pub fn objective(output: Output, loss: Loss) -> Option<&'static dyn Objective> {
    OBJECTIVES.iter().find(|(o, l, _)| (*o, *l) == (output, loss)).map(|&(_, _, objective)| objective)
}

/// `P ← P - Y`, `Y` one-hot.
fn subtract_labels(labels: &[u8], p: &mut ArrayViewMut2<f32>) {
    let classes = p.ncols();
    let rows = p.as_slice_mut().expect("a contiguous matrix").chunks_exact_mut(classes);
    for (p, &label) in rows.zip(labels) {
        p[usize::from(label)] -= 1.0;
    }
}
