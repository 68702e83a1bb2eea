//! A folder for the Hugging Face hub: a model card, `config.json`, and the network as safetensors and as ONNX.

use serde_json::{Map, json};

use super::literal::quoted;
use super::{Format, Portable, Takes};
use crate::format::{count, percent, thousands};

/// A data set that the hub has.
struct Published {
    /// Ours.
    name: &'static str,
    /// As the hub calls it.
    on_hub: &'static str,
    /// As people call it.
    title: &'static str,
}

const DATA_SETS: &[Published] = &[
    Published { name: "mnist", on_hub: "mnist", title: "MNIST" },
    Published { name: "fashion-mnist", on_hub: "fashion_mnist", title: "Fashion-MNIST" },
];

/// The files of the folder, each with its name. `license` is a name that the hub knows, `title` what the model is called.
pub fn hugging_face(portable: &Portable<'_>, license: &str, title: &str) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("README.md", card(portable, license, title).into_bytes()),
        ("config.json", config(portable).into_bytes()),
        ("model.safetensors", portable.file(Format::Safetensors, Takes::Bytes, "model.safetensors")),
        ("model.onnx", portable.file(Format::Onnx, Takes::Bytes, "model.onnx")),
    ]
}

/// What the network is, in the hub's words where it has some.
fn config(portable: &Portable<'_>) -> String {
    let description = portable.description();
    let (height, width) = portable.image_size();
    let labels = || description.class_names.iter().enumerate();
    let id2label: Map<_, _> = labels().map(|(id, name)| (id.to_string(), json!(name))).collect();
    let label2id: Map<_, _> = labels().map(|(id, name)| (name.clone(), json!(id))).collect();
    let config = json!({
        "model_type": "gemmnist",
        "gemmnist_version": env!("CARGO_PKG_VERSION"),
        "image_size": [height, width],
        "num_channels": 1,
        "preprocessing": description.preprocessing.scale,
        "architecture": description.architecture,
        "id2label": id2label,
        "label2id": label2id,
    });
    serde_json::to_string_pretty(&config).expect("plain data") + "\n"
}

fn card(portable: &Portable<'_>, license: &str, title: &str) -> String {
    let description = portable.description();
    let training = &description.training;
    let setting = |name: &str| training.settings.get(name).map(|value| value.to_string()).unwrap_or_default();
    let data = training.settings.get("data").and_then(|data| data.as_str()).unwrap_or_default();
    let data = DATA_SETS.iter().find(|data_set| data_set.name == data);
    let (height, width) = portable.image_size();
    let architecture = portable.architecture();
    let results = match (training.test_accuracy, data) {
        (Some(accuracy), Some(data)) => {
            format!("It recognises {} of the test images of {}.", percent(accuracy), data.title)
        }
        (Some(accuracy), None) => format!("It recognises {} of its test images.", percent(accuracy)),
        (None, _) => String::new(),
    };
    format!(
        "{head}
# {title}

A multilayer perceptron, {describe}: {parameters} parameters, for gray images of {height} x {width} pixels in {classes} classes.
{results}

Trained by gemmnist {version} in {epochs}: {loss} by {optimizer}, batches of {batch}, seed {seed}.
Pixels are bytes, 0 where nothing is drawn; the network sees `{scale}`, which `model.onnx` does by itself.

## ONNX Runtime

```python
{onnx}```

## PyTorch

```python
{pytorch}```

## gemmnist

In this folder:

```sh
gemmnist inspect .
gemmnist eval . --data {data_set}
```
",
        data_set = data.map_or("FOLDER", |data| data.name),
        head = head(portable, license, title, data),
        title = plain(title),
        describe = architecture.describe(),
        parameters = thousands(architecture.parameters()),
        classes = architecture.classes(),
        version = env!("CARGO_PKG_VERSION"),
        epochs = count(training.epochs, "epoch"),
        loss = setting("loss").trim_matches('"'),
        optimizer = setting("optimizer").trim_matches('"'),
        batch = setting("batch"),
        seed = setting("seed"),
        scale = description.preprocessing.scale,
        onnx = portable.usage(Format::Onnx, Takes::Bytes, "model.onnx"),
        pytorch = portable.usage(Format::Safetensors, Takes::Bytes, "model.safetensors"),
    )
}

/// The part that the hub reads, YAML. Text from outside goes in as JSON strings, which are YAML too.
fn head(portable: &Portable<'_>, license: &str, title: &str, data: Option<&Published>) -> String {
    let datasets = data.map_or(String::new(), |data| format!("datasets:\n- {}\n", data.on_hub));
    let result = match (portable.description().training.test_accuracy, data) {
        (Some(accuracy), Some(data)) => format!(
            "model-index:
- name: {title}
  results:
  - task:
      type: image-classification
    dataset:
      name: {}
      type: {}
      split: test
    metrics:
    - type: accuracy
      value: {accuracy}
",
            data.title,
            data.on_hub,
            title = quoted(title),
        ),
        _ => String::new(), // the hub takes no figure without the data set it is of
    };
    format!(
        "---
license: {}
library_name: gemmnist
pipeline_tag: image-classification
tags:
- mlp
- onnx
- pytorch
{datasets}metrics:
- accuracy
{result}---
",
        quoted(license)
    )
}

/// `text` as a line of Markdown that is nothing but text.
fn plain(text: &str) -> String {
    let is_markup = |c: char| "\\`*_{}[]<>()#!|~&".contains(c);
    let escaped = |c: char| if is_markup(c) { vec!['\\', c] } else { vec![if c.is_control() { ' ' } else { c }] };
    text.chars().flat_map(escaped).collect()
}
