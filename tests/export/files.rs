//! Exports as other tools would take them apart: by the formats' specifications, not by the code that wrote them.

use std::collections::HashMap;
use std::fs;
use std::io::Read;

use crate::protobuf::Message;
use crate::support::{CLASSES, Case, PIXELS, assert_same, cases};
use gemmnist::data::Input;
use gemmnist::export::{Format, Takes, hugging_face};
use gemmnist::nn::{Architecture, Network};
use gemmnist::train::model_file;
use safetensors::SafeTensors;

/// Training computes in single precision.
const TOLERANCE: f64 = 1e-6;

/// A matrix or a number, while a graph is computed.
#[derive(Debug, Clone)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Tensor {
    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|&x| f(x)).collect() }
    }

    /// With another that is as wide, or a number.
    fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        assert!(other.shape.is_empty() || other.shape == self.shape[1..], "{:?} {:?}", self.shape, other.shape);
        let values = self.values.iter().enumerate().map(|(i, &x)| f(x, other.values[i % other.values.len()]));
        Self { shape: self.shape.clone(), values: values.collect() }
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks(self.shape[1])
    }
}

/// Computes an ONNX model as <https://onnx.ai/onnx/operators/> says, in double precision. Fields by their numbers in
/// `onnx.proto3`.
pub struct Onnx<'b> {
    model: Message<'b>,
    graph: Message<'b>,
}

impl<'b> Onnx<'b> {
    pub fn new(file: &'b [u8]) -> Self {
        let model = Message::new(file);
        let graph = model.message(7);
        Self { graph, model }
    }

    pub fn run(&self, input: &str, x: Tensor) -> (Vec<Vec<f64>>, Vec<usize>) {
        let mut values: HashMap<&str, Tensor> = self.graph.messages(5).iter().map(initializer).collect();
        values.insert(input, x);
        for node in self.graph.messages(1) {
            let inputs: Vec<_> = node.texts(1).iter().map(|name| values[name].clone()).collect();
            let output = compute(&node, &inputs);
            assert!(values.insert(node.text(2), output).is_none(), "{}", node.text(2));
        }
        let labels = values["label"].values.iter().map(|&label| label as usize).collect();
        (values["probabilities"].rows().map(<[f64]>::to_vec).collect(), labels)
    }

    /// Name, type of the elements and shape: the names of what is not fixed as they are.
    fn signature(&self, field: u64) -> Vec<(&'b str, u64, Vec<String>)> {
        let one = |value: &Message<'b>| {
            let tensor = value.message(2).message(1);
            let size = |dim: &Message<'b>| dim.whole_number(1).map_or(dim.text(2).to_owned(), |size| size.to_string());
            let shape = tensor.message(2).messages(1).iter().map(size).collect();
            (value.text(1), tensor.whole_number(1).unwrap(), shape)
        };
        self.graph.messages(field).iter().map(one).collect()
    }
}

fn initializer<'b>(tensor: &Message<'b>) -> (&'b str, Tensor) {
    assert_eq!(tensor.whole_number(2), Some(1), "floats");
    let shape: Vec<_> = tensor.whole_numbers(1).iter().map(|&size| size as usize).collect();
    let floats = tensor.bytes(9)[0].as_chunks::<4>().0;
    let values: Vec<f64> = floats.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect();
    assert_eq!(values.len(), shape.iter().product::<usize>());
    (tensor.text(8), Tensor { shape, values })
}

fn attribute(node: &Message<'_>, name: &str) -> u64 {
    let found = node.messages(5).into_iter().find(|attribute| attribute.text(1) == name).unwrap();
    assert_eq!(found.whole_number(20), Some(2), "a whole number");
    found.whole_number(3).unwrap()
}

fn compute(node: &Message<'_>, inputs: &[Tensor]) -> Tensor {
    let x = &inputs[0];
    match node.text(4) {
        "Cast" => {
            assert_eq!(attribute(node, "to"), 1, "to floats");
            x.clone()
        }
        "Flatten" => {
            assert_eq!(attribute(node, "axis"), 1);
            Tensor { shape: vec![x.shape[0], x.shape[1..].iter().product()], values: x.values.clone() }
        }
        "Div" => x.with(&inputs[1], |x, y| x / y),
        "Add" => x.with(&inputs[1], |x, y| x + y),
        "GreaterOrEqual" => x.with(&inputs[1], |x, y| f64::from(u8::from(x >= y))),
        "Relu" => x.map(|x| x.max(0.0)),
        "Sigmoid" => x.map(|x| 1.0 / (1.0 + (-x).exp())),
        "Tanh" => x.map(f64::tanh),
        "Gemm" => {
            assert_eq!(attribute(node, "transB"), 1);
            let (weights, bias) = (&inputs[1], &inputs[2]);
            let dot = |row: &[f64], w: &[f64]| row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
            let products = x.rows().flat_map(|row| weights.rows().map(move |w| dot(row, w)));
            let product = Tensor { shape: vec![x.shape[0], weights.shape[0]], values: products.collect() };
            product.with(bias, |x, b| x + b)
        }
        "Softmax" => {
            assert_eq!(attribute(node, "axis"), 1);
            let sums: Vec<f64> = x.rows().map(|row| row.iter().map(|x| x.exp()).sum()).collect();
            let shares = x.values.iter().enumerate().map(|(i, z)| z.exp() / sums[i / x.shape[1]]);
            Tensor { shape: x.shape.clone(), values: shares.collect() }
        }
        "ArgMax" => {
            assert_eq!((attribute(node, "axis"), attribute(node, "keepdims")), (1, 0));
            let greatest = |row: &[f64]| (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
            Tensor { shape: vec![x.shape[0]], values: x.rows().map(|row| greatest(row) as f64).collect() }
        }
        other => panic!("{other}"),
    }
}

/// The images as an ONNX file takes them, which one takes bytes, or does not.
pub fn input(case: &Case, takes: Takes) -> (&'static str, Tensor) {
    let (count, (height, width)) = (case.images.len(), case.images.size());
    let bytes = case.images.images().iter().map(|&byte| f64::from(byte)).collect();
    let bytes = Tensor { shape: vec![count, height, width], values: bytes };
    let prepare = |byte: f64| match case.description.input() {
        Input::Gray => byte / 255.0,
        Input::Binary { threshold } => f64::from(u8::from(byte >= threshold.into())),
    };
    match takes {
        Takes::Bytes => ("image", bytes),
        Takes::Floats => ("inputs", Tensor { shape: vec![count, height * width], ..bytes.map(prepare) }),
    }
}

#[test]
fn an_onnx_file_computes_what_the_network_does_from_bytes_and_from_floats() {
    for case in cases() {
        for &takes in Takes::ALL {
            let file = case.portable().file(Format::Onnx, takes, "net.onnx");
            let (name, x) = input(&case, takes);
            assert_same(&case, Onnx::new(&file).run(name, x), TOLERANCE);
        }
    }
}

#[test]
fn an_onnx_file_says_what_it_takes_and_gives_and_who_wrote_it() {
    let case = &cases()[0];
    let file = case.portable().file(Format::Onnx, Takes::Bytes, "net.onnx");
    let onnx = Onnx::new(&file);
    let shape = |sizes: &[&str]| sizes.iter().map(|&size| size.to_owned()).collect::<Vec<_>>();
    assert_eq!(onnx.signature(11), [("image", 2, shape(&["N", "2", "3"]))]);
    assert_eq!(onnx.signature(12), [("probabilities", 1, shape(&["N", "3"])), ("label", 7, shape(&["N"]))]);
    assert_eq!((onnx.model.whole_number(1), onnx.model.message(8).whole_number(2)), (Some(7), Some(13)));
    assert_eq!((onnx.model.text(2), onnx.model.text(3)), ("gemmnist", env!("CARGO_PKG_VERSION")));
    let properties: Vec<_> = onnx.model.messages(14).iter().map(|pair| (pair.text(1), pair.text(2))).collect();
    let names = r#"["zero","\"1\" */ ??/","二"]"#;
    assert_eq!(properties, [("class_names", names), ("preprocessing", "byte / 255"), ("test_accuracy", "0.9825")]);

    let file = case.portable().file(Format::Onnx, Takes::Floats, "net.onnx");
    assert_eq!(Onnx::new(&file).signature(11), [("inputs", 1, shape(&["N", "6"]))]);
}

fn bits(network: &Network) -> Vec<u32> {
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f32::to_bits).collect()
}

#[test]
fn the_safetensors_have_the_names_of_a_sequential_and_are_read_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    for case in cases() {
        let file = case.portable().file(Format::Safetensors, Takes::Bytes, "net.safetensors");
        let tensors = SafeTensors::deserialize(&file).unwrap();
        let mut found: Vec<_> = tensors.names();
        let mut expected = case.network.architecture().sequential_names();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);

        fs::write(&path, &file).unwrap();
        let (network, description) = model_file::read(&path).unwrap();
        assert_eq!((bits(&network), network.architecture()), (bits(&case.network), case.network.architecture()));
        assert_eq!(description.class_names, case.description.class_names);
        let mut filled = Network::zeros(case.network.architecture().clone());
        model_file::read_parameters(&path, &mut filled).unwrap();
        assert_eq!(bits(&filled), bits(&case.network));
    }
}

#[test]
fn a_sequential_of_another_shape_is_refused_by_its_own_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let case = &cases()[0];
    fs::write(&path, case.portable().file(Format::Safetensors, Takes::Bytes, "net.safetensors")).unwrap();
    let wider = Architecture::perceptron(
        PIXELS,
        &[7],
        gemmnist::nn::Activation::Relu,
        CLASSES,
        case.network.architecture().output,
    );
    let message = model_file::read_parameters(&path, &mut Network::zeros(wider)).unwrap_err().to_string();
    assert!(message.contains("expected 0.weight F32 [7, 6], found F32 [5, 6]"), "{message}");
}

/// Name, header and numbers of each array, by the zip format's local headers.
fn arrays(mut zip: &[u8]) -> Vec<(String, String, Vec<f32>)> {
    let mut arrays = Vec::new();
    while let Some(entry) = zip.strip_prefix(b"PK\x03\x04") {
        let number =
            |at: usize, size: usize| entry[at..at + size].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
        let (packed, name, extra) = (number(14, 4), number(22, 2), number(24, 2));
        let start = 26 + name + extra;
        let mut array = Vec::new();
        flate2::read::DeflateDecoder::new(&entry[start..start + packed]).read_to_end(&mut array).unwrap();
        assert_eq!((array.len(), &array[..8]), (number(18, 4), &b"\x93NUMPY\x01\0"[..]));
        let header_end = 10 + usize::from(u16::from_le_bytes([array[8], array[9]]));
        let header = String::from_utf8(array[10..header_end].to_vec()).unwrap();
        let values = array[header_end..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        arrays.push((String::from_utf8(entry[26..26 + name].to_vec()).unwrap(), header.trim_end().to_owned(), values));
        zip = &entry[start + packed..];
    }
    arrays
}

#[test]
fn the_arrays_of_an_npz_are_the_parameters_of_the_model_file() {
    let case = &cases()[2];
    let file = case.portable().file(Format::Npz, Takes::Bytes, "net.npz");
    let expected: Vec<_> = case.network.parameters().map(|(name, p)| (name, p.file_shape(), p.file_values())).collect();
    let found = arrays(&file);
    assert_eq!(found.len(), expected.len());
    for ((name, header, values), (expected, shape, numbers)) in found.into_iter().zip(expected) {
        let shape = format!("{shape:?}").replace('[', "(").replace(']', if shape.len() == 1 { ",)" } else { ")" });
        assert_eq!((name, values), (format!("{expected}.npy"), numbers));
        assert_eq!(header, format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
    }
}

#[test]
fn a_folder_for_the_hub_tells_what_the_network_is_and_no_path() {
    let case = &cases()[0];
    let files = hugging_face(&case.portable(), "apache-2.0", "my *digits*: 1");
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["README.md", "config.json", "model.safetensors", "model.onnx"]);
    for (name, file) in &files {
        assert!(!String::from_utf8_lossy(file).contains("somebody"), "{name}");
    }
    let card = std::str::from_utf8(&files[0].1).unwrap();
    for part in [
        "---\nlicense: \"apache-2.0\"\nlibrary_name: gemmnist\n",
        "\ndatasets:\n- mnist\n",
        "- name: \"my *digits*: 1\"\n",
        "    dataset:\n      name: MNIST\n      type: mnist\n      split: test\n",
        "    - type: accuracy\n      value: 0.9825\n---\n",
        "\n# my \\*digits\\*: 1\n",
        "It recognises 98.25 % of the test images of MNIST.",
        "onnxruntime.InferenceSession(\"model.onnx\")",
        "    nn.Linear(6, 5),\n    nn.ReLU(),\n    nn.Linear(5, 3),\n",
    ] {
        assert!(card.contains(part), "{part}\n{card}");
    }
    let config: serde_json::Value = serde_json::from_slice(&files[1].1).unwrap();
    assert_eq!(config["id2label"]["2"], "\u{4e8c}");
    assert_eq!(config["label2id"]["zero"], 0);
    assert_eq!(config["image_size"], serde_json::json!([2, 3]));
    assert_eq!(config["preprocessing"], "byte / 255");
    for (place, format) in [(2, Format::Safetensors), (3, Format::Onnx)] {
        assert!(files[place].1 == case.portable().file(format, Takes::Bytes, names[place]), "{format}");
    }
    let binary = hugging_face(&cases()[1].portable(), "apache-2.0", "digits");
    let config: serde_json::Value = serde_json::from_slice(&binary[1].1).unwrap();
    assert_eq!(config["preprocessing"], "byte >= 100");
}

#[test]
fn the_same_network_is_the_same_file() {
    for &format in Format::ALL {
        let [first, second] = [0, 1].map(|_| cases()[2].portable().file(format, Takes::Bytes, "net"));
        assert!(first == second, "{format}");
    }
}
