"""JAX: the whole epoch is one compiled scan over its batches; the short last batch is a step behind it."""

import os

import numpy

threads = int(__import__("sys").argv[6])
os.environ["JAX_PLATFORMS"] = "cpu"
if threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from common import serve  # noqa: E402


def logits(parameters, x):
    for w, b in parameters[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = parameters[-1]
    return x @ w + b


def mean_loss(parameters, x, labels):
    scores = jax.nn.log_softmax(logits(parameters, x))
    return -jnp.take_along_axis(scores, labels[:, None], axis=1).mean()


def sgd(rate, parameters, gradients, state):
    return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), state


def adam(rate, parameters, gradients, state):
    means, squares, step = state
    step = step + 1
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)
    scale, spread = rate / (1 - 0.9**step), 1 - 0.999**step
    moved = jax.tree.map(lambda p, m, v: p - scale * m / (jnp.sqrt(v / spread) + 1e-8), parameters, means, squares)
    return moved, (means, squares, step)


class Perceptron:
    def __init__(self, work):
        self.detail = "one jit of a scan an epoch"
        self.work = work
        self.images, self.labels = jnp.asarray(work.images), jnp.asarray(work.labels)
        parameters = jax.tree.map(jnp.asarray, work.initial_parameters())
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        self.training = parameters, (zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
        update = {"sgd": sgd, "adam": adam}[work.optimizer]
        full = work.full_batches * work.batch

        def epoch(training, images, labels, order):
            def step(training, chosen):
                parameters, state = training
                gradients = jax.grad(mean_loss)(parameters, images[chosen], labels[chosen])
                return update(work.rate, parameters, gradients, state), None

            training, _ = jax.lax.scan(step, training, order[:full].reshape(-1, work.batch))
            return step(training, order[full:])[0] if full < len(order) else training

        self.train = jax.jit(epoch, donate_argnums=0)

    def epoch(self, order):
        self.training = jax.block_until_ready(self.train(self.training, self.images, self.labels, order))

    def recognise(self, images):
        return numpy.asarray(jax.jit(logits)(self.training[0], images).argmax(axis=1))


serve(Perceptron, jax.__version__)
