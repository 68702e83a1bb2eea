use super::*;
use crate::nn::{Activation, Init, Output};
use crate::seed::Seed;
use crate::train::TrainSettings;
use serde_json::{Value, json};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use tempfile::TempDir;

/// A network for images of 2 x 3 pixels in 3 classes.
fn network() -> Network {
    let architecture = Architecture::perceptron(6, &[4], Activation::Tanh, 3, Output::Softmax);
    Network::initialised(architecture, Init::Normal, Seed(1))
}

fn description() -> Description {
    let training = Training {
        settings: TrainSettings::default().check().unwrap().to_table(),
        epochs: 2,
        steps: 9,
        train_loss: Some(0.5),
        train_accuracy: Some(0.75),
        validation_loss: None,
        validation_accuracy: None,
        test_loss: None,
        test_accuracy: None,
    };
    let data = Dataset::new(vec![0; 6], vec![0], (2, 3), 3);
    Description::new(&network(), &data, Input::Gray, training)
}

/// A model file to spoil.
struct Bench {
    folder: TempDir,
    /// A good file.
    good: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("good");
        write(&path, &network(), &description()).unwrap();
        Self { good: fs::read(path).unwrap(), folder }
    }

    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("model");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn read(&self, bytes: &[u8]) -> Result<(Network, Description)> {
        read(&self.put(bytes))
    }

    /// The message about a file that must be refused, and is refused as a model.
    fn refusal(&self, bytes: &[u8]) -> String {
        let error = self.read(bytes).expect_err("a spoilt file");
        assert!(matches!(error, Error::Model(_)), "{error:?}");
        assert_eq!(error.exit_code(), 5);
        let message = error.to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        message.replacen(&format!("{}/", self.folder.path().display()), "", 1)
    }

    fn header(&self) -> Value {
        let length = u64::from_le_bytes(self.good[..8].try_into().unwrap()) as usize;
        serde_json::from_slice(&self.good[8..8 + length]).unwrap()
    }

    fn numbers(&self) -> &[u8] {
        let length = u64::from_le_bytes(self.good[..8].try_into().unwrap()) as usize;
        &self.good[8 + length..]
    }

    /// The good file with another header.
    fn with_header(&self, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut header = self.header();
        edit(&mut header);
        file(&header.to_string(), self.numbers())
    }

    /// The good file with another description.
    fn with_description(&self, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
        self.with_header(|header| {
            let text = header["__metadata__"][KEY].as_str().unwrap();
            let mut description: Value = serde_json::from_str(text).unwrap();
            edit(&mut description);
            header["__metadata__"][KEY] = description.to_string().into();
        })
    }
}

fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers].concat()
}

fn same_parameters(a: &Network, b: &Network) -> bool {
    let bits = |network: &Network| -> Vec<(String, Vec<u32>)> {
        let all = network.parameters();
        all.map(|(name, p)| (name, p.file_values().iter().map(|v| v.to_bits()).collect())).collect()
    };
    bits(a) == bits(b)
}

#[test]
fn a_network_written_and_read_is_the_same_to_the_last_bit() {
    let bench = Bench::new();
    let (read, description_read) = bench.read(&bench.good).unwrap();
    assert!(same_parameters(&read, &network()));
    assert_eq!(read.architecture(), network().architecture());
    assert_eq!(description_read, description());
}

#[test]
fn initial_parameters_come_from_any_safetensors_file_of_their_shapes() {
    let bench = Bench::new();
    let bare = bench.with_header(|header| drop(header.as_object_mut().unwrap().remove("__metadata__")));
    let mut filled = Network::zeros(network().architecture().clone());
    read_parameters(&bench.put(&bare), &mut filled).unwrap();
    assert!(same_parameters(&filled, &network()));
    assert!(bench.refusal(&bare).starts_with("model: metadata: expected the key gemmnist, found none ("));
}

#[test]
fn a_file_cut_anywhere_or_longer_is_refused() {
    let bench = Bench::new();
    for length in 0..bench.good.len() {
        bench.refusal(&bench.good[..length]);
    }
    let message = bench.refusal(&[&bench.good[..], b"x"].concat());
    assert!(
        message.starts_with("model: length: expected 172 bytes of numbers after the header, found 173 bytes"),
        "{message}"
    );
    assert!(bench.refusal(b"").starts_with("model: length: expected 8 to 4294967296 bytes, found 0 bytes ("));
}

#[test]
fn a_bit_flipped_in_the_header_is_refused_or_changes_no_shape() {
    let bench = Bench::new();
    let header = bench.good.len() - bench.numbers().len();
    let path = bench.put(&bench.good);
    let mut file = File::options().write(true).open(&path).unwrap();
    let mut put = |place: usize, byte: u8| {
        file.seek(SeekFrom::Start(place as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    for bit in 0..8 * header {
        let good = bench.good[bit / 8];
        put(bit / 8, good ^ (1 << (bit % 8)));
        match read(&path) {
            Ok((read, _)) => assert_eq!(read.architecture().widths(), [6, 4, 3], "bit {bit}"),
            Err(error) => assert_eq!(error.exit_code(), 5, "bit {bit}: {error}"),
        }
        put(bit / 8, good);
    }
}

#[test]
fn a_folder_and_a_missing_file_are_no_models() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| {
        let error = read(path).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        error.to_string()
    };
    assert!(message(folder.path()).contains("model: expected a file, found a folder (give a model.safetensors"));
    let missing = message(&folder.path().join("none"));
    assert!(missing.contains("none: model: expected a file that you may read, found nothing there"), "{missing}");
    if cfg!(target_os = "linux") {
        assert!(message(Path::new("/dev/zero")).contains("expected a file, found a device or a pipe"));
    }
}

/// Headers that claim more than there is, each with what is said about it.
fn hostile(bench: &Bench) -> Vec<(Vec<u8>, &'static str)> {
    let claim = |length: u64| [&length.to_le_bytes()[..], &[b' '; 1000]].concat();
    let vast_header = |inside: &str, bytes: usize| file(&inside.repeat(bytes / inside.len()), b"");
    let tensors: Vec<_> =
        (0..4000).map(|i| format!(r#""{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
    let mut names = tensors.clone();
    names.push(bench.header()["__metadata__"].to_string().replacen('{', r#""__metadata__":{"#, 1));
    let zeros = "0,".repeat(LARGEST_HEADER as usize / 2 - 50); // the costliest header there can be
    let shape = format!(r#"{{"a":{{"dtype":"F32","shape":[{zeros}0],"data_offsets":[0,0]}}}}"#);
    let overlap = r#"{"a":{"dtype":"U8","shape":[2305843009213693951],"data_offsets":[0,2305843009213693951]}}"#;
    let sum: Vec<_> = (0..8)
        .map(|i: u64| {
            let (start, size) = (i * 2_305_843_009_213_693_951, 2_305_843_009_213_693_951_u64);
            format!(r#""{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{}]}}"#, start + size)
        })
        .collect();
    let layers = |count: usize, outputs: u64| {
        bench.with_description(|d| {
            let layer = json!({ "dense": { "outputs": outputs, "activation": "relu" } });
            d["architecture"]["layers"].as_array_mut().unwrap().splice(0..1, vec![layer; count]);
        })
    };
    vec![
        (
            claim(1 << 63),
            "model: expected a safetensors file, found another kind of file, or a header of 9223372036854775808 bytes",
        ),
        (
            claim(u64::MAX),
            "model: expected a safetensors file, found another kind of file, or a header of 18446744073709551615 bytes",
        ),
        (
            claim(100_000_000),
            "model: expected a safetensors file, found another kind of file, or a header of 100000000 bytes",
        ),
        (claim(1001), "safetensors header: expected at most 1000 bytes, found 1001 bytes"),
        (claim(1000), "safetensors header: expected a list of tensors"),
        (
            vast_header(" ", 20 << 20),
            "model: expected a safetensors file, found another kind of file, or a header of 20971520 bytes",
        ),
        (vast_header("[", 1 << 18), "safetensors header: expected a list of tensors"),
        (vast_header("{\"a\":", 1 << 18), "safetensors header: expected a list of tensors"),
        (file(&shape, b""), "metadata: expected the key gemmnist, found none"),
        (file(&format!("{{{}}}", tensors.join(",")), b""), "metadata: expected the key gemmnist, found none"),
        (file(&format!("{{{}}}", names.join(",")), b""), "parameters: expected 43, as many as 6-4-3 has, found 0"),
        (file(overlap, b""), "length: expected 2305843009213693951 bytes of numbers after the header, found 0 bytes"),
        (file(&format!("{{{}}}", sum.join(",")), b""), "length: expected 18446744073709551608 bytes"),
        (
            layers(1, 1_000_000_000_000),
            "parameters: expected 10000000000003, as many as 6-1000000000000-3 has, found 43",
        ),
        (layers(1, u64::MAX), "parameters: expected 18446744073709551615, as many as"),
        (layers(1, 1 << 62), "parameters: expected 18446744073709551615, as many as"),
        (layers(200, 1 << 40), "parameters: expected 18446744073709551615, as many as 6-1099511627776-"),
        (layers(2000, 1), "layers: expected 1 to 256, found 2001"),
    ]
}

#[test]
fn a_header_that_claims_more_than_there_is_is_refused() {
    let bench = Bench::new();
    for (bytes, expected) in hostile(&bench) {
        let message = bench.refusal(&bytes);
        assert!(message.starts_with(&format!("model: {expected}")), "{message}");
        // Without the description only the tensors count, and some of these are good.
        if let Err(error) = read_parameters(&bench.put(&bytes), &mut network()) {
            assert_eq!(error.exit_code(), 5, "{error}");
        }
    }
}

/// Each header is read in a process of its own, which tells by how much its memory grew at most.
#[cfg(target_os = "linux")]
#[test]
fn a_hostile_header_costs_less_than_16_mib_of_memory() {
    const FILE: &str = "GEMMNIST_TEST_HOSTILE_FILE";
    const LIMIT_KIB: u64 = 16 * 1024;
    let peak_kib = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    if let Some(path) = std::env::var_os(FILE) {
        let before = peak_kib();
        let refused = read(Path::new(&path)).is_err();
        let _ = read_parameters(Path::new(&path), &mut network());
        println!("grew {}", peak_kib() - before);
        assert!(refused);
        return;
    }
    let bench = Bench::new();
    for (bytes, what) in hostile(&bench) {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "train::model_file::tests::a_hostile_header_costs_less_than_16_mib_of_memory",
            ])
            .env(FILE, bench.put(&bytes))
            .output()
            .unwrap();
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let grew = printed.split("grew ").nth(1).expect(&printed).split_whitespace().next().unwrap();
        assert!(grew.parse::<u64>().unwrap() < LIMIT_KIB, "{what}: {grew} KiB");
    }
}

#[test]
fn a_number_that_is_not_finite_is_refused_in_a_model_and_as_a_start() {
    let bench = Bench::new();
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let mut spoilt = bench.good.clone();
        let last = spoilt.len() - 4;
        spoilt[last..].copy_from_slice(&value.to_le_bytes());
        let message = bench.refusal(&spoilt);
        assert!(message.starts_with("model: parameters: expected finite numbers in layers."), "{message}");
        assert!(message.contains(&format!(", found {shown} (")), "{message}");
        let error = read_parameters(&bench.put(&spoilt), &mut network()).unwrap_err();
        assert_eq!(error.exit_code(), 5);
    }
}

#[test]
fn a_tensor_missing_misshaped_unknown_or_of_another_kind_is_refused() {
    let bench = Bench::new();
    let refusals = [
        (
            bench.with_header(|h| {
                let tensor = h.as_object_mut().unwrap().remove("layers.0.bias").unwrap();
                h["layers.0.scale"] = tensor;
            }),
            "layers.0.bias F32 [4], found none",
        ),
        (
            bench.with_header(|h| h["layers.0.weight"]["shape"] = json!([6, 4])),
            "layers.0.weight F32 [4, 6], found F32 [6, 4]",
        ),
        (
            bench.with_header(|h| h["layers.0.weight"]["dtype"] = "I32".into()),
            "layers.0.weight F32 [4, 6], found I32 [4, 6]",
        ),
        (
            bench.with_header(|h| {
                h["layers.0.weight"]["dtype"] = "F64".into();
                h["layers.0.weight"]["shape"] = json!([2, 6]);
            }),
            "layers.0.weight F32 [4, 6], found F64 [2, 6]",
        ),
        (
            bench.with_header(|h| {
                h["o\n\u{1b}"] = json!({ "dtype": "F32", "shape": [0], "data_offsets": [172, 172] });
            }),
            "4 tensors, those of 6-4-3, found o\\n\\u{1b} F32 [0] too",
        ),
    ];
    for (bytes, expected) in refusals {
        let message = bench.refusal(&bytes);
        let expected = format!("model: parameters: expected {expected} ({REMEDY})");
        assert_eq!(message, expected);
        assert!(read_parameters(&bench.put(&bytes), &mut network()).is_err());
    }
    let without_last = bench.with_header(|h| drop(h.as_object_mut().unwrap().remove("layers.1.weight")));
    bench.refusal(&without_last);
}

#[test]
fn a_description_that_does_not_hold_together_is_refused() {
    let bench = Bench::new();
    type Refusal = (&'static str, fn(&mut Value), &'static str);
    let refusals: &[Refusal] = &[
        ("format", |d| d["format"] = 2.into(), "format: expected 1, found 2"),
        (
            "unknown field",
            |d| d["mean"] = 1.into(),
            "description: expected that of a network, found unknown field `mean`",
        ),
        (
            "unknown preprocessing",
            |d| d["preprocessing"]["invert"] = true.into(),
            "description: expected that of a network, found unknown field `invert`",
        ),
        (
            "activation",
            |d| d["architecture"]["layers"][0]["dense"]["activation"] = "gelu".into(),
            "description: expected that of a network, found unknown variant `gelu`",
        ),
        (
            "kind of layer",
            |d| d["architecture"]["layers"][0] = json!({ "conv": {} }),
            "description: expected that of a network, found unknown variant `conv`",
        ),
        ("no layer", |d| d["architecture"]["layers"] = json!([]), "layers: expected 1 to 256, found 0"),
        (
            "empty layer",
            |d| d["architecture"]["layers"][0]["dense"]["outputs"] = 0.into(),
            "architecture: expected layers of one unit or more, found 6-0-3",
        ),
        ("negative width", |d| d["architecture"]["inputs"] = (-1).into(), "description: expected that of a network"),
        (
            "classes",
            |d| d["class_names"] = json!(["a", "b"]),
            "class names: expected 3, one a class and at most 256, found 2",
        ),
        ("a name", |d| d["class_names"][1] = "\u{1b}[2J".into(), "class names: expected names that can be printed"),
        ("size", |d| d["preprocessing"]["height"] = 3.into(), "image size: expected 6 pixels, found 3 x 3"),
        ("vast size", |d| d["preprocessing"]["height"] = (1_u64 << 63).into(), "image size: expected 6 pixels, found"),
        (
            "scale",
            |d| d["preprocessing"]["scale"] = "byte".into(),
            "scale of the pixels: expected byte / 255 or byte >= a threshold, found byte",
        ),
        (
            "loss",
            |d| d["training"]["settings"]["loss"] = "hinge".into(),
            "loss: expected one of cross-entropy, mse, squared-error, found \"hinge\"",
        ),
        ("nothing", |d| *d = Value::Null, "description: expected that of a network, found invalid type: null"),
    ];
    for (what, edit, expected) in refusals {
        let message = bench.refusal(&bench.with_description(edit));
        assert!(message.starts_with(&format!("model: {expected}")), "{what}: {message}");
    }
}
