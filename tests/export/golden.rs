//! What ONNX Runtime itself made of exported files, as `scripts/golden_onnx.py` has written it down.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{Onnx, input};
use crate::protobuf::Message;
use crate::support::{Case, assert_same};
use gemmnist::data::{self, Dataset};
use gemmnist::export::{Format, Takes};
use gemmnist::train::model_file;
use serde_json::Value;

/// ONNX Runtime computes in single precision, its sums in another order.
const TOLERANCE: f64 = 1e-6;
const NETWORKS: [&str; 4] = ["relu", "sigmoid", "tanh", "linear"];
/// `producer_version` in `onnx.proto3`: ours.
const VERSION: u64 = 3;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A network, with the images that ONNX Runtime was shown.
fn case(name: &str, images: usize) -> Case {
    let (network, description) = model_file::read(&golden(&format!("onnx/{name}.safetensors"))).unwrap();
    let test = data::load_folder(&golden("digits-7x7")).unwrap().test;
    let pixels = images * test.pixels();
    let images = Dataset::new(test.images()[..pixels].to_vec(), test.labels()[..images].to_vec(), test.size(), 10);
    Case { network, description, images }
}

/// Probabilities and labels, for each network and each kind of input.
fn answers() -> Vec<(Case, String, Takes, (Vec<Vec<f64>>, Vec<usize>))> {
    let stored: Value = serde_json::from_slice(&fs::read(golden("onnx/answers.json")).unwrap()).unwrap();
    let kinds = NETWORKS.iter().flat_map(|name| Takes::ALL.iter().map(move |&takes| (name, takes)));
    let answer = |(name, takes): (&&str, Takes)| {
        let file = format!("{name}-{takes}");
        let labels: Vec<usize> = serde_json::from_value(stored[&file]["label"].clone()).unwrap();
        let probabilities = serde_json::from_value(stored[&file]["probabilities"].clone()).unwrap();
        assert_eq!(labels.len(), 12, "images");
        (case(name, labels.len()), file, takes, (probabilities, labels))
    };
    kinds.map(answer).collect()
}

#[test]
fn onnx_runtime_was_given_the_files_that_are_exported_now() {
    for (case, name, takes, _) in answers() {
        let stored = fs::read(golden(&format!("onnx/{name}.onnx"))).unwrap();
        let exported = case.portable().file(Format::Onnx, takes, "net.onnx");
        let [stored, exported] = [&stored, &exported].map(|file| Message::new(file).without(VERSION));
        assert!(stored == exported, "{name}: the export has changed: run scripts/golden_onnx.py again");
    }
}

#[test]
fn onnx_runtime_answers_what_the_network_does_and_our_reading_of_the_specification() {
    for (case, name, takes, answer) in answers() {
        assert_same(&case, answer.clone(), TOLERANCE);
        let file = fs::read(golden(&format!("onnx/{name}.onnx"))).unwrap();
        let (input_name, x) = input(&case, takes);
        let (ours, labels) = Onnx::new(&file).run(input_name, x);
        assert_eq!(labels, answer.1, "{name}");
        for (ours, theirs) in ours.iter().flatten().zip(answer.0.iter().flatten()) {
            assert!((ours - theirs).abs() <= TOLERANCE, "{name}: {ours} {theirs}");
        }
    }
}
