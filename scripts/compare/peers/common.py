"""What the peers written in Python share: the work they are asked for, the data, and the conversation with compare.py.

A peer is a class: `__init__(self, work)` prepares everything, `epoch(self, order)` trains one epoch on the images in
that order and returns when it is over, `recognise(self, images)` names a class for each image. A start-up message tells the
version and what was chosen; then each line of input is `epoch` or `accuracy`.
"""

import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy


@dataclass
class Work:
    """The arguments that compare.py gives every peer, and the data."""

    layers: list
    batch: int
    optimizer: str
    rate: float
    threads: int
    images: numpy.ndarray
    labels: numpy.ndarray
    test_images: numpy.ndarray
    test_labels: numpy.ndarray

    @property
    def full_batches(self):
        return len(self.labels) // self.batch

    def initial_parameters(self):
        """Weights (in, out), normal with variance 2 / inputs as ours are, and biases of 0, layer by layer."""
        stream = numpy.random.default_rng(0)
        return [
            (stream.normal(0, math.sqrt(2 / inputs), (inputs, outputs)).astype("f4"), numpy.zeros(outputs, "f4"))
            for inputs, outputs in zip(self.layers, self.layers[1:])
        ]


def read_split(folder, split, images=None):
    labels = numpy.fromfile(folder / f"{split}-labels.u8", numpy.uint8)[:images]
    pixels = numpy.fromfile(folder / f"{split}-images.u8", numpy.uint8).reshape(-1, 784)[:images]
    return pixels / numpy.float32(255), labels.astype("i4")


def serve(peer, version):
    """Answers compare.py until it closes our input. `peer` is a class; its `detail` tells what was chosen."""
    layers, batch, optimizer, rate, images, threads, folder = sys.argv[1:8]
    folder = Path(folder)
    train, test = read_split(folder, "train", int(images)), read_split(folder, "test")
    work = Work(
        [int(width) for width in layers.split(",")], int(batch), optimizer, float(rate), int(threads), *train, *test
    )
    answers = sys.stdout
    sys.stdout = sys.stderr  # libraries greet on it
    trained = peer(work)
    say(answers, version=version, detail=trained.detail)
    stream = numpy.random.default_rng(1)
    for line in sys.stdin:
        if line.strip() == "epoch":
            started = time.perf_counter()
            trained.epoch(stream.permutation(len(work.labels)).astype("i4"))
            say(answers, seconds=time.perf_counter() - started)
        else:
            classes = numpy.asarray(trained.recognise(work.test_images))
            say(answers, accuracy=float((classes == work.test_labels).mean()))


def say(answers, **what):
    print(json.dumps(what), file=answers, flush=True)


def blas_in_use():
    """Which BLAS and kernel NumPy calls, for `detail`."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return ", ".join(f"{p['internal_api']} {p['version']} {p.get('architecture', '')}, {p['num_threads']} threads" for p in pools)
