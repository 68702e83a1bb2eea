//! A BLAS-accelerated, high-throughput trainer of multilayer perceptrons for MNIST and data like it.
//!
//! A mini-batch is a matrix, one image a row, so that forward and backward passes are matrix products in BLAS.
//!
//! ```
//! use gemmnist::data;
//! use gemmnist::eval::{evaluate, judge};
//! use gemmnist::nn::loss;
//! use gemmnist::train::{TrainSettings, Trainer};
//!
//! # fn main() -> gemmnist::Result<()> {
//! let mnist = data::load("mnist")?;
//! let settings = TrainSettings { hidden: vec![64], epochs: 3, ..TrainSettings::default() };
//! let config = settings.check()?; // every setting in its range, or an error that names all that are not
//! let input = config.input();
//! let objective = loss::objective(config.output, config.loss).expect("a checked pair");
//!
//! let mut trainer = Trainer::new(config, &mnist.train)?;
//! trainer.run(&judge(objective, input, None, &mnist.test), &mut ())?; // judged after every epoch, watched by nobody
//!
//! let evaluation = evaluate(trainer.network(), objective, input, &mnist.test);
//! assert!(evaluation.scores.accuracy > 0.95);
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! A module may use what stands above it, never what stands below.
//!
//! | module | what it does | what it never does |
//! |---|---|---|
//! | [`error`], [`files`] | one error enum; files that appear whole or not at all, and files mapped into memory | |
//! | [`seed`] | randomness in named streams whose values never change | keep a state between streams |
//! | [`linalg`] | products and the loops around them; the `unsafe` code | choose a thread count |
//! | [`threads`] | divides the cores between rayon, the team of a step and BLAS, alone | |
//! | [`data`] | images, labels, readers, batches | print, or allocate by an unchecked header |
//! | [`nn`] | layers, activations, losses, initial values; forward and backward | open a file, print, read a clock, choose a thread count |
//! | [`optim`] | what a parameter does with its gradient, and how fast: schedules | |
//! | [`train`] | settings, the loop, its history, the files of a run | see the test split, or print |
//! | [`eval`] | loss, accuracy, confusion; the only reader of the test split | decide anything |
//! | [`recipes`] | the published systems as data, and what of ours is accepted | train |
//! | `report` | pictures and pages, as text that others write | open a file |
//! | [`export`] | a network as other tools read it: ONNX, PyTorch, NumPy, C, Rust, Hugging Face | open a file |
//! | [`tensorboard`] | a training as TensorBoard reads it | |
//! | `serve` | a local page: draw a digit, see what the network makes of it; the only code that knows HTTP | print, or let a request name a file |
//! | [`cli`] | flags to settings, one file a command; the only code that prints | compute |
//!
//! # Features
//!
//! `openblas` (default: the system's library), `openblas-static`, `accelerate`, `intel-mkl` and `blis` choose the BLAS, one
//! at a time; with none of them the products are in pure Rust. `report` (default) draws pictures, `serve` (default) is the local page.

#![warn(missing_docs)]
#![deny(unsafe_code)] // but in `linalg` and in one line of `files::shared`

#[cfg(feature = "blas")]
extern crate blas_src as _; // links the chosen BLAS; without this line the linker would drop it

#[cfg(any(
    all(feature = "openblas", any(feature = "openblas-static", feature = "accelerate", feature = "intel-mkl")),
    all(feature = "openblas-static", any(feature = "accelerate", feature = "intel-mkl", feature = "blis")),
    all(feature = "accelerate", any(feature = "intel-mkl", feature = "blis")),
    all(feature = "blis", any(feature = "openblas", feature = "intel-mkl")),
))]
compile_error!(
    "two BLAS libraries were asked for, and `openblas` is one of the default features: \
     choose one, for example: cargo build --release --no-default-features --features blis,report"
);

pub mod cli;
pub mod data;
pub mod error;
pub mod eval;
pub mod export;
pub mod files;
mod format;
pub mod linalg;
mod names;
pub mod nn;
mod numpy;
pub mod optim;
pub mod recipes;
#[cfg(feature = "report")]
pub mod report;
pub mod seed;
#[cfg(feature = "serve")]
pub mod serve;
pub mod tensorboard;
pub mod threads;
pub mod train;

pub use error::{Error, Result};
