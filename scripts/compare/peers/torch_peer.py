"""PyTorch: tensors loaded once, an ordinary loop; `compiled` passes the network with its loss through torch.compile."""

import sys

import torch
from common import serve
from torch import nn
from torch.nn.functional import cross_entropy


class Perceptron:
    def __init__(self, work):
        torch.set_num_threads(work.threads)
        torch.set_float32_matmul_precision("highest")
        self.work = work
        self.images, self.labels = torch.from_numpy(work.images), torch.from_numpy(work.labels).long()
        layers = []
        for i, (w, b) in enumerate(work.initial_parameters()):
            layer = nn.Linear(*w.shape)
            layer.weight.data, layer.bias.data = torch.from_numpy(w.T.copy()), torch.from_numpy(b)
            layers += [layer, nn.ReLU()] if i + 2 < len(work.layers) else [layer]
        self.network = nn.Sequential(*layers)
        parameters = self.network.parameters()
        rule = torch.optim.SGD if work.optimizer == "sgd" else torch.optim.Adam
        self.optimizer = rule(parameters, lr=work.rate, fused=True)
        compiled = sys.argv[8:] == ["compiled"]
        self.loss = torch.compile(self.mean_loss) if compiled else self.mean_loss
        self.detail = "torch.compile, fused optimizer" if compiled else "eager, fused optimizer"

    def mean_loss(self, x, labels):
        return cross_entropy(self.network(x), labels)

    def epoch(self, order):
        for chosen in torch.from_numpy(order).split(self.work.batch):
            self.optimizer.zero_grad()
            self.loss(self.images[chosen], self.labels[chosen]).backward()
            self.optimizer.step()

    @torch.no_grad()
    def recognise(self, images):
        return self.network(torch.from_numpy(images)).argmax(1).numpy()


serve(Perceptron, torch.__version__)
