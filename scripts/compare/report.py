"""What was measured, as files: every figure, and a table for people."""

import csv
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from peers import HELD, TREE
from works import ALL_IMAGES


class Figures:
    """Seconds and accuracies by peer, work and number of threads; and why there are none."""

    def __init__(self, peers):
        self.titles = {name: peer.title for name, peer in peers.items()}
        self.abouts, self.failures, self.rows, self.accuracies = {}, {}, [], {}

    def about(self, name, about):
        self.abouts.setdefault(name, about)

    def fail(self, name, work, threads, reason):
        self.failures[name, work and work.key, threads] = reason

    def add(self, name, work, threads, number, seconds):
        self.rows.append((name, work.key, threads, number, seconds))

    def judge(self, name, work, threads, accuracy):
        self.accuracies[name, work.key, threads] = accuracy

    def seconds(self, name, work, threads):
        return [row[4] for row in self.rows if row[:3] == (name, work.key, threads)]

    def failure(self, name, work, threads):
        return self.failures.get((name, work.key, threads)) or self.failures.get((name, None, None))


def columns(works, threads):
    return [(work, count) for work in works.values() for count in threads]


def cell(figures, name, work, threads):
    """Seconds, or why there are none."""
    seconds = figures.seconds(name, work, threads)
    if seconds and not figures.failure(name, work, threads):
        return f"{statistics.median(seconds):.3f}"
    return "failed" if figures.failure(name, work, threads) else "-"


def table(figures, works, threads):
    """Medians in seconds, the fastest in the first column first; accuracies beside them."""
    heads = [f"({work.key}) {count} thread{'s' * (count > 1)}" for work, count in columns(works, threads)]
    lines = ["| | " + " | ".join(f"{head} | test" for head in heads) + " |", "|---|" + "---|---|" * len(heads)]

    def rank(name):
        medians = [figures.seconds(name, *place) for place in columns(works, threads)]
        return [statistics.median(seconds) if seconds else float("inf") for seconds in medians]

    for name in sorted(figures.titles, key=rank):
        cells = []
        for work, count in columns(works, threads):
            accuracy = figures.accuracies.get((name, work.key, count))
            cells += [cell(figures, name, work, count), f"{accuracy:.2%}" if accuracy is not None else "-"]
        lines.append(f"| {figures.titles[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def processor():
    """The name that /proc/cpuinfo gives, and how many of its cores we may use."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {len(os.sched_getaffinity(0))} cores"


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=TREE, capture_output=True, text=True)
    return described.stdout.strip() or "unknown"


def write_report(out, figures, works, given):
    """Writes raw.csv, accuracy.csv and README.md to the folder, and hands back the table."""
    threads = [int(count) for count in given.threads.split(",")]
    with open(out / "raw.csv", "w", newline="") as file:
        csv.writer(file).writerows([("peer", "work", "threads", "round", "seconds"), *figures.rows])
    with open(out / "accuracy.csv", "w", newline="") as file:
        rows = [(*place, accuracy) for place, accuracy in figures.accuracies.items()]
        csv.writer(file).writerows([("peer", "work", "threads", "accuracy"), *rows])
    shown = table(figures, works, threads)
    titles = [f"- ({work.key}) {work.title}" for work in works.values()]
    versions = [
        f"- {title}: {about['version']} ({about['detail']})"
        for name, title in figures.titles.items()
        if (about := figures.abouts.get(name))
    ]
    failures = [
        f"- {figures.titles[name]}{f', ({work}) on {count}' if work else ''}: {reason}"
        for (name, work, count), reason in figures.failures.items()
    ]
    held = [name for name in HELD if name in os.environ]
    text = f"""# gemmnist and its peers, {time.strftime("%Y-%m-%d")}

    scripts/compare/run.sh {shlex.join(sys.argv[1:])}

{processor()}; {platform.system()} {platform.release()}; gemmnist at {commit()}.

{chr(10).join(titles)}

Seconds an epoch of the images named (median of {given.rounds}, everybody in turn, after an epoch that is not counted), and the share of the
{10_000:,} test images that is recognised after all {given.rounds + 1}. An epoch is {ALL_IMAGES:,} images where nothing else is said.

{shown}

{chr(10).join(failures) and "Without a figure:" + chr(10) * 2 + chr(10).join(failures) + chr(10)}
Versions:

{chr(10).join(versions)}

Everybody may use as many cores as threads, and BLAS, OpenMP and rayon are told the number. {"In the environment and taken out for everybody but the row that says so: " + ", ".join(held) + "." if held else ""}
"""
    (out / "README.md").write_text(text)
    return shown
