"""Who is compared, how each is installed in the scratch folder, and how it is spoken to."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
# They hold a BLAS to another kernel than it would choose for this processor.
HELD = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS")


class Failed(Exception):
    """A peer that cannot take part; the message goes into its row."""


def run(command, log, **options):
    """Runs a command of the set-up, its output in a log file."""
    with open(log, "a") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        last = [line for line in Path(log).read_text(errors="replace").splitlines() if line.strip()][-1:]
        raise Failed(f"does not install: {''.join(last).strip()[:160]}")


class Python:
    """A script in an environment of its own, made of pinned requirements."""

    def __init__(self, title, environment, script, *arguments):
        self.title, self.environment, self.script, self.arguments = title, environment, script, list(arguments)

    def prepare(self, scratch):
        """The command that runs it."""
        folder = scratch / "venv" / self.environment
        wanted = HERE / "requirements" / f"{self.environment}.txt"
        stamp = folder / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != wanted.read_text():
            shutil.rmtree(folder, ignore_errors=True)
            log = scratch / f"{self.environment}.log"
            run([sys.executable, "-m", "venv", folder], log)
            run([folder / "bin/pip", "install", "--disable-pip-version-check", "-r", wanted], log)
            shutil.copy(wanted, stamp)
        return [folder / "bin/python", HERE / "peers" / self.script], self.arguments


class Rust:
    """A program of the workspace beside this file."""

    def __init__(self, title, package):
        self.title, self.package = title, package

    def prepare(self, scratch):
        target = scratch / "rust"
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}  # for this processor: .cargo/config.toml says so
        program = target / "release" / self.package
        command = ["cargo", "build", "--release", "--locked", "--keep-going"]  # all at once: they share what they stand on
        try:
            run(command, scratch / "rust.log", cwd=HERE / "rust", env=environment)
        except Failed:
            if not program.exists():
                raise
        return [program], []


class Gemmnist:
    """The command itself, through ours.py. `held`: in the environment as it is, with OpenBLAS held to another kernel."""

    def __init__(self, title, binary, held=False):
        self.title, self.binary, self.held = title, binary, held

    def prepare(self, scratch):
        return [sys.executable, HERE / "peers" / "ours.py"], [str(self.binary)]


def everyone(binary):
    """By the names that --peers takes."""
    named = {
        "gemmnist": Gemmnist("gemmnist", binary),
        "numba-sparse": Python("Numba, loops that skip zero pixels", "numba", "numba_peer.py", "sparse"),
        "numba": Python("Numba with BLAS", "numba", "numba_peer.py", "blas"),
        "tensorflow": Python("TensorFlow, XLA, an epoch a call", "tensorflow", "tensorflow_peer.py"),
        "jax": Python("JAX, an epoch one scan", "jax", "jax_peer.py"),
        "onnxruntime": Python("ONNX Runtime training", "torch", "onnxruntime_peer.py"),
        "burn": Rust("burn, Flex (Rust)", "burn-peer"),
        "candle": Rust("candle (Rust)", "candle-peer"),
        "numpy": Python("NumPy by hand", "numpy", "numpy_peer.py"),
        "scikit-learn": Python("scikit-learn", "scikit-learn", "sklearn_peer.py"),
        "torch": Python("PyTorch, eager", "torch", "torch_peer.py"),
        "torch-compiled": Python("PyTorch, compiled", "torch", "torch_peer.py", "compiled"),
    }
    if any(name in os.environ for name in HELD):
        named["gemmnist-held"] = Gemmnist("gemmnist, its OpenBLAS held to another kernel", binary, held=True)
    return named


class Conversation:
    """A peer at work: a process that trains an epoch whenever it is told to."""

    def __init__(self, peer, command, work, threads, scratch, log):
        command, arguments = command
        environment = dict(os.environ)
        environment.update({name: str(threads) for name in THREAD_VARIABLES})
        if not getattr(peer, "held", False):
            for name in HELD:
                environment.pop(name, None)
        self.log = log
        cores = sorted(os.sched_getaffinity(0))[-threads:]
        self.process = subprocess.Popen(
            [*map(str, command), *work.arguments(), str(threads), str(scratch / "data"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(log, "w"),
            text=True,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        try:
            return json.loads(line)
        except ValueError:
            self.process.kill()
            lines = [line for line in Path(self.log).read_text(errors="replace").splitlines() if line.strip()]
            raise Failed(f"stopped: {re.sub(r'/[^ ]*/', '', lines[-1])[:160] if lines else 'no word'}") from None

    def ask(self, what):
        try:
            self.process.stdin.write(f"{what}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self.answer()

    def epoch(self):
        """Seconds of one more epoch."""
        return self.ask("epoch")["seconds"]

    def accuracy(self):
        """Share of the test images that are recognised."""
        return self.ask("accuracy")["accuracy"]

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
