#!/usr/bin/env python3
"""Prints the values that tests/optimizers.rs expects, from torch.optim.

    pip install torch
    python3 scripts/golden_optimizers.py

One layer of 2 inputs and 1 output, weights 0.5 and -1, bias 2, takes four steps along fixed gradients; PyTorch's
weight_decay acts on the weights only.
"""

import torch

GRADIENTS = [(0.1, -0.2, 0.3), (-0.4, 0.05, 0.3), (0.02, 0.9, -0.6), (0.0, -0.3, 0.01)]
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.1),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.1),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1),
}

for name, make in OPTIMIZERS.items():
    for decay in (0.0, 0.25):
        weights = torch.tensor([0.5, -1.0], requires_grad=True)
        bias = torch.tensor([2.0], requires_grad=True)
        optimizer = make([{"params": [weights], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}])
        for gradient in GRADIENTS:
            weights.grad, bias.grad = torch.tensor(gradient[:2]), torch.tensor(gradient[2:])
            optimizer.step()
        values = [*weights.tolist(), *bias.tolist()]
        print(f'    ("{name}", {decay}, [{", ".join(f"{value:.8}" for value in values)}]),')
