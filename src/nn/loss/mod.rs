//! Losses: from logits to probabilities and a loss, and back to the gradient of the logits.

mod softmax_cross_entropy;

use std::fmt::Debug;

use ndarray::{ArrayView2, ArrayViewMut2};

pub use softmax_cross_entropy::SoftmaxCrossEntropy;

use crate::names::named_enum;

named_enum! {
    /// How the logits of an image become its probabilities.
    pub enum Output {
        /// `p_k = e^(z_k) / Σ_j e^(z_j)`.
        Softmax = "softmax",
    }
}

named_enum! {
    /// What is minimised.
    pub enum Loss {
        /// `-ln p[label]` on softmax outputs.
        CrossEntropy = "cross-entropy",
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
pub const OBJECTIVES: &[(Output, Loss, &dyn Objective)] =
    &[(Output::Softmax, Loss::CrossEntropy, &SoftmaxCrossEntropy)];

/// The objective of `loss` on `output`, if the two go together.
pub fn objective(output: Output, loss: Loss) -> Option<&'static dyn Objective> {
    OBJECTIVES.iter().find(|(o, l, _)| (*o, *l) == (output, loss)).map(|&(_, _, objective)| objective)
}
