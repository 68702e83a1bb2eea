//! A BLAS-accelerated, high-throughput trainer of multilayer perceptrons for MNIST and data like it.

#[cfg(feature = "blas")]
extern crate blas_src as _; // links the chosen BLAS; without this line the linker would drop it

pub mod cli;
pub mod data;
pub mod error;
pub mod files;
#[cfg(feature = "report")]
pub mod report;

pub use error::{Error, Result};
