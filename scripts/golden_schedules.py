#!/usr/bin/env python3
"""Writes tests/golden/schedules.json: the rate of every step by torch.optim.lr_scheduler, for tests/schedules.rs.

    pip install torch==2.15.0
    python3 scripts/golden_schedules.py

Cosine, one-cycle and the warm-up are stepped after every step, step and plateau after every epoch, as the documentation of
each has it. The warm-up is LinearLR from 1 / (warmup + 1); cosine and one-cycle follow it in a SequentialLR.
"""

import argparse
import json
import warnings
from pathlib import Path

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR, ReduceLROnPlateau, SequentialLR, StepLR

# Falls, stands, falls by less than the threshold, stands for long, falls again, rises.
LOSSES = [1.0, 0.9, 0.95, 0.9, 0.89995, 0.9, 0.92, 0.93, 0.91, 0.9, 0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
CASES = [
    # name, learning rate, warmup, every, factor, epochs, steps an epoch
    ("constant", 0.1, 0, 10, 0.1, 2, 3),
    ("constant", 0.1, 5, 10, 0.1, 2, 4),
    ("step", 0.1, 0, 2, 0.3, 7, 3),
    ("step", 0.1, 10, 1, 0.5, 6, 4),
    ("cosine", 0.1, 0, 10, 0.1, 3, 7),
    ("cosine", 0.01, 6, 10, 0.1, 3, 7),
    ("one-cycle", 0.1, 0, 10, 0.1, 5, 8),
    ("one-cycle", 0.1, 7, 10, 0.1, 4, 8),
    ("one-cycle", 1.0, 0, 10, 0.1, 1, 1),
    ("one-cycle", 1.0, 0, 10, 0.1, 1, 2),
    ("one-cycle", 1.0, 0, 10, 0.1, 1, 4),
    ("plateau", 0.1, 0, 2, 0.1, 20, 2),
    ("plateau", 0.1, 7, 1, 0.5, 20, 2),
    ("plateau", 1e-7, 0, 1, 0.2, 20, 1),
]


def rates(name, learning_rate, warmup, every, factor, epochs, steps_an_epoch):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate)
    steps = epochs * steps_an_epoch
    each_step, each_epoch = [], []
    if name == "cosine":
        each_step.append(CosineAnnealingLR(optimizer, steps - warmup))
    if name == "one-cycle":
        each_step.append(OneCycleLR(optimizer, learning_rate, steps - warmup, cycle_momentum=False))
    if warmup > 0:
        each_step.insert(0, LinearLR(optimizer, 1 / (warmup + 1), 1, warmup))
    if len(each_step) == 2:
        each_step = [SequentialLR(optimizer, each_step, [warmup])]
    if name == "step":
        each_epoch.append(StepLR(optimizer, every, factor))
    plateau = ReduceLROnPlateau(optimizer, factor=factor, patience=every) if name == "plateau" else None
    for epoch in range(epochs):
        for _ in range(steps_an_epoch):
            yield optimizer.param_groups[0]["lr"]
            optimizer.step()
            for scheduler in each_step:
                scheduler.step()
        for scheduler in each_epoch:
            scheduler.step()
        if plateau:
            plateau.step(LOSSES[epoch])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default="tests/golden", help="folder to write into")
    arguments = arguments.parse_args()
    keys = ["schedule", "learning_rate", "warmup", "every", "factor", "epochs", "steps_an_epoch"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OneCycleLR ends with its last step, and SequentialLR calls an old form of step
        cases = [{**dict(zip(keys, case)), "rates": list(rates(*case))} for case in CASES]
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    (arguments.out / "schedules.json").write_text(
        f'{{\n  "written_by": "scripts/golden_schedules.py",\n  "pytorch": "{torch.__version__.split("+")[0]}",\n'
        f'  "losses": {json.dumps(LOSSES)},\n  "cases": [\n{lines}\n  ]\n}}\n'
    )


if __name__ == "__main__":
    main()
