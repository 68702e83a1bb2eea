#!/usr/bin/env python3
"""Writes tests/golden/: what PyTorch makes of small networks. tests/pytorch_parity.rs holds gemmnist against it.

    pip install torch==2.15.0 numpy safetensors
    python3 scripts/golden_pytorch.py --data data/mnist --out tests/golden

The data set there is the first 1,000 training and 200 test images of MNIST, every 4x4 pixels averaged to one. A network
NAME has NAME.initial.safetensors and NAME.final.safetensors, the parameters before and after 1,000 steps of batch 10 in
file order (10 epochs) at a learning rate of 0.1; pytorch.json has the losses and accuracies. The same versions on the
same kind of processor write the same bytes again; others differ in the last bits of the final parameters, which is far
inside the test's tolerance.

combinations.json has every optimizer with every loss on every output, and combinations.safetensors the parameters of each
after 500 steps (adam/mse/softmax/layers.0.weight), and before (initial/RELU-WITH-INPUT-BIAS/layers.0.weight).
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

from torch_twin import (
    ACTIVATIONS,
    BATCH,
    DEFAULT_RATES,
    LEARNING_RATE,
    STEPS,
    Judged,
    Training,
    combinations,
    initial_parameters,
    inputs,
    least_distance,
    losses,
    read_split,
    train,
    worst_distance,
    write_split,
)

HIDDEN = [(16,), (16, 12), (16, 12, 8)]
COMBINATIONS = (49, 8, 10)
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
    write_combinations(arguments.out, *splits["train"])


def small_split(data, split):
    images, labels = (part[: IMAGES[split]] for part in read_split(data, split))
    blocks = images.reshape(len(images), 7, 4, 7, 4).astype(numpy.float64)
    return numpy.rint(blocks.mean(axis=(2, 4))).astype(numpy.uint8), labels


def write_network(out, activation, hidden, splits):
    training = Training((splits["train"][0][0].size, *hidden, 10), activation)
    name = f"{activation}-{'-'.join(map(str, training.widths))}"
    initial = initial_parameters(training, SEED)
    network, last_epoch = train(training, initial, *splits["train"])
    with torch.no_grad():
        images, labels = splits["test"]
        logits, labels = network(inputs(images)), torch.from_numpy(labels.astype(numpy.int64))
        test = Judged.of(losses(training, logits, labels), logits, labels)
    save_file(initial, out / f"{name}.initial.safetensors")
    save_file(network.state_dict(), out / f"{name}.final.safetensors")
    print(f"{name}: every tensor moved by at least {least_distance(network.state_dict(), initial):.2f} of its norm")
    return {
        "name": name,
        "activation": activation,
        "hidden": hidden,
        "last_epoch_train_loss": last_epoch.loss,
        "last_epoch_train_accuracy": last_epoch.accuracy,
        "last_epoch_train_ties": last_epoch.ties,
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_ties": test.ties,
    }


def write_combinations(out, images, labels):
    tensors, rows = {}, []
    for training in combinations(COMBINATIONS, DEFAULT_RATES):
        initial = initial_parameters(training, SEED)
        start = f"initial/{training.activation}{'' if training.input_bias == 'none' else '-with-input-bias'}"
        final = train(training, initial, images, labels)[0].state_dict()
        exact = train(training, initial, images, labels, torch.float64)[0].state_dict()
        moved = least_distance(final, initial)
        rounding = worst_distance(final, exact)
        print(f"{training.name}: every tensor moved by at least {moved:.2g} of its norm, f64 is {rounding:.1e} away")
        tensors |= {f"{start}/{name}": tensor for name, tensor in initial.items()}
        tensors |= {f"{training.name}/{name}": tensor for name, tensor in final.items()}
        rows.append({**asdict(training), "start": start, "name": training.name})
    save_file(tensors, out / "combinations.safetensors")
    golden = {"written_by": "scripts/golden_pytorch.py", "pytorch": torch.__version__.split("+")[0], "batch": BATCH}
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    head = json.dumps(golden, indent=2)[:-2]
    (out / "combinations.json").write_text(f'{head},\n  "combinations": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
