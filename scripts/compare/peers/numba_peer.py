"""Numba: the whole epoch is one compiled function. `blas` gives every product to BLAS; `sparse` computes those of the first layer
in loops that skip the pixels of an image that are zero."""

import sys

import numba
import numpy
from common import blas_in_use, serve

compiled = numba.njit(fastmath=True, error_model="numpy")


@compiled
def multiply_sparse(x, w, y):
    y[:] = 0
    for i in range(x.shape[0]):
        for p in range(x.shape[1]):
            value = x[i, p]
            if value != 0:
                for o in range(w.shape[1]):
                    y[i, o] += value * w[p, o]


@compiled
def add_product_sparse(alpha, x, delta, w):
    for i in range(x.shape[0]):
        for p in range(x.shape[1]):
            value = alpha * x[i, p]
            if value != 0:
                for o in range(w.shape[1]):
                    w[p, o] += value * delta[i, o]


@compiled
def add_bias_and_activate(y, b, hidden):
    for i in range(y.shape[0]):
        for o in range(y.shape[1]):
            value = y[i, o] + b[o]
            y[i, o] = max(value, numpy.float32(0)) if hidden else value


@compiled
def softmax_minus_target(logits, labels, delta):
    for i in range(logits.shape[0]):
        largest = logits[i].max()
        total = numpy.float32(0)
        for k in range(logits.shape[1]):
            delta[i, k] = numpy.exp(logits[i, k] - largest)
            total += delta[i, k]
        for k in range(logits.shape[1]):
            delta[i, k] /= total
        delta[i, labels[i]] -= numpy.float32(1)
        for k in range(logits.shape[1]):
            delta[i, k] /= numpy.float32(logits.shape[0])


@compiled
def adam(rate, step, gradient, mean, square, parameter):
    scale = numpy.float32(rate / (1 - 0.9**step))
    spread = numpy.float32(1 / (1 - 0.999**step))
    for i in range(parameter.size):
        g = gradient.flat[i]
        m = numpy.float32(0.9) * mean.flat[i] + numpy.float32(0.1) * g
        v = numpy.float32(0.999) * square.flat[i] + numpy.float32(0.001) * g * g
        mean.flat[i], square.flat[i] = m, v
        parameter.flat[i] -= scale * m / (numpy.sqrt(v * spread) + numpy.float32(1e-8))


@compiled
def train_epoch(images, labels, order, batch, rate, is_adam, sparse, step, ws, bs, ys, deltas, d_ws, d_bs, moments_w, moments_b):
    layers = len(ws)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        count = len(chosen)
        x = ys[0][:count]
        for i in range(count):
            x[i] = images[chosen[i]]
        for layer in range(layers):
            y = ys[layer + 1][:count]
            if sparse and layer == 0:
                multiply_sparse(x, ws[0], y)
            else:
                numpy.dot(ys[layer][:count], ws[layer], y)
            add_bias_and_activate(y, bs[layer], layer + 1 < layers)
        softmax_minus_target(ys[layers][:count], labels[chosen], deltas[layers][:count])
        step += 1
        for layer in range(layers - 1, -1, -1):
            x, delta = ys[layer][:count], deltas[layer + 1][:count]
            if layer > 0:
                back = deltas[layer][:count]
                numpy.dot(delta, ws[layer].T, back)
                for i in range(count):
                    for o in range(back.shape[1]):
                        if x[i, o] <= 0:
                            back[i, o] = 0
            d_b = d_bs[layer]
            d_b[:] = 0
            for i in range(count):
                for o in range(len(d_b)):
                    d_b[o] += delta[i, o]
            if sparse and layer == 0 and not is_adam:
                add_product_sparse(-rate, x, delta, ws[0])
                bs[0][:] -= rate * d_b
                continue
            d_w = d_ws[layer]
            if sparse and layer == 0:
                d_w[:] = 0
                add_product_sparse(numpy.float32(1), x, delta, d_w)
            else:
                numpy.dot(x.T, delta, d_w)
            if is_adam:
                adam(rate, step, d_w, moments_w[0][layer], moments_w[1][layer], ws[layer])
                adam(rate, step, d_b, moments_b[0][layer], moments_b[1][layer], bs[layer])
            else:
                for i in range(d_w.shape[0]):
                    for o in range(d_w.shape[1]):
                        ws[layer][i, o] -= rate * d_w[i, o]
                bs[layer][:] -= rate * d_b
    return step


class Perceptron:
    def __init__(self, work):
        self.work = work
        self.sparse = sys.argv[8:] == ["sparse"]
        self.detail = f"{'skips zero pixels' if self.sparse else 'every product by BLAS'}; {blas_in_use()}"
        self.ws, self.bs = (tuple(side) for side in zip(*work.initial_parameters()))
        rooms = lambda: tuple(numpy.zeros((work.batch, width), "f4") for width in work.layers)  # noqa: E731
        like = lambda arrays: tuple(numpy.zeros_like(a) for a in arrays)  # noqa: E731
        self.ys, self.deltas, self.d_ws, self.d_bs = rooms(), rooms(), like(self.ws), like(self.bs)
        self.moments = [(like(side), like(side)) for side in (self.ws, self.bs)]
        self.step = 0

    def epoch(self, order):
        work = self.work
        self.step = train_epoch(
            work.images, work.labels, order, work.batch, numpy.float32(work.rate), work.optimizer == "adam", self.sparse,
            self.step, self.ws, self.bs, self.ys, self.deltas, self.d_ws, self.d_bs, *self.moments,
        )  # fmt: skip

    def recognise(self, images):
        for i, (w, b) in enumerate(zip(self.ws, self.bs)):
            images = images @ w + b
            if i + 1 < len(self.ws):
                images = numpy.maximum(images, 0)
        return images.argmax(axis=1)


serve(Perceptron, numba.__version__)
