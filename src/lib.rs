//! A BLAS-accelerated, high-throughput trainer of multilayer perceptrons for MNIST and data like it.

#[cfg(feature = "blas")]
extern crate blas_src as _; // links the chosen BLAS; without this line the linker would drop it

pub mod cli;
pub mod data;
pub mod error;
pub mod eval;
pub mod files;
pub mod linalg;
mod names;
pub mod nn;
pub mod optim;
#[cfg(feature = "report")]
pub mod report;
pub mod seed;
pub mod threads;
pub mod train;

pub use error::{Error, Result};
