//! The affine layer with its activation: `Y = f(X·W + b)`.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, aview1};
use ndarray_rand::RandomExt;
use serde::{Deserialize, Serialize};

use super::architecture::Spec;
use super::{Activation, Backward, CatchUp, Init, Layer, Learner, Mode, Parameter, ParameterMut};
use crate::linalg::{
    Next, Samples, aligned, elementwise::sum_rows, learn_rows, multiply, multiply_transposed, multiply_turned,
    some_rows_mut, transposed_len,
};
use crate::seed::Stream;

/// A fully connected layer, described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSpec {
    /// O.
    pub outputs: usize,
    /// Applied to `X·W + b`.
    pub activation: Activation,
}

impl Spec for DenseSpec {
    fn outputs(&self, _inputs: usize) -> usize {
        self.outputs
    }

    fn parameters(&self, inputs: usize) -> usize {
        inputs.saturating_add(1).saturating_mul(self.outputs)
    }

    fn multiplications(&self, inputs: usize) -> usize {
        inputs.saturating_mul(self.outputs)
    }

    fn build(&self, inputs: usize, is_first: bool) -> Box<dyn Layer> {
        Box::new(Dense::new(inputs, self.outputs, self.activation, is_first))
    }
}

/// Rows of fewer outputs are vectors that are mostly empty. So weights to as few are turned: then their rows are long.
const FEW_OUTPUTS: usize = 16;

/// A fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// (I, O); or, turned, (O, I): not those of the first layer, which may be given sparse batches.
    weights: Array2<f32>,
    is_turned: bool,
    /// (O).
    bias: Array1<f32>,
    activation: Activation,
}

impl Dense {
    /// A layer from I `inputs` to O `outputs`, all parameters 0.
    pub fn new(inputs: usize, outputs: usize, activation: Activation, is_first: bool) -> Self {
        let is_turned = outputs < FEW_OUTPUTS && !is_first;
        let shape = if is_turned { (outputs, inputs) } else { (inputs, outputs) };
        Self { weights: aligned(Array2::zeros(shape)), is_turned, bias: Array1::zeros(outputs), activation }
    }

    /// The weights (I, O), however they are kept.
    fn by_inputs(&self) -> ArrayView2<'_, f32> {
        if self.is_turned { self.weights.t() } else { self.weights.view() }
    }
}

/// The product of `x` (N, I) with weights, to be written into the first rows of `y`.
fn next<'x, 'y>(x: Samples<'x>, y: &'y mut ArrayViewMut2<f32>, scratch: &'y mut [f32]) -> Next<'x, 'y> {
    let y = some_rows_mut(y.view_mut(), 0..x.samples());
    let scratch = ArrayViewMut2::from_shape(y.dim(), &mut scratch[..y.len()]).expect("as many floats");
    Next { x, y, scratch }
}

impl Layer for Dense {
    fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Room for [`multiply_transposed`], which no turned weights need, or, in the first layer, for [`Next`]; and the gradient of the bias.
    fn scratch_len(&self, batch: usize) -> usize {
        if self.is_turned { self.outputs() } else { transposed_len(batch, self.outputs()) + self.outputs() }
    }

    fn initialise(&mut self, init: Init, stream: &mut Stream) {
        let (inputs, outputs) = self.by_inputs().dim();
        let weights = Array2::random_using((inputs, outputs), init.weights(inputs, outputs), stream);
        self.weights = aligned(if self.is_turned { weights.reversed_axes() } else { weights });
        self.bias = Array1::random_using(outputs, init.bias(), stream);
    }

    fn takes_sparse_batches(&self) -> bool {
        !self.is_turned
    }

    /// `Y = f(X·W + b)`.
    fn forward(&self, _mode: Mode, x: Samples, mut y: ArrayViewMut2<f32>, _scratch: &mut [f32]) {
        if self.is_turned {
            multiply_turned(x.whole(), self.weights.view(), y.view_mut());
        } else {
            multiply(x, self.weights.view(), y.view_mut());
        }
        self.activation.forward(y, self.bias.view());
    }

    fn begin_forward(&self, x: Samples, y: ArrayViewMut2<f32>) {
        multiply(x, self.weights.view(), y);
    }

    fn go_on_forward(&self, y: ArrayViewMut2<f32>) {
        self.activation.forward(y, self.bias.view());
    }

    /// With `δ = d_Y ⊙ f'`: `d_X = δ·Wᵀ`, `d_W = Xᵀ·δ` or, turned, `δᵀ·X`, `d_b = Σ rows of δ`. Begins the next forward pass with `X·W`.
    fn backward(&mut self, pass: Backward<'_>, learner: &mut dyn Learner) -> bool {
        let Backward { x, mut y, mut d_y, d_x, scratch, first_parameter, next_x, puts_off } = pass;
        let (scratch, d_b) = scratch.split_at_mut(scratch.len() - self.bias.len());
        self.activation.backward(y.view(), d_y.view_mut());
        let delta = d_y.view();
        match d_x {
            Some(d_x) if self.is_turned => multiply(Samples::Whole(delta), self.weights.view(), d_x),
            Some(d_x) => multiply_transposed(delta, self.weights.view(), d_x, scratch),
            None => {}
        }
        sum_rows(delta, d_b);
        let begins = next_x.is_some();
        if self.is_turned {
            learner.weights(first_parameter, self.weights.view_mut(), Samples::Whole(delta), x.whole(), None);
        } else if !puts_off {
            let next = next_x.map(|x| next(x, &mut y, scratch));
            learner.weights(first_parameter, self.weights.view_mut(), x, delta, next);
        }
        learner.bias(first_parameter + 1, self.bias.view_mut(), aview1(d_b));
        begins
    }

    /// `W ← kept·(W + Xᵀ·D)`. Begins the next forward pass with `X·W`.
    fn catch_up(&mut self, pass: CatchUp<'_>) -> bool {
        let CatchUp { x, d, kept, mut y, scratch, next_x } = pass;
        let begins = next_x.is_some();
        let next = next_x.map(|x| next(x, &mut y, scratch));
        learn_rows(x, d, [self.weights.view_mut()], next, |gradient, [w]| {
            gradient.add_to_decayed(kept as f32, (1.0 - kept) as f32, w);
        });
        begins
    }

    fn file_prefix(&self, number: usize) -> String {
        format!("layers.{number}")
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![Parameter::Weights(self.by_inputs()), Parameter::Bias(self.bias.view())]
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_>> {
        let weights = self.weights.view_mut();
        let weights = if self.is_turned { weights.reversed_axes() } else { weights };
        vec![ParameterMut::Weights(weights), ParameterMut::Bias(self.bias.view_mut())]
    }
}
