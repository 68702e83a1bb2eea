//! A training step allocates nothing: every buffer was sized once. (The pure Rust GEMM packs into memory of its own.)
#![cfg(feature = "blas")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gemmnist::data::{Dataset, Input};
use gemmnist::nn::loss::{self, Weighted};
use gemmnist::nn::{Activation, Architecture, Batch, Init, Network, Objective, Output, Step, Workspace};
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

/// Ten images of ten labels, with pixels that are zero in all of them.
fn images() -> Dataset {
    let bytes = (0..7840).map(|i| if i % 784 < 300 { (i % 251) as u8 } else { 0 }).collect();
    Dataset::new(bytes, (0..10).collect(), (28, 28), 10)
}

#[test]
fn a_step_allocates_nothing() {
    let images = images();
    for &(output, _, objective) in loss::OBJECTIVES {
        let weighted = Weighted::new(objective, (1..=10).map(|k| k as f32).collect());
        for objective in [objective, &weighted as &dyn Objective] {
            for activation in [Activation::Relu, Activation::Sigmoid, Activation::Tanh] {
                let plain = Architecture::perceptron(784, &[128, 30], activation, 10, output);
                let varied = plain.clone().with_dropout(0.1, 0.5).with_input_bias(activation);
                for (&name, architecture) in
                    OptimizerName::ALL.iter().flat_map(|name| [(name, plain.clone()), (name, varied.clone())])
                {
                    let mut network = Network::initialised(architecture, Init::Xavier, Seed(0));
                    let mut workspace = Workspace::new(&network, 10);
                    let mut next = Batch::new(&network, 10);
                    let mut optimizer = optimizer(name, 1e-4, &network);
                    for b in [10, 7] {
                        let indices: Vec<u32> = (0..b as u32).collect();
                        let before = ALLOCATIONS.get();
                        workspace.load(&images, Input::Gray, &indices);
                        next.load(&images, Input::Gray, &indices);
                        optimizer.begin_step(0.1);
                        let step = Step { seed: Seed(0), number: 1 };
                        let next = Some(&mut next);
                        network.learn_and_begin(step, &mut workspace, b, objective, &mut *optimizer, next);
                        network.learn(step, &mut workspace, b, objective, &mut *optimizer);
                        let allocations = ALLOCATIONS.get() - before;
                        assert_eq!(allocations, 0, "{activation} {name}, batch {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn neither_do_steps_at_once() {
    let images = images();
    let (_, _, objective) = loss::OBJECTIVES[0];
    let architecture = Architecture::perceptron(784, &[128, 30], Activation::Relu, 10, Output::Softmax);
    let mut network = Network::initialised(architecture, Init::Xavier, Seed(0));
    let (mut workspace, mut next) = (Workspace::of_steps(&network, 4, 3), Batch::of_steps(&network, 4, 3));
    let mut optimizer = optimizer(OptimizerName::Sgd, 0.0, &network);
    let before = ALLOCATIONS.get();
    workspace.load(&images, Input::Gray, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for number in 1..=6 {
        next.load(&images, Input::Gray, &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        optimizer.begin_step(0.1);
        let (step, b) = (Step { seed: Seed(0), number }, if number % 3 == 0 { 2 } else { 4 });
        network.learn_and_begin(step, &mut workspace, b, objective, &mut *optimizer, Some(&mut next));
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
