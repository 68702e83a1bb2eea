"""TensorFlow: the whole epoch is one function that XLA compiles, its loop over the batches included."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import sys  # noqa: E402

import tensorflow as tf  # noqa: E402
from common import serve  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[6]))
tf.config.threading.set_inter_op_parallelism_threads(1)


class Perceptron:
    def __init__(self, work):
        self.detail = "one tf.function(jit_compile=True) an epoch"
        self.work = work
        self.images, self.labels = tf.constant(work.images), tf.constant(work.labels)
        self.layers = [(tf.Variable(w), tf.Variable(b)) for w, b in work.initial_parameters()]
        self.parameters = [parameter for layer in self.layers for parameter in layer]
        self.moments = [(tf.Variable(tf.zeros_like(p)), tf.Variable(tf.zeros_like(p))) for p in self.parameters]
        self.steps = tf.Variable(0.0)
        self.train = tf.function(self.train_epoch, jit_compile=True)

    def logits(self, x):
        for w, b in self.layers[:-1]:
            x = tf.nn.relu(x @ w + b)
        w, b = self.layers[-1]
        return x @ w + b

    def step(self, images, labels, chosen):
        with tf.GradientTape() as tape:
            scores = self.logits(tf.gather(images, chosen))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, chosen), scores)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, self.parameters)
        if self.work.optimizer == "sgd":
            for parameter, gradient in zip(self.parameters, gradients):
                parameter.assign_sub(self.work.rate * gradient)
            return
        self.steps.assign_add(1.0)
        scale = self.work.rate / (1 - 0.9**self.steps)
        spread = 1 - 0.999**self.steps
        for parameter, gradient, (mean, square) in zip(self.parameters, gradients, self.moments):
            mean.assign(0.9 * mean + 0.1 * gradient)
            square.assign(0.999 * square + 0.001 * gradient * gradient)
            parameter.assign_sub(scale * mean / (tf.sqrt(square / spread) + 1e-8))

    def train_epoch(self, images, labels, order):
        full = self.work.full_batches * self.work.batch
        batches = tf.reshape(order[:full], [-1, self.work.batch])
        for i in tf.range(self.work.full_batches):
            self.step(images, labels, batches[i])
        if full < len(self.work.labels):
            self.step(images, labels, order[full:])

    def epoch(self, order):
        self.train(self.images, self.labels, tf.constant(order))
        self.parameters[0].numpy()  # returns when all is done

    def recognise(self, images):
        return self.logits(tf.constant(images)).numpy().argmax(axis=1)


serve(Perceptron, tf.__version__)
