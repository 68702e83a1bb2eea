//! Activations: elementwise, fused with the addition of the bias; the derivative is taken from the output.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::linalg::elementwise::{add_row_and_map, multiply_by_mapped, sigmoid, tanh};
use crate::names::named_enum;

named_enum! {
    /// What a layer does to `X·W + b`, element by element.
    pub enum Activation {
        /// `f(z) = z`: the output layer, whose logits go to the loss.
        Identity = "identity",
        /// `f(z) = max(z, 0)`, `f'(0) = 0`.
        Relu = "relu",
        /// `f(z) = 1 / (1 + e^-z)`.
        Sigmoid = "sigmoid",
        /// `f(z) = tanh z`.
        Tanh = "tanh",
    }
}

impl Activation {
    /// `Y ← f(Y + b)`: `y` (B, O) overwritten, `bias` (O) read.
    pub fn forward(self, y: ArrayViewMut2<f32>, bias: ArrayView1<f32>) {
        match self {
            Self::Identity => add_row_and_map(y, bias, |z| z),
            Self::Relu => add_row_and_map(y, bias, relu),
            Self::Sigmoid => add_row_and_map(y, bias, sigmoid),
            Self::Tanh => add_row_and_map(y, bias, tanh),
        }
    }

    /// `D ← D ⊙ f'(z)`, where `y` (B, O) `= f(z)` is read and `d_y` (B, O) overwritten with the gradient of `z`.
    pub fn backward(self, y: ArrayView2<f32>, d_y: ArrayViewMut2<f32>) {
        match self {
            Self::Identity => {}
            Self::Relu => multiply_by_mapped(d_y, y, |y| if y > 0.0 { 1.0 } else { 0.0 }),
            Self::Sigmoid => multiply_by_mapped(d_y, y, |y| y * (1.0 - y)),
            Self::Tanh => multiply_by_mapped(d_y, y, |y| 1.0 - y * y),
        }
    }
}

/// `max(z, 0)`, but NaN stays NaN: a diverged network must be seen, not silenced.
fn relu(z: f32) -> f32 {
    if z < 0.0 { 0.0 } else { z }
}
