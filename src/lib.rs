//! A BLAS-accelerated, high-throughput trainer of multilayer perceptrons for MNIST and data like it.

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
pub mod files;

pub use error::{Error, Result};
