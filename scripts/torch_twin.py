"""The same perceptron and the same steps in PyTorch: what compare_with_pytorch.py and golden_pytorch.py share.

Not a command. Needs torch, numpy and safetensors (`pip install torch numpy safetensors`).
"""

import gzip
import math
import struct

import numpy
import torch
from torch import nn
from torch.nn.functional import cross_entropy

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
# Keeps activations and gradients alive through three layers, so that every layer learns in 1,000 steps and a mistake in
# any of them shows; 4 makes up for the sigmoid's slope of 1/4.
GAINS = {"relu": math.sqrt(2), "sigmoid": 4.0, "tanh": 1.0}
BATCH, LEARNING_RATE, STEPS = 10, 0.1, 1000


class Perceptron(nn.Module):
    """Its state_dict has the names and shapes of a model.safetensors of gemmnist."""

    def __init__(self, widths, activation):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def initial_parameters(widths, activation, seed):
    """Of a fixed seed; biases are not 0, so that leaving them out would show."""
    torch.manual_seed(seed)
    network = Perceptron(widths, activation)
    for layer in network.layers:
        nn.init.xavier_normal_(layer.weight, GAINS[activation])
        nn.init.uniform_(layer.bias, -0.1, 0.1)
    return clone(network.state_dict())


def train(widths, activation, initial, images, labels, dtype=torch.float32):
    """STEPS steps in the order of the images, starting again at the first after the last.

    Returns the network and, for each image of the last pass, its mean loss and whether it was right before the step.
    """
    network = Perceptron(widths, activation).to(dtype)
    network.load_state_dict(initial)
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    x, labels = inputs(images, dtype), torch.from_numpy(labels.astype(numpy.int64))
    steps_a_pass = len(x) // BATCH
    losses, right = [], []
    for step in range(STEPS):
        start = step % steps_a_pass * BATCH
        batch, expected = x[start : start + BATCH], labels[start : start + BATCH]
        optimizer.zero_grad()
        logits = network(batch)
        loss = cross_entropy(logits, expected)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        right.append((logits.argmax(1) == expected).sum().item())
    last = slice(-steps_a_pass, None)
    return network, numpy.mean(losses[last]), sum(right[last]) / len(x)


def inputs(images, dtype=torch.float32):
    return torch.from_numpy(images.reshape(len(images), -1).copy()).to(dtype) / 255


def clone(state):
    return {name: tensor.clone() for name, tensor in state.items()}


def worst_distance(a, b):
    """The largest relative Frobenius norm ‖a - b‖ / ‖b‖ of their tensors, taken in float64."""
    assert a.keys() == b.keys(), (a.keys(), b.keys())
    return max(((a[name].double() - b[name].double()).norm() / b[name].double().norm()).item() for name in b)


def least_distance(a, b):
    """The smallest: how far the laziest tensor has moved."""
    return min(((a[name].double() - b[name].double()).norm() / b[name].double().norm()).item() for name in b)


def read_split(folder, split):
    """Images (N, height, width) and labels (N,) as bytes."""
    return tuple(read_idx(folder / f"{name}.gz") for name in FILES[split])


def read_idx(path):
    content = gzip.decompress(path.read_bytes())
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def write_split(folder, split, images, labels):
    """Packed without a time stamp: the same bytes every time."""
    for name, values in zip(FILES[split], (images, labels)):
        header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
        packed = gzip.compress(header + values.astype(numpy.uint8).tobytes(), 9, mtime=0)
        (folder / f"{name}.gz").write_bytes(packed)
