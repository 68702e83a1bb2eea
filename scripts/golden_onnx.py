#!/usr/bin/env python3
"""Writes what ONNX Runtime makes of exported networks, for tests/export/golden.rs.

    python3 -m venv scratch
    scratch/bin/pip install numpy onnx onnxruntime
    cargo build --release
    scratch/bin/python scripts/golden_onnx.py

Small networks of every kind learn the digits of 7 x 7 pixels in tests/golden, and are exported with and without their
preprocessing. tests/golden/onnx gets the models, the ONNX files, and the answers to the first test images.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
IMAGES = 12
NETWORKS = {
    "relu": "--hidden 8",
    "sigmoid": "--hidden 8,6 --activation sigmoid --lr 1 --output sigmoid --input binary --threshold 100 --dropout 0.1",
    "tanh": "--hidden 8 --activation tanh --input-bias tanh",
    "linear": "--hidden none --input-bias identity",
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gemmnist", type=Path, default="target/release/gemmnist", help="the binary")
    gemmnist = arguments.parse_args().gemmnist.resolve()
    out = GOLDEN / "onnx"
    out.mkdir(exist_ok=True)
    file = gzip.decompress((GOLDEN / "digits-7x7" / "t10k-images-idx3-ubyte.gz").read_bytes())
    images = numpy.frombuffer(file, numpy.uint8, IMAGES * 7 * 7, offset=16).reshape(IMAGES, 7, 7)
    answers = {"onnxruntime": onnxruntime.__version__}
    with tempfile.TemporaryDirectory() as runs:
        for name, options in NETWORKS.items():
            train = ["train", "--data", GOLDEN / "digits-7x7", "--epochs", "5", "--out", runs, "--name", name, "--quiet"]
            subprocess.run([gemmnist, *train, *options.split()], check=True)
            model = Path(runs) / name / "model.safetensors"
            shutil.copy(model, out / f"{name}.safetensors")
            for takes in ["bytes", "floats"]:
                file = out / f"{name}-{takes}.onnx"
                export = ["export", model, "--out", file, "--takes", takes, "--force", "--json"]
                subprocess.run([gemmnist, *export], check=True, capture_output=True)
                onnx.checker.check_model(str(file), full_check=True)
                answers[f"{name}-{takes}"] = answer(file, {"image": images, "inputs": prepared(images, options)})
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items())
    (out / "answers.json").write_text(f"{{\n{lines}\n}}\n")


def prepared(images, options):
    """The inputs of a network, as its first layer wants them."""
    pixels = images.reshape(len(images), -1).astype(numpy.float32)
    return (pixels >= 100).astype(numpy.float32) if "binary" in options else pixels / numpy.float32(255)


def answer(file, inputs):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (taken,) = (value.name for value in session.get_inputs())
    probabilities, label = session.run(["probabilities", "label"], {taken: inputs[taken]})
    return {"probabilities": probabilities.astype(float).tolist(), "label": label.tolist()}


if __name__ == "__main__":
    main()
