#!/usr/bin/env python3
"""Writes tests/golden/: what PyTorch makes of nine small networks. tests/pytorch_parity.rs holds gemmnist against it.

    pip install torch==2.15.0 numpy safetensors
    python3 scripts/golden_pytorch.py --data data/mnist --out tests/golden

The data set there is the first 1,000 training and 200 test images of MNIST, every 4x4 pixels averaged to one. A network
NAME has NAME.initial.safetensors and NAME.final.safetensors, the parameters before and after 1,000 steps of batch 10 in
file order (10 epochs) at a learning rate of 0.1; pytorch.json has the losses and accuracies. The same versions on the
same kind of processor write the same bytes again; others differ in the last bits of the final parameters, which is far
inside the test's tolerance.
"""

import argparse
import json
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

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
    write_split,
)

HIDDEN = [[16], [16, 12], [16, 12, 8]]
IMAGES = {"train": 1000, "test": 200}
SEED = 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default="data/mnist", help="folder of MNIST's four files, gzip")
    arguments.add_argument("--out", type=Path, default="tests/golden", help="folder to write into")
    arguments = arguments.parse_args()
    torch.set_num_threads(1)

    digits = arguments.out / "digits-7x7"
    digits.mkdir(parents=True, exist_ok=True)
    splits = {split: small_split(arguments.data, split) for split in IMAGES}
    for split, (images, labels) in splits.items():
        write_split(digits, split, images, labels)
    networks = [
        write_network(arguments.out, activation, hidden, splits) for activation in ACTIVATIONS for hidden in HIDDEN
    ]
    golden = {
        "written_by": "scripts/golden_pytorch.py",
        "pytorch": torch.__version__.split("+")[0],
        "batch": BATCH,
        "epochs": STEPS * BATCH // IMAGES["train"],
        "learning_rate": LEARNING_RATE,
        "steps": STEPS,
        "networks": networks,
    }
    (arguments.out / "pytorch.json").write_text(json.dumps(golden, indent=2) + "\n")


def small_split(data, split):
    images, labels = (part[: IMAGES[split]] for part in read_split(data, split))
    blocks = images.reshape(len(images), 7, 4, 7, 4).astype(numpy.float64)
    return numpy.rint(blocks.mean(axis=(2, 4))).astype(numpy.uint8), labels


def write_network(out, activation, hidden, splits):
    widths = [splits["train"][0][0].size, *hidden, 10]
    name = f"{activation}-{'-'.join(map(str, widths))}"
    initial = initial_parameters(widths, activation, SEED)
    network, train_loss, train_accuracy = train(widths, activation, initial, *splits["train"])
    with torch.no_grad():
        test_images, test_labels = splits["test"]
        logits, labels = network(inputs(test_images)), torch.from_numpy(test_labels.astype(numpy.int64))
    save_file(initial, out / f"{name}.initial.safetensors")
    save_file(network.state_dict(), out / f"{name}.final.safetensors")
    print(f"{name}: every tensor moved by at least {least_distance(network.state_dict(), initial):.2f} of its norm")
    return {
        "name": name,
        "activation": activation,
        "hidden": hidden,
        "last_epoch_train_loss": train_loss.item(),
        "last_epoch_train_accuracy": train_accuracy,
        "test_loss": cross_entropy(logits, labels).item(),
        "test_accuracy": (logits.argmax(dim=1) == labels).sum().item() / len(labels),
    }


if __name__ == "__main__":
    main()
