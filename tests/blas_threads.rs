//! BLAS has one thread in each of those that call it, and no training changes another's share of the cores.
#![cfg(any(feature = "openblas", feature = "openblas-static"))]

use std::sync::mpsc;
use std::thread;

use gemmnist::data::{Dataset, Input};
use gemmnist::eval::evaluate;
use gemmnist::linalg::blas;
use gemmnist::nn::{Activation, Architecture, Init, Network, Output, loss};
use gemmnist::seed::Seed;
use gemmnist::threads::{Crew, with_blas_threads, with_one_blas_thread};
use gemmnist::train::{Judgement, TrainConfig, TrainSettings, Trainer};

/// 600 images of 28 x 28 that no two pixels share a value in, by chance.
fn images() -> Dataset {
    let pixels = (0..600 * 784u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8);
    Dataset::new(pixels.collect(), (0..600).map(|i| (i % 10) as u8).collect(), (28, 28), 10)
}

/// Wide enough for products that BLAS computes in parts, but where it knows no product or takes larger ones only.
fn wide() -> TrainConfig {
    let settings =
        TrainSettings { hidden: vec![400, 400], batch_size: 100, epochs: 1, threads: Some(2), ..Default::default() };
    settings.check().unwrap()
}

fn bits(network: &Network) -> Vec<u32> {
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f32::to_bits).collect()
}

/// One test, for the number is the whole process's.
#[test]
fn blas_has_one_thread_wherever_it_multiplies() {
    blas_has_one_thread_and_gets_its_own_back();
    the_last_that_ends_gives_them_back();
    an_evaluation_does_not_depend_on_the_threads_that_blas_had();
    a_training_does_not_depend_on_another_beside_it();
}

fn blas_has_one_thread_and_gets_its_own_back() {
    with_blas_threads(2, || {
        let crew = Crew::new(2).unwrap();
        assert_eq!(crew.steps(blas::threads), 1);
        assert_eq!(crew.side_by_side(blas::threads), 1);
        assert_eq!(blas::threads(), 2, "what was set before comes back");
    });
}

fn the_last_that_ends_gives_them_back() {
    with_blas_threads(2, || {
        let (first_may_end, first_ends) = mpsc::channel();
        let (has_begun, begun) = mpsc::channel();
        thread::scope(|scope| {
            let first = scope.spawn(move || {
                with_one_blas_thread(|| {
                    has_begun.send(()).unwrap();
                    first_ends.recv().unwrap();
                });
            });
            begun.recv().unwrap();
            with_one_blas_thread(|| {
                first_may_end.send(()).unwrap();
                first.join().unwrap();
                assert_eq!(blas::threads(), 1, "one that has ended changes nothing for those that go on");
            });
        });
        assert_eq!(blas::threads(), 2);
    });
}

fn an_evaluation_does_not_depend_on_the_threads_that_blas_had() {
    let architecture = Architecture::perceptron(784, &[400], Activation::Relu, 10, Output::Softmax);
    let network = Network::initialised(architecture, Init::He, Seed(1));
    let (_, _, objective) = loss::OBJECTIVES[0];
    let [one, two] =
        [1, 2].map(|threads| with_blas_threads(threads, || evaluate(&network, objective, Input::Gray, &images())));
    assert_eq!(one.scores.loss.to_bits(), two.scores.loss.to_bits());
}

fn a_training_does_not_depend_on_another_beside_it() {
    let images = images();
    let run = || {
        let mut trainer = Trainer::new(wide(), &images).unwrap();
        trainer.run(&|_| Judgement::default(), &mut ()).unwrap();
        bits(trainer.network())
    };
    let alone = run();
    let side_by_side = thread::scope(|scope| [(); 2].map(|()| scope.spawn(run)).map(|run| run.join().unwrap()));
    assert!(side_by_side.iter().all(|bits| *bits == alone), "a second training changed the first");
}
