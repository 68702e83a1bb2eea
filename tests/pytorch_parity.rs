//! Our arithmetic against PyTorch's: nine networks, each from the same initial weights through the same 1,000 steps.
//!
//! `tests/golden` was written by `python3 scripts/golden_pytorch.py`; `scripts/compare_with_pytorch.py` does the same with
//! networks of full size, where PyTorch is at hand.

use std::fs;
use std::path::PathBuf;

use gemmnist::data::{Input, Splits, load_folder};
use gemmnist::eval;
use gemmnist::nn::{Activation, Loss, Output, loss};
use gemmnist::train::{EpochRecord, TrainSettings, Trainer};
use safetensors::SafeTensors;
use serde::Deserialize;

/// What is promised of every tensor (relative Frobenius norm). Seen: 1e-7 to 1e-6, the rounding of 1,000 steps in f32.
const TOLERANCE: f64 = 1e-4;
/// Of a mean loss, relative. Seen: up to 1.3e-7.
const LOSS_TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    batch: usize,
    epochs: usize,
    learning_rate: f64,
    steps: u64,
    networks: Vec<GoldenNetwork>,
}

#[derive(Deserialize)]
struct GoldenNetwork {
    name: String,
    activation: String,
    hidden: Vec<usize>,
    last_epoch_train_loss: f64,
    last_epoch_train_accuracy: f64,
    test_loss: f64,
    test_accuracy: f64,
}

#[test]
fn every_tensor_is_pytorchs_after_a_thousand_steps() {
    each_network_trained(|golden, trainer, _| {
        let (initial, expected) = (tensors(&golden.name, "initial"), tensors(&golden.name, "final"));
        let found: Vec<_> = trainer.network().parameters().map(|(name, tensor)| (name, tensor.file_values())).collect();
        assert_eq!(found.len(), expected.len(), "{}: number of tensors", golden.name);
        for (((name, found), (expected_name, expected)), (_, initial)) in found.iter().zip(&expected).zip(&initial) {
            assert_eq!(name, expected_name);
            let distance = relative_distance(found, expected);
            println!("{} {name}: {distance:.1e}", golden.name);
            assert!(distance <= TOLERANCE, "{} {name}: {distance:.1e} from PyTorch's", golden.name);
            let moved = relative_distance(initial, expected);
            assert!(moved > 1000.0 * TOLERANCE, "{} {name} moved only {moved:.1e}: this shows nothing", golden.name);
        }
    });
}

#[test]
fn ten_epochs_of_a_thousand_images_in_batches_of_ten_are_a_thousand_steps() {
    let steps = golden().steps;
    assert_eq!(steps, 1000);
    each_network_trained(|golden, _, last| {
        assert_eq!((last.epoch, last.step), (10, steps), "{}", golden.name);
    });
}

#[test]
fn losses_and_accuracies_are_those_that_pytorch_reports() {
    each_network_trained(|golden, _, last| {
        for (what, found, expected) in [
            ("training loss", Some(last.train_loss), golden.last_epoch_train_loss),
            ("test loss", last.test_loss, golden.test_loss),
        ] {
            let found = found.expect("both splits are judged");
            let difference = (found / expected - 1.0).abs();
            println!("{} {what}: {difference:.1e}", golden.name);
            assert!(difference <= LOSS_TOLERANCE, "{} {what}: {found}, PyTorch has {expected}", golden.name);
        }
        // One image may fall either way: a tie within rounding depends on the processor.
        for (what, images, found, expected) in [
            ("training accuracy", 1000.0, Some(last.train_accuracy), golden.last_epoch_train_accuracy),
            ("test accuracy", 200.0, last.test_accuracy, golden.test_accuracy),
        ] {
            let found = found.expect("both splits are judged");
            let images_apart = ((found - expected) * images).round().abs();
            println!("{} {what}: {images_apart} images", golden.name);
            assert!(images_apart <= 1.0, "{} {what}: {found}, PyTorch has {expected}", golden.name);
        }
    });
}

/// Trains every network of the golden file, and hands it to `check` with its last epoch.
fn each_network_trained(check: impl Fn(&GoldenNetwork, &Trainer<'_>, &EpochRecord)) {
    let (golden, splits) = (golden(), digits());
    assert_eq!(golden.networks.len(), 9, "three activations, one to three hidden layers");
    let objective = loss::objective(Output::Softmax, Loss::CrossEntropy).expect("they go together");
    for network in &golden.networks {
        let settings = TrainSettings {
            hidden: network.hidden.clone(),
            activation: Activation::from_name(&network.activation).expect("a name of ours"),
            batch_size: golden.batch,
            epochs: golden.epochs,
            learning_rate: Some(golden.learning_rate),
            no_shuffle: true,
            init_from: Some(parameters_file(&network.name, "initial")),
            ..TrainSettings::default()
        };
        let mut trainer = Trainer::new(settings.check().unwrap(), &splits.train).unwrap();
        let judge = eval::judge(objective, Input::Gray, None, &splits.test);
        trainer.run(&judge, &mut ()).unwrap();
        check(network, &trainer, trainer.history().last().expect("ten epochs"));
    }
}

fn golden() -> Golden {
    serde_json::from_str(&fs::read_to_string(golden_folder().join("pytorch.json")).unwrap()).unwrap()
}

fn digits() -> Splits {
    load_folder(&golden_folder().join("digits-7x7")).unwrap()
}

fn golden_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn parameters_file(network: &str, when: &str) -> PathBuf {
    golden_folder().join(format!("{network}.{when}.safetensors"))
}

/// Names and values of a golden file, in the order of `Network::parameters`: layer by layer, weight before bias.
fn tensors(network: &str, when: &str) -> Vec<(String, Vec<f32>)> {
    let file = fs::read(parameters_file(network, when)).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let values = |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let layers = 0..file.len() / 2;
    let names = layers.flat_map(|layer| ["weight", "bias"].map(|kind| format!("layers.{layer}.{kind}")));
    names.map(|name| (name.clone(), values(file.tensor(&name).unwrap().data()))).collect()
}

/// `‖a - b‖ / ‖b‖`.
fn relative_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "number of values");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    difference / norm(&mut b.iter().map(|&b| f64::from(b)))
}
