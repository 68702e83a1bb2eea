//! A learned bias on the input, followed by an activation: `Y = f(X + b)`.

use ndarray::{Array1, ArrayViewMut2, aview1};
use serde::{Deserialize, Serialize};

use super::architecture::Spec;
use super::{Activation, Backward, Init, Layer, Learner, Mode, Parameter, ParameterMut};
use crate::linalg::{Samples, elementwise::sum_rows};
use crate::seed::Stream;

/// An input bias, described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputBiasSpec {
    /// Applied to `X + b`.
    pub activation: Activation,
}

impl Spec for InputBiasSpec {
    fn outputs(&self, inputs: usize) -> usize {
        inputs
    }

    fn parameters(&self, inputs: usize) -> usize {
        inputs
    }

    fn build(&self, inputs: usize, _is_first: bool) -> Box<dyn Layer> {
        Box::new(InputBias { bias: Array1::zeros(inputs), activation: self.activation })
    }
}

/// A bias for each input, learned; it starts at 0, whatever the initialisation.
#[derive(Debug, Clone, PartialEq)]
struct InputBias {
    /// (I).
    bias: Array1<f32>,
    activation: Activation,
}

impl Layer for InputBias {
    fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// One row: the gradient of the bias.
    fn scratch_len(&self, _batch: usize) -> usize {
        self.bias.len()
    }

    fn initialise(&mut self, _init: Init, _stream: &mut Stream) {
        self.bias.fill(0.0);
    }

    /// `Y = f(X + b)`.
    fn forward(&self, _mode: Mode, x: Samples, mut y: ArrayViewMut2<f32>, _scratch: &mut [f32]) {
        y.assign(&x.whole());
        self.activation.forward(y, self.bias.view());
    }

    /// With `δ = d_Y ⊙ f'`: `d_X = δ`, `d_b = Σ rows of δ`.
    fn backward(&mut self, pass: Backward<'_>, learner: &mut dyn Learner) -> bool {
        let Backward { y, mut d_y, d_x, scratch: d_b, first_parameter, .. } = pass;
        self.activation.backward(y.view(), d_y.view_mut());
        if let Some(mut d_x) = d_x {
            d_x.assign(&d_y);
        }
        sum_rows(d_y.view(), d_b);
        learner.bias(first_parameter, self.bias.view_mut(), aview1(d_b));
        false
    }

    /// There is one at most, so it has no number: `input.bias`.
    fn file_prefix(&self, _number: usize) -> String {
        "input".to_owned()
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![Parameter::Bias(self.bias.view())]
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_>> {
        vec![ParameterMut::Bias(self.bias.view_mut())]
    }
}
