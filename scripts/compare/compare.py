"""Trains the same networks with gemmnist and with its peers, in turn, and writes what it measured to a dated folder.

Everybody gets the same images as float32 in memory (ours: its bytes), the same network, initial distribution, batch size,
optimizer and rate, sees every image once an epoch in a fresh order, the short last batch too, and may use the same cores.
Each peer is a process that trains one epoch when it is told to; the first epoch, in which some compile, is not counted.
Then all take turns, epoch by epoch, each round begun by another, so that a busy moment of the machine meets everybody; the
median is shown. Reading data and judging are not in the times. Accuracy is that on the test images, after all of these epochs.
"""

import argparse
import contextlib
import fcntl
import gzip
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

from peers import TREE, Conversation, Failed, everyone
from report import Figures, write_report
from works import WORKS

FILES = {"train": "train", "test": "t10k"}


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/compare/run.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0))
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gemmnist-compare"
    works = "; ".join(f"{work.key}: {work.title}" for work in WORKS.values()).replace("%", "%%")
    names = ", ".join(everyone(None))
    parser.add_argument("--peers", help=f"names, separated by commas [default: all of {names}]")
    parser.add_argument("--works", default="a,b,c", help=f"{works} [default: %(default)s]")
    parser.add_argument("--threads", default=f"1,{cores}" if cores > 1 else "1", help="[default: %(default)s]")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each that are measured [default: %(default)s]")
    parser.add_argument("--out", type=Path, help="folder to write [default: compare/DATE in the scratch folder]")
    parser.add_argument("--data", type=Path, default=TREE / "data" / "mnist", help="[default: data/mnist]")
    parser.add_argument("--scratch", type=Path, default=cache, help="where peers are installed [default: %(default)s]")
    parser.add_argument(
        "--lock", action="append", default=[], type=Path,
        help="hold this file's lock (flock) while a round runs, for machines whose users wait for it",
    )  # fmt: skip
    return parser.parse_args()


def chosen(given, named, what):
    """The values of `named` that `given` lists; an unknown name ends the program."""
    names = given.split(",") if given else list(named)
    for name in names:
        if name not in named:
            sys.exit(f"compare: error: {what} {name}: not one of {', '.join(named)}")
    return {name: named[name] for name in names}


# Seconds before each turn. Threads of whoever was before spin for a while when they have nothing to do, some for 0.03 s.
PAUSE = 0.1


def prepare_data(data, scratch, counts):
    """The images as flat files for the peers, and as IDX files of the first images for ours."""
    flat = scratch / "data"
    for split, prefix in FILES.items():
        read = lambda name: gzip.decompress((data / f"{prefix}-{name}-ubyte.gz").read_bytes())  # noqa: E731
        images, labels = read("images-idx3")[16:], read("labels-idx1")[8:]
        flat.mkdir(parents=True, exist_ok=True)
        (flat / f"{split}-images.u8").write_bytes(images)
        (flat / f"{split}-labels.u8").write_bytes(labels)
        for count in counts:
            folder = flat / f"idx-{count}"
            folder.mkdir(exist_ok=True)
            kept = min(count, len(labels)) if split == "train" else len(labels)
            header = struct.pack(">4I", 2051, kept, 28, 28)
            (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + images[: kept * 784])
            (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, kept) + labels[:kept])


@contextlib.contextmanager
def holding(locks):
    with contextlib.ExitStack() as stack:
        for path in locks:
            fcntl.flock(stack.enter_context(open(path, "a")), fcntl.LOCK_EX)
        yield


def measure(work, threads, commands, peers, given, figures):
    """One work on so many threads: everybody warms up, then all take turns."""
    talking = {}

    def attempt(name, step):
        """Runs a step of a peer; one that fails takes no further part."""
        try:
            return step()
        except Failed as failure:
            talking.pop(name, None)
            figures.fail(name, work, threads, str(failure))
            print(f"  {name}: {failure}", file=sys.stderr)

    try:
        for name, command in commands.items():
            log = given.scratch / f"{name}-{work.key}-{threads}.log"

            def begin():
                talk = Conversation(peers[name], command, work, threads, given.scratch, log)
                talk.epoch()
                talking[name] = talk
                figures.about(name, talk.about)

            attempt(name, begin)
            if name in talking:
                print(f"  {name} is ready", file=sys.stderr)
        for number in range(1, given.rounds + 1):
            with holding(given.lock):
                turns = list(talking.items())
                first = (number - 1) % len(turns) if turns else 0  # a machine that was idle is slow for a while
                for name, talk in turns[first:] + turns[:first]:
                    time.sleep(PAUSE)
                    seconds = attempt(name, talk.epoch)
                    if seconds is not None:
                        figures.add(name, work, threads, number, seconds)
            print(f"  round {number} of {given.rounds}", file=sys.stderr)
        for name, talk in list(talking.items()):
            accuracy = attempt(name, talk.accuracy)
            if accuracy is not None:
                figures.judge(name, work, threads, accuracy)
    finally:
        for talk in list(talking.values()):
            talk.end()


def main():
    given = arguments()
    binary = TREE / "target" / "release" / "gemmnist"
    peers = chosen(given.peers, everyone(binary), "peer")
    works = chosen(given.works, WORKS, "work")
    given.scratch.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=TREE, check=True)
    prepare_data(given.data, given.scratch, {work.images for work in works.values()})
    out = given.out or given.scratch / "compare" / time.strftime("%Y-%m-%d-%H%M")
    out.mkdir(parents=True)
    figures, commands = Figures(peers), {}
    for name, peer in peers.items():
        print(f"installing {name} where it is missing", file=sys.stderr)
        try:
            commands[name] = peer.prepare(given.scratch)
        except Failed as failure:
            figures.fail(name, None, None, str(failure))
    for work in works.values():
        for threads in map(int, given.threads.split(",")):
            print(f"{work.title}; {threads} threads", file=sys.stderr)
            measure(work, threads, commands, peers, given, figures)
            table = write_report(out, figures, works, given)  # so far: a long comparison can be left at any time
    print(table)
    print(f"written to {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
