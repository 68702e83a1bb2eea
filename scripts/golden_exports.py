#!/usr/bin/env python3
"""Writes what ONNX Runtime, PyTorch and NumPy make of exported networks, for tests/export/golden.rs.

    python3 -m venv scratch
    scratch/bin/pip install numpy torch safetensors onnx onnxruntime
    cargo build --release
    scratch/bin/python scripts/golden_exports.py

Small networks of every kind learn the digits of 7 x 7 pixels in tests/golden, and are exported. The Python that `export`
prints is run as it is printed, on the first test images. tests/golden/exports gets the models, the ONNX files, the Python
that was run, and the answers.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
IMAGES = 12
NETWORKS = {
    "relu": "--hidden 8",
    "sigmoid": "--hidden 8,6 --activation sigmoid --lr 1 --output sigmoid --input binary --threshold 100 --dropout 0.1",
    "tanh": "--hidden 8 --activation tanh --input-bias tanh",
    "linear": "--hidden none --input-bias identity",
}
# What tests/export/golden.rs asks for, by the ends of the files' names.
EXPORTS = {
    "-bytes.onnx": ["--takes", "bytes"],
    "-floats.onnx": ["--takes", "floats"],
    ".torch.safetensors": [],
    ".npz": [],
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gemmnist", type=Path, default="target/release/gemmnist", help="the binary")
    gemmnist = arguments.parse_args().gemmnist.resolve()
    out = GOLDEN / "exports"
    out.mkdir(exist_ok=True)
    file = gzip.decompress((GOLDEN / "digits-7x7" / "t10k-images-idx3-ubyte.gz").read_bytes())
    images = numpy.frombuffer(file, numpy.uint8, IMAGES * 7 * 7, offset=16).reshape(IMAGES, 7, 7).copy()
    versions = {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__, "numpy": numpy.__version__}
    lines = [f'"versions": {json.dumps(versions)}']
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the Python that is printed names the files as they were given, and models the data
        os.symlink(GOLDEN / "digits-7x7", "digits-7x7")
        for name, options in NETWORKS.items():
            train = ["train", "--data", "digits-7x7", "--epochs", "5", "--name", name, "--quiet"]
            subprocess.run([gemmnist, *train, *options.split()], check=True)
            model = f"runs/{name}/model.safetensors"
            shutil.copy(model, out / f"{name}.safetensors")
            for ending, options in EXPORTS.items():
                file = name + ending
                export = [gemmnist, "export", model, "--out", file, *options, "--json"]
                python = json.loads(subprocess.run(export, check=True, capture_output=True).stdout)["usage"]
                lines.append(f'"{file}": {json.dumps({"python": python, **answer(python, images)})}')
                if file.endswith(".safetensors"):
                    shapes = {key: list(tensor.shape) for key, tensor in load_file(file).items()}
                    lines.append(f'"{name}.tensors": {json.dumps(shapes, sort_keys=True)}')
                if file.endswith(".onnx"):
                    onnx.checker.check_model(file, full_check=True)
                    shutil.copy(file, out)
    (out / "answers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def answer(python, images):
    """Runs what was printed."""
    names = {"images": images}
    exec(python, names)
    probabilities = numpy.asarray(names["probabilities"], numpy.float64)
    label = names.get("label", probabilities.argmax(axis=1))
    return {"probabilities": probabilities.tolist(), "label": label.tolist()}


if __name__ == "__main__":
    main()
