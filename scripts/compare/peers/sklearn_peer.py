"""scikit-learn: MLPClassifier.partial_fit on the whole data set, which is an epoch in an order of its own."""

import warnings

import numpy
import sklearn
from common import blas_in_use, serve
from sklearn.neural_network import MLPClassifier


class Classifier:
    def __init__(self, work):
        self.work = work
        self.detail = f"partial_fit; {blas_in_use()}"
        warnings.simplefilter("ignore")
        self.network = MLPClassifier(
            work.layers[1:-1],
            solver=work.optimizer,
            learning_rate_init=work.rate,
            batch_size=work.batch,
            alpha=0,
            momentum=0,
            nesterovs_momentum=False,
            random_state=0,
        )
        # The first call builds the network and takes a step; then it starts over from the common initial values.
        self.network.partial_fit(work.images[: work.batch], work.labels[: work.batch], classes=numpy.arange(10))
        for (w, b), weights, bias in zip(work.initial_parameters(), self.network.coefs_, self.network.intercepts_):
            weights[:], bias[:] = w, b
        rule = self.network._optimizer
        if work.optimizer == "adam":
            rule.t = 0
            for moment in rule.ms + rule.vs:
                moment[:] = 0

    def epoch(self, order):
        self.network.partial_fit(self.work.images, self.work.labels)  # it shuffles by itself

    def recognise(self, images):
        return self.network.predict(images)


serve(Classifier, sklearn.__version__)
