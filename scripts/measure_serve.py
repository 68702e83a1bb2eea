#!/usr/bin/env python3
"""Measures the page's server: how long a prediction takes, whole request, while a training runs beside it, and while a
thousand clients send a byte a second.

    python3 scripts/measure_serve.py target/release/gemmnist

Needs nothing but Python and Linux. It trains the main job's network first, in a folder of its own.
"""

import argparse
import http.client
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

SIDE = 112
SLOW = 1000


def drawing():
    """A thick 1 on white paper, as the page sends it."""
    return bytes(0 if 27 <= i // SIDE < 87 and 50 <= i % SIDE < 58 else 255 for i in range(SIDE * SIDE))


def predictions(address, count):
    """The seconds of each of so many predictions, connecting included."""
    body, seconds = drawing(), []
    for _ in range(count):
        start = time.perf_counter()
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("POST", "/predict", body, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        seconds.append(time.perf_counter() - start)
        if answer.status != 200:
            sys.exit(f"answered {answer.status}")
    return sorted(seconds)


def told(what, seconds):
    share = lambda p: 1000 * seconds[min(len(seconds) - 1, int(p * len(seconds)))]
    print(f"{what}: median {share(0.5):.1f} ms, 99th percentile {share(0.99):.1f} ms, longest {share(1):.1f} ms, of {len(seconds)}", flush=True)


def crawl(address, ready):
    """A thousand clients, each of which sends a byte of its request a second, and comes back when it is hung up on."""
    host, port = address.split(":")
    request = f"POST /predict HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/octet-stream\r\n".encode()
    clients = [None] * SLOW  # each a connection and what it has still to send
    while True:
        start = time.monotonic()
        for i, client in enumerate(clients):
            try:
                connection, rest = client or (socket.create_connection((host, int(port)), timeout=5), request)
                connection.setblocking(False)
                connection.send(rest[:1])
                clients[i] = (connection, rest[1:] or b"x")
            except OSError:
                if client:
                    client[0].close()
                clients[i] = None
        ready.set()
        time.sleep(max(0, 1 - (time.monotonic() - start)))


def resident_mib(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gemmnist")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    gemmnist = os.path.abspath(options.gemmnist)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([gemmnist, "train", "--quiet"], cwd=folder, check=True)
        server = subprocess.Popen([gemmnist, "serve"], cwd=folder, stdout=subprocess.PIPE, text=True)
        address = next(line for line in server.stdout if line.startswith("page")).split("http://")[1].strip().rstrip("/")
        try:
            predictions(address, 50)
            told("alone", predictions(address, options.count))
            training = subprocess.Popen([gemmnist, "train", "--quiet", "--epochs", "100000"], cwd=folder)
            time.sleep(1)  # until it has read its data
            told("beside a training", predictions(address, options.count))
            training.kill()
            training.wait()
            before = resident_mib(server)
            ready = multiprocessing.Event()
            crawlers = multiprocessing.Process(target=crawl, args=(address, ready), daemon=True)
            crawlers.start()
            ready.wait()
            told(f"beside {SLOW} slow clients", predictions(address, options.count))
            print(f"memory: {before:.1f} MiB before the slow clients, {resident_mib(server):.1f} MiB with them", flush=True)
            crawlers.kill()
        finally:
            server.kill()


if __name__ == "__main__":
    main()
