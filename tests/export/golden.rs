//! What ONNX Runtime, PyTorch and NumPy themselves made of exported files, as `scripts/golden_exports.py` has it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{Onnx, input};
use crate::protobuf::Message;
use crate::support::{Case, assert_same};
use gemmnist::data::{self, Dataset};
use gemmnist::export::{Format, Takes};
use gemmnist::train::model_file;
use safetensors::SafeTensors;
use serde_json::Value;

/// They compute in single precision, the sums in another order.
const TOLERANCE: f64 = 1e-6;
const NETWORKS: [&str; 4] = ["relu", "sigmoid", "tanh", "linear"];
const EXPORTS: [(&str, Format, Takes); 4] = [
    ("-bytes.onnx", Format::Onnx, Takes::Bytes),
    ("-floats.onnx", Format::Onnx, Takes::Floats),
    (".torch.safetensors", Format::Safetensors, Takes::Bytes),
    (".npz", Format::Npz, Takes::Bytes),
];
/// `producer_version` and `doc_string` in `onnx.proto3`: they name our version.
const VERSION: u64 = 3;
const TITLE: u64 = 6;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A network, with the images that were shown.
fn case(name: &str, images: usize) -> Case {
    let (network, description) = model_file::read(&golden(&format!("exports/{name}.safetensors"))).unwrap();
    let test = data::load_folder(&golden("digits-7x7")).unwrap().test;
    let pixels = images * test.pixels();
    let images = Dataset::new(test.images()[..pixels].to_vec(), test.labels()[..images].to_vec(), test.size(), 10);
    Case { network, description, images }
}

/// An export, and what became of it.
struct Run {
    case: Case,
    file: String,
    format: Format,
    takes: Takes,
    /// What was printed, and run.
    python: String,
    /// Probabilities and labels.
    answer: (Vec<Vec<f64>>, Vec<usize>),
}

fn stored() -> Value {
    serde_json::from_slice(&fs::read(golden("exports/answers.json")).unwrap()).unwrap()
}

fn runs() -> Vec<Run> {
    let stored = stored();
    let run = |name: &str, (ending, format, takes): (&str, Format, Takes)| {
        let file = format!("{name}{ending}");
        let of = |what: &str| stored[&file][what].clone();
        let labels: Vec<usize> = serde_json::from_value(of("label")).unwrap();
        assert_eq!(labels.len(), 12, "images");
        let answer = (serde_json::from_value(of("probabilities")).unwrap(), labels);
        let python = of("python").as_str().unwrap().to_owned();
        Run { case: case(name, answer.1.len()), file, format, takes, python, answer }
    };
    NETWORKS.iter().flat_map(|name| EXPORTS.map(|export| run(name, export))).collect()
}

#[test]
fn they_answered_what_the_network_does() {
    for Run { case, answer, .. } in runs() {
        assert_same(&case, answer, TOLERANCE);
    }
}

#[test]
fn what_they_ran_is_what_is_printed_now() {
    for Run { case, file, format, takes, python, .. } in runs() {
        assert_eq!(python, case.portable().usage(format, takes, &file), "run scripts/golden_exports.py again");
    }
}

#[test]
fn pytorch_loaded_tensors_of_the_names_and_shapes_that_are_exported_now() {
    for Run { case, file, format, takes, .. } in runs().into_iter().filter(|run| run.format == Format::Safetensors) {
        let loaded = &stored()[file.replace(".torch.safetensors", ".tensors")];
        let exported = case.portable().file(format, takes, &file);
        let exported = SafeTensors::deserialize(&exported).unwrap();
        let shapes = exported.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().into()));
        assert_eq!(&Value::Object(shapes.collect()), loaded, "{file}");
    }
}

#[test]
fn onnx_runtime_was_given_the_files_that_are_exported_now() {
    for Run { case, file, format, takes, .. } in runs().into_iter().filter(|run| run.format == Format::Onnx) {
        let stored = fs::read(golden(&format!("exports/{file}"))).unwrap();
        let exported = case.portable().file(format, takes, &file);
        let [stored, exported] = [&stored, &exported].map(|file| {
            let model = Message::new(file);
            assert_eq!(model.text(2), "gemmnist");
            model.without(VERSION).without(TITLE)
        });
        assert!(stored == exported, "{file}: the export has changed: run scripts/golden_exports.py again");
    }
}

#[test]
fn our_reading_of_the_specification_of_onnx_is_that_of_onnx_runtime() {
    for Run { case, file, takes, answer, .. } in runs().into_iter().filter(|run| run.format == Format::Onnx) {
        let stored = fs::read(golden(&format!("exports/{file}"))).unwrap();
        let (name, x) = input(&case, takes);
        let (ours, labels) = Onnx::new(&stored).run(name, x);
        assert_eq!(labels, answer.1, "{file}");
        for (ours, theirs) in ours.iter().flatten().zip(answer.0.iter().flatten()) {
            assert!((ours - theirs).abs() <= TOLERANCE, "{file}: {ours} {theirs}");
        }
    }
}
