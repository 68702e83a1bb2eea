"""gemmnist, by its command: an epoch is the second one of a run of two, so that nobody's first one is measured."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from works import Work  # noqa: E402

layers, batch, optimizer, rate, images, threads, folder, binary = sys.argv[1:]
work = Work("", tuple(map(int, layers.split(","))), int(batch), optimizer, float(rate), int(images))
folder = Path(folder) / f"idx-{images}"
options = [*work.options(), "--data", str(folder), "--threads", threads, "--quiet"]


def train(epochs, seed):
    """What its run folder says of the last epoch."""
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "train", *options, "--epochs", str(epochs), "--seed", str(seed), "--out", out, "--name", "run"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads((Path(out) / "run" / "metrics.jsonl").read_text().splitlines()[-1])


def say(**what):
    print(json.dumps(what), flush=True)


version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
doctor = subprocess.run([binary, "doctor"], capture_output=True, text=True).stdout.splitlines()
about = [" ".join(line.split()[1:]) for line in doctor if line.startswith(("BLAS", "kernels"))]
say(version=version, detail="; ".join(about))
epochs = 0
for line in sys.stdin:
    if line.strip() == "epoch":
        epochs += 1
        say(seconds=train(2, seed=epochs)["train_seconds"])
    else:
        say(accuracy=train(max(epochs, 1), seed=1)["test_accuracy"])
