#!/usr/bin/env python3
"""Holds what gemmnist exports against what gemmnist says itself, in the tools it is exported for.

    python3 -m venv scratch
    scratch/bin/pip install numpy torch safetensors onnx onnxruntime tensorboard huggingface_hub
    cargo build --release
    scratch/bin/python scripts/check_exports.py --gemmnist target/release/gemmnist --data data/mnist

Needs cc and rustc beside it (and clippy-driver, g++, where they are). Five networks learn for two epochs. Each is exported in
every format; all 10,000 test images go through ONNX Runtime, PyTorch, NumPy, a C and a Rust program. The Python that
`export` prints is run as it is printed. A row passes if no probability is further than 1e-5 from a float64 forward pass,
and the confusion matrix is the one that `gemmnist eval` prints. Then TensorBoard's own reader reads the events of the
trainings. Exit code 1 if anything differs.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
from huggingface_hub import ModelCard
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from torch_twin import read_split

TOLERANCE = 1e-5
NETWORKS = {
    "relu": "--hidden 128",
    "sigmoid": "--hidden 192,30 --activation sigmoid --lr 0.5",
    "tanh-input-bias": "--hidden 64 --activation tanh --input-bias tanh --validation 5000",
    "binary-sigmoid-output": "--hidden 64,32 --dropout 0.2 --input-dropout 0.1 --output sigmoid --input binary --threshold 100",
    "none-bare-bias": "--hidden none --input-bias identity",
}
ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": lambda x: numpy.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "tanh": numpy.tanh,
}
C_PROGRAM = """
#include "{header}"
#include <stdio.h>

int main(void)
{{
    unsigned char pixels[{upper}_INPUTS];
    float answer[{upper}_CLASSES + 1];
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {{
        answer[{upper}_CLASSES] = (float){name}_predict(pixels, answer);
        fwrite(answer, sizeof(float), {upper}_CLASSES + 1, stdout);
    }}
    return 0;
}}
"""
RUST_PROGRAM = """
use std::io::{{self, Read, Write}};

#[path = {module}]
mod net;

fn main() {{
    let (mut pixels, mut out) = ([0; net::INPUTS], io::stdout().lock());
    while io::stdin().lock().read_exact(&mut pixels).is_ok() {{
        let (label, probabilities) = net::predict(&pixels);
        for value in probabilities.iter().chain(&[label as f32]) {{
            out.write_all(&value.to_le_bytes()).unwrap();
        }}
    }}
}}
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gemmnist", type=Path, default="target/release/gemmnist", help="the binary")
    arguments.add_argument("--data", type=Path, default="data/mnist", help="folder of MNIST's four files, gzip")
    arguments = arguments.parse_args()
    print(f"{'network':<24}{'export':<22}{'furthest':>12}{'confusion':>12}")
    with tempfile.TemporaryDirectory() as folder:
        check = Check(arguments.gemmnist.resolve(), arguments.data.resolve(), Path(folder))
        for name, options in NETWORKS.items():
            check.network(name, options.split())
    print("All agree." if not check.failures else f"{check.failures} differ.")
    sys.exit(min(check.failures, 1))


class Check:
    def __init__(self, gemmnist, data, folder):
        self.gemmnist, self.data, self.folder = gemmnist, data, folder
        self.images, self.labels = (array.copy() for array in read_split(data, "test"))  # PyTorch wants them writable
        self.failures = 0

    def run(self, *command, **how):
        return subprocess.run(list(map(str, command)), check=True, cwd=self.folder, capture_output=True, **how).stdout

    def network(self, name, options):
        train = ["train", "--data", self.data, "--epochs", 2, "--name", name, "--tensorboard", "--quiet", *options]
        self.run(self.gemmnist, *train)
        run = self.folder / "runs" / name
        network = Reference(run / "model.safetensors")
        self.expected = network.probabilities(self.images)
        evaluation = json.loads(self.run(self.gemmnist, "eval", run, "--data", self.data, "--json"))
        self.confusion = numpy.array(evaluation["confusion"])

        for export, options, judge in [
            ("ONNX Runtime", ["--to", "onnx"], self.python),
            ("ONNX Runtime, floats", ["--to", "onnx", "--takes", "floats", "--out", "floats.onnx"], self.python),
            ("PyTorch", ["--to", "safetensors"], self.python),
            ("NumPy", ["--to", "npz"], self.python),
            ("C", ["--out", "net.h"], self.c),
            ("Rust", ["--out", "net.rs"], self.rust),
        ]:
            printed = self.run(self.gemmnist, "export", run, *options, "--json", "--force")
            answer = judge(json.loads(printed))
            self.judge(name, export, *answer)
        self.hugging_face(name, run)
        self.tensorboard(name, run)

    def judge(self, name, export, probabilities, labels):
        furthest = numpy.abs(probabilities - self.expected).max()
        confusion = numpy.zeros_like(self.confusion)
        numpy.add.at(confusion, (self.labels, labels), 1)
        different = numpy.abs(confusion - self.confusion).sum() // 2
        self.row(name, export, f"{furthest:.1e}", f"{different} off", furthest <= TOLERANCE and different == 0)

    def row(self, name, export, first, second, is_right):
        self.failures += not is_right
        print(f"{name:<24}{export:<22}{first:>12}{second:>12}{'' if is_right else '  DIFFERENT'}", flush=True)

    def python(self, export):
        """Runs what was printed."""
        path = self.folder / export["file"]
        if export["format"] == "onnx":
            onnx.checker.check_model(str(path), full_check=True)
        names = {"images": self.images}
        exec(export["usage"].replace(json.dumps(export["file"]), json.dumps(str(path))), names)
        probabilities = numpy.asarray(names["probabilities"])
        return probabilities, names.get("label", probabilities.argmax(axis=1))

    def c(self, export):
        program = C_PROGRAM.format(header=export["file"], name="net", upper="NET")
        strict = ["-O2", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]
        for compiler, standard in [("cc", "c99"), ("g++", "c++11")]:
            if shutil.which(compiler):
                source = self.folder / ("main.c" if compiler == "cc" else "main.cpp")
                source.write_text(program)
                self.run(compiler, f"-std={standard}", *strict, source, "-lm", "-o", f"with-{compiler}")
        return self.answers("./with-cc")

    def rust(self, export):
        module = json.dumps(str(self.folder / export["file"]))
        (self.folder / "main.rs").write_text(RUST_PROGRAM.format(module=module))
        (self.folder / "lib.rs").write_text(f"#![no_std]\n#[path = {module}]\npub mod net;\n")
        lint = shutil.which("clippy-driver") or "rustc"
        self.run(lint, "--edition=2021", "--crate-type=lib", "-Dwarnings", "lib.rs", "--emit=metadata")
        self.run("rustc", "--edition=2021", "-O", "-Dwarnings", "main.rs", "-o", "with-rustc")
        return self.answers("./with-rustc")

    def answers(self, program):
        answers = numpy.frombuffer(self.run(program, input=self.images.tobytes()), numpy.float32)
        answers = answers.reshape(len(self.images), -1)
        return answers[:, :-1], answers[:, -1].astype(int)

    def hugging_face(self, name, run):
        folder = self.folder / f"hub-{name}"
        self.run(self.gemmnist, "export", run, "--hf", folder, "--license", "mit")
        card = ModelCard.load(folder / "README.md").data
        evaluation = json.loads(self.run(self.gemmnist, "eval", folder, "--data", self.data, "--json"))
        (result,) = card.eval_results
        session = onnxruntime.InferenceSession(folder / "model.onnx")
        answer = session.run(["probabilities", "label"], {"image": self.images})
        self.judge(name, "Hugging Face, ONNX", *answer)
        same = (numpy.array(evaluation["confusion"]) == self.confusion).all()
        right = same and result.metric_value == evaluation["accuracy"] and card.license == "mit"
        self.row(name, "Hugging Face, card", "", "", right)

    def tensorboard(self, name, run):
        """Every figure of metrics.jsonl, at its epoch."""
        events = EventAccumulator(str(run))
        events.Reload()
        read = {(tag, event.step): event.value for tag in events.Tags()["scalars"] for event in events.Scalars(tag)}
        expected = {}
        for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
            for key, value in line.items():
                tag = "/".join(reversed(key.split("_", 1))) if key.endswith(("_loss", "_accuracy")) else key
                if value is not None and key not in ["epoch", "step", "train_seconds", "eval_seconds"]:
                    expected[tag, line["epoch"]] = numpy.float32(value)
        self.row(name, "TensorBoard", "", f"{len(read)} scalars", read == expected)


class Reference:
    """A network in a model file, in double precision."""

    def __init__(self, path):
        with open(path, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        self.description = json.loads(header["__metadata__"]["gemmnist"])
        self.tensors = {name: tensor.astype(numpy.float64) for name, tensor in load_file(path).items()}

    def probabilities(self, images):
        scale = self.description["preprocessing"]["scale"]
        x = images.reshape(len(images), -1).astype(numpy.float64)
        x = x / 255 if scale == "byte / 255" else (x >= int(scale.removeprefix("byte >= "))).astype(numpy.float64)
        dense = 0
        for layer in self.description["architecture"]["layers"]:
            ((kind, layer),) = layer.items()
            if kind == "dense":
                x = x @ self.tensors[f"layers.{dense}.weight"].T + self.tensors[f"layers.{dense}.bias"]
                dense += 1
            elif kind == "input-bias":
                x = x + self.tensors["input.bias"]
            x = ACTIVATIONS[layer.get("activation", "identity")](x)
        if self.description["architecture"]["output"] == "sigmoid":
            return ACTIVATIONS["sigmoid"](x)
        powers = numpy.exp(x - x.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
