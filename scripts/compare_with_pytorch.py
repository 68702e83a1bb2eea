#!/usr/bin/env python3
"""Trains networks with gemmnist and with PyTorch from the same weights, and holds the weights against each other.

    pip install torch numpy safetensors
    cargo build --release
    python3 scripts/compare_with_pytorch.py --gemmnist target/release/gemmnist --data data/mnist

Nine networks take 1,000 steps of batch 10 on the first 10,000 training images, in file order; then every optimizer with
every loss on every output 500 steps on the first 5,000. A row passes if no tensor is further than 1e-4 from PyTorch's
float32 result (relative Frobenius norm). The float64 columns tell rounding from a mistake: they show how far each of the
two float32 results is from the almost exact one. Then a network that gemmnist trains is loaded by PyTorch and judged on
the test images. Exit code 1 if anything differs.
"""

import argparse
import itertools
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
    DEFAULT_RATES,
    Training,
    combinations,
    initial_parameters,
    inputs,
    least_distance,
    read_split,
    train,
    worst_distance,
    write_split,
)

HIDDEN = [(128,), (128, 64), (128, 64, 32)]
TOLERANCE = 1e-4
# A weight that only L2 moves swings around 0 by RMSProp's rate, and rounding decides when it crosses: at the usual rate of
# 1e-3, PyTorch's own float32 result is further from its float64 result than is allowed here.
RMSPROP_RATE = 1e-4
SEED = 1
# Inputs of ReLUs differ by up to 1.5e-6 between float32 and float64 runs here, in most steps by less. Where rounding
# switches one, a gradient is there for one program and not for the other. Of plain SGD that is one image's share of a step,
# but three hidden layers make a fifth of the weights' norm of it in some hundred steps: also between PyTorch's own float32
# and float64. Optimizers that divide a gradient by its size make a step of full length of it.
ROUNDING = 1e-6
ROUNDING_DIVIDED = 2e-6
DIVIDING = ["rmsprop", "adam", "adamw"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gemmnist", type=Path, default="target/release/gemmnist", help="the binary")
    arguments.add_argument("--data", type=Path, default="data/mnist", help="folder of MNIST's four files, gzip")
    arguments.add_argument("--rmsprop-rate", type=float, default=RMSPROP_RATE, help="1e-3 shows rounding grow")
    arguments = arguments.parse_args()
    rates = {**DEFAULT_RATES, "rmsprop": arguments.rmsprop_rate}
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        same_steps = compare_steps(arguments.gemmnist.resolve(), arguments.data, Path(folder), rates)
        same_answers = compare_answers(arguments.gemmnist.resolve(), arguments.data, Path(folder))
    sys.exit(0 if same_steps and same_answers else 1)


def compare_steps(gemmnist, data, folder, rates):
    networks = [Training((784, *hidden, 10), activation) for activation in ACTIVATIONS for hidden in HIDDEN]
    print("| network | activation | least moved | to PyTorch f32 | to PyTorch f64 | PyTorch f32 to f64 | verdict |")
    print("|---|---|---|---|---|---|---|")
    widths = lambda training: "-".join(map(str, training.widths))
    passed = compare(gemmnist, data, folder, networks, lambda training: [widths(training), training.activation])
    columns = ["optimizer", "loss", "output", "activation", "l2", "input_bias", "class_weights"]
    print("\n| " + " | ".join(columns).replace("_", " "), end=" ")
    print("| least moved | to PyTorch f32 | to PyTorch f64 | PyTorch f32 to f64 | verdict |")
    print("|---" * (len(columns) + 5) + "|")
    describe = lambda training: [getattr(training, column) for column in columns]
    passed &= compare(gemmnist, data, folder, combinations((784, 128, 10), rates), describe)
    print(f"Worst tensor, relative Frobenius norm; pass: at most {TOLERANCE:g} to PyTorch f32.")
    return passed


def compare(gemmnist, data, folder, trainings, describe):
    """A row each."""
    passed = True
    for training in trainings:
        place = folder / f"{len(list(folder.iterdir()))}"
        images, labels = (part[: training.steps * BATCH] for part in read_split(data, "train"))
        test_images, test_labels = (part[:1000] for part in read_split(data, "test"))
        place.mkdir()
        write_split(place, "train", images, labels)
        write_split(place, "test", test_images, test_labels)
        initial, double = start_that_decides(training, images, labels)
        ours = train_with_gemmnist(gemmnist, place, training, initial)
        single = train(training, initial, images, labels)[0].state_dict()
        distance = worst_distance(ours, single)
        passed &= distance <= TOLERANCE
        print(
            f"| {' | '.join(map(str, describe(training)))} | {least_distance(ours, initial):.2g} | {distance:.1e} "
            f"| {worst_distance(ours, double):.1e} | {worst_distance(single, double):.1e} "
            f"| {'pass' if distance <= TOLERANCE else 'FAIL'} |",
            flush=True,
        )
    return passed


def start_that_decides(training, images, labels):
    """A start, and where PyTorch gets from it in float64: the first from which no ReLU comes so near to 0 on that way that
    rounding switches it."""
    rounding = ROUNDING_DIVIDED if training.optimizer in DIVIDING else ROUNDING
    for seed in itertools.count(SEED):
        initial = initial_parameters(training, seed)
        network, _ = train(training, initial, images, labels, torch.float64)
        if network.nearest_switch > rounding:
            return initial, network.state_dict()


def train_with_gemmnist(gemmnist, folder, training, initial):
    save_file(initial, folder / "initial.safetensors")
    run(
        gemmnist, "train", "--data", folder, "--init-from", folder / "initial.safetensors", *training.options(),
        "--epochs", 1, "--out", folder, "--name", "run", "--quiet",
    )  # fmt: skip
    metrics = json.loads((folder / "run" / "metrics.jsonl").read_text())
    assert metrics["step"] == training.steps, metrics
    return load_file(folder / "run" / "model.safetensors")


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
