//! `gemmnist export` as a user meets it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use gemmnist::cli::{Terminal, run};
use gemmnist::data::{Dataset, Input};
use gemmnist::nn::{Activation, Architecture, Init, Network, Output};
use gemmnist::seed::Seed;
use gemmnist::train::TrainSettings;
use gemmnist::train::model_file::{self, Description, Training};
use serde_json::Value;
use tempfile::TempDir;

/// A run folder with a model in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let architecture = Architecture::perceptron(6, &[4], Activation::Relu, 3, Output::Softmax);
        let network = Network::initialised(architecture, Init::He, Seed(1));
        let training = Training::new(&TrainSettings::default().check().unwrap(), None);
        let data = Dataset::new(vec![0; 6], vec![0], (2, 3), 3);
        let description = Description::new(&network, &data, Input::Gray, training);
        fs::create_dir(place.path("run")).unwrap();
        model_file::write(&place.path("run/model.safetensors"), &network, &description).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Exit code, results and messages of `gemmnist export run`, `@` standing for the folder.
    fn export(&self, args: &str) -> (u8, String, String) {
        let folder = format!("{}/", self.0.path().display());
        let args = args.split_whitespace().map(|arg| OsString::from(arg.replace('@', &folder)));
        let line = ["gemmnist".into(), "export".into(), self.path("run").into()].into_iter().chain(args);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(line, &mut out, &mut err, Terminal::NONE);
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&folder, "@");
        (code, text(out), text(err))
    }

    fn exports(&self, args: &str) -> String {
        let (code, out, err) = self.export(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args}");
        out
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// What only a file of one format has in it.
fn looks_like(path: &Path, mark: &str) {
    let file = fs::read(path).unwrap();
    assert!(file.windows(mark.len()).any(|part| part == mark.as_bytes()), "{}: {mark}", path.display());
}

#[test]
fn a_format_is_what_the_name_ends_in_or_what_is_said_and_goes_beside_the_model_by_itself() {
    let place = Place::new();
    for (args, file, mark) in [
        ("", "run/model.onnx", "Softmax"),
        ("--to safetensors", "run/model.torch.safetensors", "0.weight"),
        ("--to npz", "run/model.npz", "PK\u{3}\u{4}"),
        ("--to c", "run/model.h", "/* 6-4-3, relu, softmax; by gemmnist"),
        ("--to rust", "run/model.rs", "//! 6-4-3, relu, softmax; by gemmnist"),
        ("--out @a.onnx", "a.onnx", "Softmax"),
        ("--out @a.SAFETENSORS", "a.SAFETENSORS", "0.weight"),
        ("--out @a.h", "a.h", "#ifndef A_H"),
        ("--out @a.txt --to c", "a.txt", "#ifndef A_H"),
    ] {
        let out = place.exports(args);
        looks_like(&place.path(file), mark);
        let first = out.lines().next().unwrap();
        assert!(first.starts_with(&format!("The network is in @{file} (")), "{first}");
    }
}

#[test]
fn json_is_one_object_with_what_to_paste() {
    let place = Place::new();
    let out = place.exports("--json --takes floats");
    assert_eq!(out.lines().count(), 1);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&object["file"], &object["format"]), (&"@run/model.onnx".into(), &"onnx".into()));
    assert_eq!(object["bytes"], fs::metadata(place.path("run/model.onnx")).unwrap().len());
    assert!(object["usage"].as_str().unwrap().contains("{\"inputs\": inputs}"), "{object}");
}

#[test]
fn what_is_there_is_replaced_only_when_asked_and_the_model_never() {
    let place = Place::new();
    fs::write(place.path("a.onnx"), "mine").unwrap();
    let taken = "gemmnist: --out: expected a free place, found @a.onnx, which is there already \
                 (choose another name, or replace it with --force)\n";
    assert_eq!(place.export("--out @a.onnx"), (2, String::new(), taken.to_owned()));
    assert_eq!(fs::read_to_string(place.path("a.onnx")).unwrap(), "mine");
    place.exports("--out @a.onnx --force");
    looks_like(&place.path("a.onnx"), "Softmax");

    let before = fs::read(place.path("run/model.safetensors")).unwrap();
    for args in
        ["--out @run/model.safetensors --force", "--out @run/../run/model.safetensors --force", "--hf @run --force"]
    {
        let (code, _, err) = place.export(args);
        assert!(code == 2 && err.contains("where the model itself is"), "{args}: {err}");
    }
    assert!(fs::read(place.path("run/model.safetensors")).unwrap() == before);
}

#[test]
fn a_folder_for_the_hub_appears_whole_or_joins_what_is_there() {
    let place = Place::new();
    let files = ["README.md", "config.json", "model.onnx", "model.safetensors"];
    place.exports("--hf @hub --license mit");
    assert_eq!(place.list("hub"), files);
    looks_like(&place.path("hub/README.md"), "license: \"mit\"");

    fs::write(place.path("hub/.gitattributes"), "theirs").unwrap();
    let (code, _, err) = place.export("--hf @hub");
    assert!(code == 2 && err.contains("--hf: expected a free place"), "{err}");
    place.exports("--hf @hub --force");
    assert_eq!(place.list("hub").len(), 5);
    looks_like(&place.path("hub/README.md"), "license: \"unknown\"");
}

#[test]
fn what_does_not_go_together_is_wrong_usage_and_writes_nothing() {
    let place = Place::new();
    for (args, part) in [
        ("--out @a.xyz", "--out: expected a name that ends in one of .onnx, .safetensors, .npz, .h, .rs, found @a.xyz"),
        ("--out @a", "say the format with --to"),
        ("--to c --takes floats", "--takes: expected --to onnx beside it, found --to c"),
        ("--to onx", "'onnx'"),
        ("--license mit", "--hf"),
        ("--hf @hub --license MIT:x", "apache-2.0"),
        ("--hf @hub --to c", "cannot be used with"),
    ] {
        let (code, out, err) = place.export(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args}");
        assert!(err.contains(part), "{args}: {err}");
    }
    assert_eq!((place.list("run").len(), place.list(".").len()), (1, 1));
}
