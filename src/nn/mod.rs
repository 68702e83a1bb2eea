//! Networks: layers, activations, losses, initial values; forward and backward side by side.
//!
//! Sizes are written **B** batch, **I** inputs, **O** outputs, **K** classes, **N** images. All matrices are row-major,
//! one sample a row; a dense layer's weights are (I, O), so a pixel's outgoing weights are contiguous; in memory those
//! of a layer of few outputs are turned, so that rows are long. The gradient of `x` is `d_x`, of the mean loss over the batch.
//!
//! Never opens a file, prints, reads a clock or chooses a thread count.
//!
//! # Adding to it
//! - A layer: a file with a type that implements [`Layer`], and a line in the list of [`LayerSpec`].
//! - A loss: a file with a type that implements [`Objective`], and a line in [`loss::OBJECTIVES`].
//! - An optimizer lives in [`optim`](crate::optim): a file with a type that implements [`Learner`], and a line in its table.

mod activation;
mod architecture;
mod dense;
mod dropout;
mod init;
mod input_bias;
mod layer;
pub mod loss;
#[doc(hidden)]
pub mod naive;
mod network;
mod sequential;
mod workspace;

pub use activation::Activation;
pub use architecture::{Architecture, LayerSpec, Spec};
pub use dense::{Dense, DenseSpec};
pub use dropout::DropoutSpec;
pub use init::Init;
pub use input_bias::InputBiasSpec;
pub use layer::{Backward, CatchUp, Layer, Learner, Linear, Mode, Parameter, ParameterMut, Step};
pub use loss::{Loss, Objective, Output};
pub use network::{BatchScore, Network, Products, predicted_class};
pub use workspace::{Batch, Workspace};
