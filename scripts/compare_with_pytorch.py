#!/usr/bin/env python3
"""Trains nine networks with gemmnist and with PyTorch from the same weights, and holds the weights against each other.

    pip install torch numpy safetensors
    cargo build --release
    python3 scripts/compare_with_pytorch.py --gemmnist target/release/gemmnist --data data/mnist

Every network takes 1,000 steps of batch 10 on the first 10,000 training images, in file order. A row passes if no tensor
is further than 1e-4 from PyTorch's float32 result (relative Frobenius norm). The float64 columns tell rounding from a
mistake: they show how far each of the two float32 results is from the almost exact one. Then a network that gemmnist
trains is loaded by PyTorch and judged on the test images. Exit code 1 if anything differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file

from torch_twin import (
    ACTIVATIONS,
    BATCH,
    LEARNING_RATE,
    STEPS,
    initial_parameters,
    inputs,
    least_distance,
    read_split,
    train,
    worst_distance,
    write_split,
)

HIDDEN = [[128], [128, 64], [128, 64, 32]]
TOLERANCE = 1e-4
SEED = 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gemmnist", type=Path, default="target/release/gemmnist", help="the binary")
    arguments.add_argument("--data", type=Path, default="data/mnist", help="folder of MNIST's four files, gzip")
    arguments = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        same_steps = compare_steps(arguments.gemmnist.resolve(), arguments.data, Path(folder))
        same_answers = compare_answers(arguments.gemmnist.resolve(), arguments.data, Path(folder))
    sys.exit(0 if same_steps and same_answers else 1)


def compare_steps(gemmnist, data, folder):
    images, labels = (part[: STEPS * BATCH] for part in read_split(data, "train"))
    test_images, test_labels = (part[:1000] for part in read_split(data, "test"))
    (folder / "first").mkdir()
    write_split(folder / "first", "train", images, labels)
    write_split(folder / "first", "test", test_images, test_labels)

    print("| network | activation | least moved | to PyTorch f32 | to PyTorch f64 | PyTorch f32 to f64 | verdict |")
    print("|---|---|---|---|---|---|---|")
    passed = True
    for activation in ACTIVATIONS:
        for hidden in HIDDEN:
            widths = [784, *hidden, 10]
            initial = initial_parameters(widths, activation, SEED)
            ours = train_with_gemmnist(gemmnist, folder, hidden, activation, initial)
            single, double = (
                train(widths, activation, initial, images, labels, dtype)[0].state_dict()
                for dtype in (torch.float32, torch.float64)
            )
            distance = worst_distance(ours, single)
            passed &= distance <= TOLERANCE
            print(
                f"| {'-'.join(map(str, widths))} | {activation} | {least_distance(ours, initial):.2f} "
                f"| {distance:.1e} | {worst_distance(ours, double):.1e} | {worst_distance(single, double):.1e} "
                f"| {'pass' if distance <= TOLERANCE else 'FAIL'} |",
                flush=True,
            )
    print(f"Worst tensor, relative Frobenius norm; pass: at most {TOLERANCE:g} to PyTorch f32.")
    return passed


def train_with_gemmnist(gemmnist, folder, hidden, activation, initial):
    name = f"{activation}-{len(hidden)}"
    save_file(initial, folder / "initial.safetensors")
    run(
        gemmnist, "train", "--data", folder / "first", "--init-from", folder / "initial.safetensors",
        "--hidden", ",".join(map(str, hidden)), "--activation", activation, "--no-shuffle",
        "--batch", BATCH, "--epochs", 1, "--lr", LEARNING_RATE, "--out", folder, "--name", name, "--quiet",
    )  # fmt: skip
    metrics = json.loads((folder / name / "metrics.jsonl").read_text())
    assert metrics["step"] == STEPS, metrics
    return load_file(folder / name / "model.safetensors")


def compare_answers(gemmnist, data, folder):
    """Whether PyTorch gives the same answers with a network that gemmnist has trained."""
    run(gemmnist, "train", "--data", data, "--hidden", 128, "--epochs", 1, "--out", folder, "--name", "one", "--quiet")
    model = folder / "one" / "model.safetensors"
    report = json.loads(run(gemmnist, "eval", model, "--data", data, "--json"))
    images, labels = read_split(data, "test")

    network = torch.nn.Module()
    network.layers = torch.nn.ModuleList([torch.nn.Linear(784, 128), torch.nn.Linear(128, 10)])
    network.load_state_dict(load_file(model))
    logits = network.layers[1](network.layers[0](inputs(images)).relu())
    predicted = logits.argmax(dim=1)

    confusion = numpy.zeros((10, 10), int)
    numpy.add.at(confusion, (labels, predicted.numpy()), 1)
    ours = numpy.array(report["confusion"])
    best, second = logits.topk(2).values.T
    ties = (best - second < 1e-5).sum().item()
    print(f"\nRight of {len(labels)} test images: gemmnist {ours.trace()}, PyTorch {confusion.trace()};", end=" ")
    print(f"images whose two largest logits are within 1e-5: {ties}.")
    same = bool((ours == confusion).all())
    print("Confusion matrices: " + ("the same" if same else f"different in at least {abs(ours - confusion).sum() // 2} images"))
    return same


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
