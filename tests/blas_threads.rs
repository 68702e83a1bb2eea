//! Who has the cores: BLAS or rayon, each in turn, and no training changes another's share.
#![cfg(any(feature = "openblas", feature = "openblas-static"))]

use gemmnist::data::{Dataset, Input};
use gemmnist::eval::evaluate;
use gemmnist::linalg::blas;
use gemmnist::nn::{Activation, Architecture, Init, Network, Output, loss};
use gemmnist::seed::Seed;
use gemmnist::threads::{Crew, with_blas_threads};
use gemmnist::train::{Judgement, TrainConfig, TrainSettings, Trainer};

/// 600 images of 28 x 28 that no two pixels share a value in, by chance.
fn images() -> Dataset {
    let pixels = (0..600 * 784u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8);
    Dataset::new(pixels.collect(), (0..600).map(|i| (i % 10) as u8).collect(), (28, 28), 10)
}

/// Wide enough for products that are cut for two threads, and batches of the size that `train` divides.
fn wide() -> TrainConfig {
    let settings =
        TrainSettings { hidden: vec![400], batch_size: 100, epochs: 1, threads: Some(2), ..Default::default() };
    settings.check().unwrap()
}

fn bits(network: &Network) -> Vec<u32> {
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f32::to_bits).collect()
}

/// One test, for the number is the whole process's.
#[test]
fn blas_has_the_threads_that_each_phase_is_worth() {
    blas_has_one_thread_beside_rayon_and_gets_its_own_back();
    an_evaluation_does_not_depend_on_the_threads_that_blas_had();
    a_training_does_not_depend_on_another_that_was_made_after_it();
}

fn blas_has_one_thread_beside_rayon_and_gets_its_own_back() {
    with_blas_threads(2, || {
        for (threads, largest_product, worth) in [(2, 160_000_000, 1), (9, 160_000_000, 9), (9, 1_000_000, 1)] {
            let crew = Crew::new(threads, largest_product).unwrap();
            assert_eq!(crew.blas_threads(), worth);
            assert_eq!(crew.steps(blas::threads), worth);
            assert_eq!(crew.side_by_side(blas::threads), 1);
            assert_eq!(blas::threads(), 2, "what was set before comes back");
        }
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

fn a_training_does_not_depend_on_another_that_was_made_after_it() {
    let images = images();
    let run = |mut trainer: Trainer<'_>| {
        trainer.run(&|_| Judgement::default(), &mut ()).unwrap();
        bits(trainer.network())
    };
    let alone = run(Trainer::new(wide(), &images).unwrap());
    let first = Trainer::new(wide(), &images).unwrap();
    let small = TrainSettings { hidden: vec![4], ..TrainSettings::default() }.check().unwrap();
    let _second = Trainer::new(small, &images).unwrap();
    assert!(run(first) == alone, "a second trainer changed the first");
}
