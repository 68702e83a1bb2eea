//! Our arithmetic against PyTorch's: nine networks, each from the same initial weights through the same 1,000 steps; and
//! every optimizer with every loss on every output, 500 steps each.
//!
//! `tests/golden` was written by `python3 scripts/golden_pytorch.py`; `scripts/compare_with_pytorch.py` does the same with
//! networks of full size, where PyTorch is at hand.

use std::fs;
use std::path::PathBuf;

use gemmnist::data::{Input, Splits, load_folder};
use gemmnist::eval;
use gemmnist::nn::{Activation, Loss, Output, loss};
use gemmnist::optim::OptimizerName;
use gemmnist::train::{ClassWeights, EpochRecord, Judgement, TrainSettings, Trainer};
use safetensors::SafeTensors;
use serde::Deserialize;

/// What is promised of every tensor (relative Frobenius norm). Seen: 1e-7 to 1e-5, the rounding of so many steps in f32.
const TOLERANCE: f64 = 1e-4;
/// How far every tensor has moved at least: a mistake of one part in 500 in its way shows.
const LEAST_MOVED: f64 = 500.0 * TOLERANCE;
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
    /// Images whose two largest logits are so near that rounding may choose.
    last_epoch_train_ties: usize,
    test_loss: f64,
    test_accuracy: f64,
    test_ties: usize,
}

#[derive(Deserialize)]
struct GoldenCombinations {
    batch: usize,
    combinations: Vec<Combination>,
}

/// Fields named as the settings are.
#[derive(Deserialize)]
struct Combination {
    name: String,
    /// What the names of its initial parameters begin with.
    start: String,
    widths: Vec<usize>,
    steps: usize,
    activation: String,
    optimizer: OptimizerName,
    loss: Loss,
    output: Output,
    learning_rate: f64,
    l2: f64,
    input_bias: String,
    class_weights: String,
}

/// Names and values of tensors, in the order of `Network::parameters`.
type Tensors = Vec<(String, Vec<f32>)>;

#[test]
fn every_tensor_is_pytorchs_after_a_thousand_steps() {
    each_network_trained(|golden, trainer, _| {
        let [initial, expected] = ["initial", "final"].map(|when| {
            let file = fs::read(parameters_file(&golden.name, when)).unwrap();
            tensors(&SafeTensors::deserialize(&file).unwrap(), "", trainer)
        });
        require_the_same_way(&golden.name, &initial, &parameters(trainer), &expected);
    });
}

#[test]
fn every_optimizer_with_every_loss_on_every_output_goes_the_way_of_pytorch() {
    let GoldenCombinations { batch, combinations } = combinations();
    let file = fs::read(golden_folder().join("combinations.safetensors")).unwrap();
    let (file, digits, folder) = (SafeTensors::deserialize(&file).unwrap(), digits(), tempfile::tempdir().unwrap());
    for combination in &combinations {
        let init_from = folder.path().join("initial.safetensors");
        let start = format!("{}/", combination.start);
        let initial = file.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(&start)?.to_owned(), tensor)));
        safetensors::serialize_to_file(initial, None, &init_from).unwrap();
        let settings = TrainSettings {
            hidden: combination.widths[1..combination.widths.len() - 1].to_vec(),
            activation: Activation::from_name(&combination.activation).expect("a name of ours"),
            optimizer: combination.optimizer,
            loss: combination.loss,
            output: combination.output,
            learning_rate: Some(combination.learning_rate),
            l2: combination.l2,
            input_bias: Activation::from_name(&combination.input_bias),
            class_weights: match combination.class_weights.as_str() {
                "balanced" => ClassWeights::Balanced,
                none => (assert_eq!(none, "none"), ClassWeights::None).1,
            },
            batch_size: batch,
            epochs: combination.steps * batch / digits.train.len(),
            no_shuffle: true,
            init_from: Some(init_from),
            ..TrainSettings::default()
        };
        let mut trainer = Trainer::new(settings.check().unwrap(), &digits.train).unwrap();
        trainer.run(&|_| Judgement::default(), &mut ()).unwrap();
        assert_eq!(trainer.history().last().map(|last| last.step), Some(500), "{}", combination.name);
        let [initial, expected] = [start, format!("{}/", combination.name)].map(|of| tensors(&file, &of, &trainer));
        require_the_same_way(&combination.name, &initial, &parameters(&trainer), &expected);
    }
}

/// And every optimizer meets L2, class weights and an input bias.
#[test]
fn no_combination_was_left_out() {
    let combinations = combinations().combinations;
    for &optimizer in OptimizerName::ALL {
        let of_it = || combinations.iter().filter(|combination| combination.optimizer == optimizer);
        for (output, loss, _) in loss::OBJECTIVES {
            assert!(of_it().any(|c| (c.output, c.loss) == (*output, *loss)), "{optimizer} {loss} {output}");
        }
        for with in [true, false] {
            assert!(of_it().any(|c| (c.l2 > 0.0) == with), "{optimizer}: L2");
            assert!(of_it().any(|c| (c.class_weights == "balanced") == with), "{optimizer}: class weights");
            assert!(of_it().any(|c| (c.input_bias != "none") == with), "{optimizer}: input bias");
        }
    }
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
        // To the image, but for those that PyTorch itself finds undecided.
        for (what, images, found, expected, ties) in [
            (
                "training accuracy",
                1000.0,
                Some(last.train_accuracy),
                golden.last_epoch_train_accuracy,
                golden.last_epoch_train_ties,
            ),
            ("test accuracy", 200.0, last.test_accuracy, golden.test_accuracy, golden.test_ties),
        ] {
            let found = found.expect("both splits are judged");
            let images_apart = ((found - expected) * images).round().abs();
            assert!(ties <= 2, "{} {what}: {ties} undecided images show nothing", golden.name);
            assert!(images_apart <= ties as f64, "{} {what}: {found}, PyTorch has {expected}", golden.name);
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

fn combinations() -> GoldenCombinations {
    serde_json::from_str(&fs::read_to_string(golden_folder().join("combinations.json")).unwrap()).unwrap()
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

/// What the network has come to.
fn parameters(trainer: &Trainer<'_>) -> Tensors {
    trainer.network().parameters().map(|(name, tensor)| (name, tensor.file_values())).collect()
}

/// The tensors of `file` whose names begin with `start`, and no other, under the names of the network's parameters.
fn tensors(file: &SafeTensors<'_>, start: &str, trainer: &Trainer<'_>) -> Tensors {
    let names: Vec<_> = trainer.network().parameters().map(|(name, _)| name).collect();
    assert_eq!(file.names().iter().filter(|name| name.starts_with(start)).count(), names.len(), "number of tensors");
    let values = |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let tensor = |name: String| {
        let tensor = file.tensor(&format!("{start}{name}")).unwrap();
        (name, values(tensor.data()))
    };
    names.into_iter().map(tensor).collect()
}

/// That every tensor is where PyTorch's is, and has come a long way there.
fn require_the_same_way(network: &str, initial: &Tensors, found: &Tensors, expected: &Tensors) {
    assert!(initial.len() == found.len() && expected.len() == found.len() && !found.is_empty(), "number of tensors");
    for (((name, initial), (_, found)), (_, expected)) in initial.iter().zip(found).zip(expected) {
        let distance = relative_distance(found, expected);
        println!("{network} {name}: {distance:.1e}");
        assert!(distance <= TOLERANCE, "{network} {name}: {distance:.1e} from PyTorch's");
        let moved = relative_distance(initial, found);
        assert!(moved >= LEAST_MOVED, "{network} {name} moved only {moved:.1e}: this shows nothing");
    }
}

/// `‖a - b‖ / ‖b‖`.
fn relative_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "number of values");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    difference / norm(&mut b.iter().map(|&b| f64::from(b)))
}
