//! What a layer is, and how it hands over its gradients.

use std::fmt::Debug;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Ix2, Shape, ShapeBuilder};

use super::Init;
use crate::linalg::{Next, Samples};
use crate::seed::{Purpose, Seed, Stream};

/// What a forward pass is for. Layers that behave differently when they learn (dropout, batch normalisation) ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The network as it will be used.
    Evaluate,
    /// Part of a training step.
    Train {
        /// The step.
        step: Step,
        /// The layer's place in the network, from 0.
        layer: usize,
    },
}

/// A training step: where layers that need random numbers find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The root of the run's randomness.
    pub seed: Seed,
    /// From 1.
    pub number: u64,
}

impl Step {
    /// The stream of the layer at place `layer` in this step. 256 layers have streams of their own.
    pub fn stream(self, layer: usize) -> Stream {
        self.seed.stream(Purpose::Dropout, (self.number << 8) | (layer as u64 & 0xff))
    }
}

impl Mode {
    /// The same for the layer at place `place`.
    pub(super) fn at_layer(self, place: usize) -> Self {
        match self {
            Self::Evaluate => Self::Evaluate,
            Self::Train { step, .. } => Self::Train { step, layer: place },
        }
    }
}

/// One stage of a network: `X` (B, I) to `Y` (B, O). It holds parameters only; what it computes lives in a
/// [`Workspace`](super::Workspace).
pub trait Layer: Debug + Send + Sync {
    /// Width of the output, O.
    fn outputs(&self) -> usize;

    /// How many floats it needs for itself while a batch of `batch` images goes forward and back.
    fn scratch_len(&self, batch: usize) -> usize;

    /// Overwrites every parameter with its initial value.
    fn initialise(&mut self, init: Init, stream: &mut Stream);

    /// Whether it can do without most of the zeros of its input. Then it must have [`begin_forward`](Self::begin_forward), [`go_on_forward`](Self::go_on_forward) and [`catch_up`](Self::catch_up).
    fn takes_sparse_batches(&self) -> bool {
        false
    }

    /// `x` (B, I) read, `y` (B, O) overwritten, `scratch` kept until [`backward`](Self::backward).
    fn forward(&self, mode: Mode, x: Samples, y: ArrayViewMut2<f32>, scratch: &mut [f32]);

    /// Of a layer that takes sparse batches, what [`forward`](Self::forward) begins with, which may be that of several steps at once: `x` (N, I)
    /// read, `y` (N, O) overwritten.
    fn begin_forward(&self, x: Samples, y: ArrayViewMut2<f32>) {
        let _ = (x, y);
        unreachable!("a layer that takes sparse batches begins");
    }

    /// The rest of [`forward`](Self::forward) after what [`begin_forward`](Self::begin_forward) or [`backward`](Self::backward) began.
    fn go_on_forward(&self, y: ArrayViewMut2<f32>) {
        let _ = y;
        unreachable!("a layer that has begun goes on");
    }

    /// Sends the gradient back, and hands the gradient of each parameter to `learner`, which may change the parameter at
    /// once: `d_x` is computed before. Returns whether it began the next step's forward pass.
    fn backward(&mut self, pass: Backward<'_>, learner: &mut dyn Learner) -> bool;

    /// Of a layer that takes sparse batches, after steps whose [`backward`](Self::backward) put off what its weights learn: makes up for it. Returns whether it
    /// began the next step's forward pass.
    fn catch_up(&mut self, pass: CatchUp<'_>) -> bool {
        let _ = pass;
        unreachable!("a layer that takes sparse batches catches up");
    }

    /// What its parameters are called in a model file, as the `number`-th (from 0) of its kind: `layers.0` for
    /// `layers.0.weight`.
    fn file_prefix(&self, number: usize) -> String;

    /// The parameters, in the order in which [`Learner`] numbers them.
    fn parameters(&self) -> Vec<Parameter<'_>>;

    /// The same, to overwrite.
    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_>>;
}

/// What a layer has at hand on the way back.
#[derive(Debug)]
pub struct Backward<'a> {
    /// The input of the forward pass, (B, I); not to be read if it [`puts_off`](Self::puts_off) what its weights learn.
    pub x: Samples<'a>,
    /// The output of the forward pass, (B, O). A layer that begins the next forward pass overwrites it.
    pub y: ArrayViewMut2<'a, f32>,
    /// The gradient of `y`, (B, O); the layer may overwrite it.
    pub d_y: ArrayViewMut2<'a, f32>,
    /// To be overwritten with the gradient of `x`, (B, I); `None` for the first layer.
    pub d_x: Option<ArrayViewMut2<'a, f32>>,
    /// As `forward` left it.
    pub scratch: &'a mut [f32],
    /// The input of the next step, at most B samples, where it is there already.
    pub next_x: Option<Samples<'a>>,
    /// What its weights learn is put off: it leaves the gradient of `X·W` in `d_y`, for [`Layer::catch_up`], and begins nothing.
    pub puts_off: bool,
    /// The number of the layer's first parameter in the whole network.
    pub first_parameter: usize,
}

/// What a layer has at hand to make up for what several steps put off.
#[derive(Debug)]
pub struct CatchUp<'a> {
    /// Their input, (N, I).
    pub x: Samples<'a>,
    /// The weights become `kept·(W + Xᵀ·D)`: (N, O).
    pub d: ArrayView2<'a, f32>,
    /// What decay has left of them.
    pub kept: f64,
    /// (N or more, O): a layer that begins the next forward pass overwrites its first rows.
    pub y: ArrayViewMut2<'a, f32>,
    /// To be overwritten with anything.
    pub scratch: &'a mut [f32],
    /// The input of the next steps, at most as many samples as `y` has rows, where it is there already.
    pub next_x: Option<Samples<'a>>,
}

/// Learns from gradients, parameter by parameter. Implemented by the optimizers, and by tests that collect gradients.
///
/// Parameters are numbered through the whole network, from the first layer on.
pub trait Learner {
    /// `w` (I, O) has the gradient `Xᵀ·D`, `x` (B, I), `d` (B, O). It comes unmultiplied, so that plain SGD adds the
    /// product to the weights and never holds a gradient. With `next`, its product follows. Of a layer that keeps its weights turned the rows are outputs: `w` (O, I),
    /// `x` (B, O), `d` (B, I).
    fn weights(&mut self, parameter: usize, w: ArrayViewMut2<f32>, x: Samples, d: ArrayView2<f32>, next: Option<Next>);

    /// All that this step does to weights, if it is linear in them and in their gradient. Then a layer may put it off, and do it without asking [`weights`](Self::weights): several steps are one product.
    fn linear(&self) -> Option<Linear> {
        None
    }

    /// `b` (O) has the gradient `d_b` (O).
    fn bias(&mut self, parameter: usize, b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>);
}

/// `W ← W - decay·W - rate·∇W`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// The learning rate.
    pub rate: f64,
    /// From 0 to below 1.
    pub decay: f64,
}

/// A parameter to read.
#[derive(Debug)]
pub enum Parameter<'a> {
    /// Weights (I, O), kept as (O, I) in files. They lie in memory row by row, or column by column.
    Weights(ArrayView2<'a, f32>),
    /// Biases (O).
    Bias(ArrayView1<'a, f32>),
}

/// A parameter to overwrite.
#[derive(Debug)]
pub enum ParameterMut<'a> {
    /// Weights (I, O), kept as (O, I) in files.
    Weights(ArrayViewMut2<'a, f32>),
    /// Biases (O).
    Bias(ArrayViewMut1<'a, f32>),
}

impl Parameter<'_> {
    /// Its name in a model file: `weight` or `bias`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Weights(_) => "weight",
            Self::Bias(_) => "bias",
        }
    }

    /// Its shape in a model file, as `torch.nn.Linear` has it: (O, I) or (O).
    pub fn file_shape(&self) -> Vec<usize> {
        match self {
            Self::Weights(w) => vec![w.ncols(), w.nrows()],
            Self::Bias(b) => vec![b.len()],
        }
    }

    /// Another array of its kind and shape: `values`, in the order in which it lies in memory itself.
    ///
    /// # Panics
    /// If their number disagrees.
    pub fn like<'b>(&self, values: &'b [f32]) -> Parameter<'b> {
        match self {
            Self::Weights(w) => {
                Parameter::Weights(ArrayView2::from_shape(shape_of(w), values).expect("as many values"))
            }
            Self::Bias(b) => Parameter::Bias(ArrayView1::from_shape(b.dim(), values).expect("as many values")),
        }
    }

    /// The same, to overwrite.
    ///
    /// # Panics
    /// As [`like`](Self::like).
    pub fn like_mut<'b>(&self, values: &'b mut [f32]) -> ParameterMut<'b> {
        match self {
            Self::Weights(w) => {
                ParameterMut::Weights(ArrayViewMut2::from_shape(shape_of(w), values).expect("as many values"))
            }
            Self::Bias(b) => ParameterMut::Bias(ArrayViewMut1::from_shape(b.dim(), values).expect("as many values")),
        }
    }

    /// Whether none of its values is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Weights(w) => w.iter().all(|value| value.is_finite()),
            Self::Bias(b) => b.iter().all(|value| value.is_finite()),
        }
    }

    /// Its values in the order of a model file.
    pub fn file_values(&self) -> Vec<f32> {
        match self {
            Self::Weights(w) => w.t().iter().copied().collect(),
            Self::Bias(b) => b.to_vec(),
        }
    }
}

/// With the order in which they lie in memory.
fn shape_of(weights: &ArrayView2<f32>) -> Shape<Ix2> {
    weights.raw_dim().set_f(!weights.is_standard_layout())
}

impl ParameterMut<'_> {
    /// Overwrites it with `values` in the order of a model file.
    ///
    /// # Panics
    /// If their number disagrees.
    pub fn set_from_file(&mut self, values: impl ExactSizeIterator<Item = f32>) {
        match self {
            Self::Weights(w) => assign(w.view_mut().reversed_axes().iter_mut(), values),
            Self::Bias(b) => assign(b.iter_mut(), values),
        }
    }
}

fn assign<'a>(slots: impl ExactSizeIterator<Item = &'a mut f32>, values: impl ExactSizeIterator<Item = f32>) {
    assert_eq!(slots.len(), values.len(), "number of values");
    slots.zip(values).for_each(|(slot, value)| *slot = value);
}
