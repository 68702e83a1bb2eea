"""The same perceptron and the same steps in PyTorch: what compare_with_pytorch.py and golden_pytorch.py share.

Not a command. Needs torch, numpy and safetensors (`pip install torch numpy safetensors`).
"""

import gzip
import itertools
import math
import struct
from dataclasses import dataclass

import numpy
import torch
from torch import nn

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
# Keeps activations and gradients alive through three layers, so that every layer learns in 1,000 steps and a mistake in
# any of them shows; 4 makes up for the sigmoid's slope of 1/4.
GAINS = {"relu": math.sqrt(2), "sigmoid": 4.0, "tanh": 1.0}
BATCH, LEARNING_RATE, STEPS = 10, 0.1, 1000
# What gemmnist starts each optimizer with.
DEFAULT_RATES = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}
# Logits that two float32 programs may order differently: a hundred times what they differ by here.
NEAR = 1e-4


@dataclass(frozen=True)
class Training:
    """What gemmnist is asked for; the fields are named as its options."""

    widths: tuple
    activation: str
    steps: int = STEPS
    optimizer: str = "sgd"
    loss: str = "cross-entropy"
    output: str = "softmax"
    learning_rate: float = LEARNING_RATE
    l2: float = 0.0
    input_bias: str = "none"
    class_weights: str = "none"

    @property
    def name(self):
        return f"{self.optimizer}/{self.loss}/{self.output}"

    def options(self):
        """As they are typed."""
        return [
            "--hidden", ",".join(map(str, self.widths[1:-1])), "--activation", self.activation,
            "--optimizer", self.optimizer, "--loss", self.loss, "--output", self.output,
            "--lr", self.learning_rate, "--l2", self.l2, "--input-bias", self.input_bias,
            "--class-weights", self.class_weights, "--batch", BATCH, "--no-shuffle",
        ]  # fmt: skip


def combinations(widths, rates):
    """Every optimizer with every loss on every output, 500 steps each; what else there is is varied over them, so that
    every optimizer meets each. No input bias with ReLU: where many images have the same byte in a pixel, it switches for
    all of them at once, and rounding decides in which step. And none with sigmoid: inputs near 0.5 make the curvature so
    large that the usual rates are unstable, and rounding grows from step to step."""
    for (o, optimizer), (l, loss), (p, output) in itertools.product(
        enumerate(rates), enumerate(["cross-entropy", "mse", "squared-error"]), enumerate(["softmax", "sigmoid"])
    ):
        yield Training(
            widths,
            list(ACTIVATIONS)[(o + l + p) % 3],
            500,
            optimizer,
            loss,
            output,
            rates[optimizer],
            l2=[0.0, 1e-3][(o + l) % 2],
            input_bias=["none", "tanh", "identity"][(o + 2 * l + p) % 3],
            class_weights=["none", "balanced"][(o + p) % 2],
        )


class InputBias(nn.Module):
    def __init__(self, inputs, activation):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(inputs))
        self.activation = ACTIVATIONS.get(activation, lambda x: x)

    def forward(self, x):
        return self.activation(x + self.bias)


class Perceptron(nn.Module):
    """Its state_dict has the names and shapes of a model.safetensors of gemmnist.

    `nearest_switch` is the input of a ReLU that was nearest to 0, where its derivative jumps, in all passes so far.
    """

    def __init__(self, training):
        super().__init__()
        self.activation = ACTIVATIONS[training.activation]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(training.widths, training.widths[1:]))
        biased = training.input_bias != "none"
        self.input = InputBias(training.widths[0], training.input_bias) if biased else nn.Identity()
        self.nearest_switch = math.inf

    def forward(self, x):
        x = self.input(x)
        for layer in self.layers[:-1]:
            z = layer(x)
            x = self.activation(z)
            if self.activation is torch.relu:
                self.nearest_switch = min(self.nearest_switch, z.detach().abs().min().item())
        return self.layers[-1](x)


def initial_parameters(training, seed):
    """Of a fixed seed; biases are not 0, so that leaving them out would show."""
    torch.manual_seed(seed)
    network = Perceptron(training)
    for layer in network.layers:
        nn.init.xavier_normal_(layer.weight, GAINS[training.activation])
        nn.init.uniform_(layer.bias, -0.1, 0.1)
    for bias in network.input.parameters():
        nn.init.uniform_(bias, -0.1, 0.1)
    return clone(network.state_dict())


def losses(training, logits, labels):
    """Of each image."""
    y = nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    if training.loss == "cross-entropy" and training.output == "softmax":
        return nn.functional.cross_entropy(logits, labels, reduction="none")
    if training.loss == "cross-entropy":
        return nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none").sum(1)
    p = logits.softmax(1) if training.output == "softmax" else logits.sigmoid()
    return {"mse": 0.5, "squared-error": 1.0}[training.loss] * ((p - y) ** 2).sum(1)


def weights_by_class(training, labels, classes, dtype):
    """As scikit-learn's "balanced"."""
    if training.class_weights == "none":
        return torch.ones(classes, dtype=dtype)
    return (len(labels) / (classes * torch.bincount(labels, minlength=classes).double())).to(dtype)


def optimizer_of(training, network):
    """L2 acts on weights, not on biases."""
    named = list(network.named_parameters())
    groups = [
        {"params": [p for name, p in named if name.endswith("weight")], "weight_decay": training.l2},
        {"params": [p for name, p in named if name.endswith("bias")], "weight_decay": 0.0},
    ]
    lr = training.learning_rate
    return {
        "sgd": lambda: torch.optim.SGD(groups, lr=lr),
        "momentum": lambda: torch.optim.SGD(groups, lr=lr, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=lr),
        "adam": lambda: torch.optim.Adam(groups, lr=lr),
        "adamw": lambda: torch.optim.AdamW(groups, lr=lr),
    }[training.optimizer]()


@dataclass(frozen=True)
class Judged:
    """Images before the network learnt from them, or without."""

    loss: float
    accuracy: float
    ties: int
    """Those whose two largest logits are so near that rounding may choose: two programs may disagree on them."""

    @staticmethod
    def of(losses, logits, labels):
        best, second = logits.topk(2).values.T
        right = (logits.argmax(1) == labels).sum().item()
        return Judged(losses.mean().item(), right / len(labels), (best - second < NEAR).sum().item())


def train(training, initial, images, labels, dtype=torch.float32):
    """Steps in the order of the images, starting again at the first after the last.

    Returns the network, and how it did in the last pass.
    """
    network = Perceptron(training).to(dtype)
    network.load_state_dict(initial)
    optimizer = optimizer_of(training, network)
    x, labels = inputs(images, dtype), torch.from_numpy(labels.astype(numpy.int64))
    weights = weights_by_class(training, labels, training.widths[-1], dtype)
    steps_a_pass = len(x) // BATCH
    all_losses, all_logits = [], []
    for step in range(training.steps):
        start = step % steps_a_pass * BATCH
        batch, expected = x[start : start + BATCH], labels[start : start + BATCH]
        optimizer.zero_grad()
        logits = network(batch)
        each, weight = losses(training, logits, expected), weights[expected]
        ((weight * each).sum() / weight.sum()).backward()
        optimizer.step()
        all_losses.append(each.detach())
        all_logits.append(logits.detach())
    last = slice(-steps_a_pass, None)
    return network, Judged.of(torch.cat(all_losses[last]), torch.cat(all_logits[last]), labels[: steps_a_pass * BATCH])


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
