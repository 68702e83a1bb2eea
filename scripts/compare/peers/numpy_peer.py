"""NumPy by hand: the products go to its BLAS, and what can be done in place is."""

import numpy
from common import blas_in_use, serve


class Perceptron:
    def __init__(self, work):
        self.work = work
        self.detail = blas_in_use()
        self.parameters = work.initial_parameters()
        self.targets = numpy.eye(10, dtype="f4")[work.labels]
        self.moments = [[(numpy.zeros_like(p), numpy.zeros_like(p)) for p in layer] for layer in self.parameters]
        self.steps = 0

    def epoch(self, order):
        batch = self.work.batch
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            self.step(self.work.images[chosen], self.targets[chosen])

    def forward(self, x):
        activations = [x]
        for w, b in self.parameters:
            x = x @ w
            x += b
            if w.shape[1] != 10:
                numpy.maximum(x, 0, out=x)
            activations.append(x)
        return activations

    def step(self, x, target):
        *activations, delta = self.forward(x)
        delta -= delta.max(axis=1, keepdims=True)
        numpy.exp(delta, out=delta)
        delta /= delta.sum(axis=1, keepdims=True)
        delta -= target
        delta /= len(target)
        self.steps += 1
        for layer in reversed(range(len(self.parameters))):
            x, w = activations[layer], self.parameters[layer][0]
            gradients = x.T @ delta, delta.sum(axis=0)
            if layer:
                delta = delta @ w.T
                delta *= x > 0
            self.update(layer, gradients)

    def update(self, layer, gradients):
        for parameter, gradient, (mean, square) in zip(self.parameters[layer], gradients, self.moments[layer]):
            if self.work.optimizer == "adam":
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                rate = self.work.rate / (1 - 0.9**self.steps)
                gradient = mean / (numpy.sqrt(square / (1 - 0.999**self.steps)) + 1e-8)
                gradient *= rate
            else:
                gradient *= self.work.rate
            parameter -= gradient

    def recognise(self, images):
        return self.forward(images)[-1].argmax(axis=1)


serve(Perceptron, numpy.__version__)
