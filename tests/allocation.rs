//! A training step allocates nothing: every buffer was sized once. (The pure Rust GEMM packs into memory of its own.)
#![cfg(feature = "blas")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gemmnist::nn::loss::{self, Weighted};
use gemmnist::nn::{Activation, Architecture, Init, Network, Objective, Step, Workspace};
use gemmnist::optim::{OptimizerName, optimizer};
use gemmnist::seed::Seed;

/// Counts, and leaves the work to the system's allocator.
struct Counting;

thread_local! {
    /// Of this thread: the test harness allocates in others.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_step_allocates_nothing() {
    for &(output, _, objective) in loss::OBJECTIVES {
        let weighted = Weighted::new(objective, (1..=10).map(|k| k as f32).collect());
        for objective in [objective, &weighted as &dyn Objective] {
            for activation in [Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
                for &name in OptimizerName::ALL {
                    let architecture = Architecture::perceptron(784, &[128, 30], activation, 10, output)
                        .with_dropout(0.1, 0.5)
                        .with_input_bias(activation);
                    let mut network = Network::initialised(architecture, Init::Xavier, Seed(0));
                    let mut workspace = Workspace::new(&network, 10);
                    let mut optimizer = optimizer(name, 1e-4, &network);
                    for b in [10, 7] {
                        let before = ALLOCATIONS.get();
                        optimizer.begin_step(0.1);
                        network.learn(Step { seed: Seed(0), number: 1 }, &mut workspace, b, objective, &mut *optimizer);
                        let allocations = ALLOCATIONS.get() - before;
                        assert_eq!(allocations, 0, "{activation} {name}, batch {b}");
                    }
                }
            }
        }
    }
}
