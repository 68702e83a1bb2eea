#!/usr/bin/env bash
# Trains the same networks with gemmnist and with its peers, in turn, and writes what it measured to a dated folder.
# `scripts/compare/run.sh --help` tells the options. Needs Python 3.11 or newer, and the network on the first run.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 scripts/compare/compare.py "$@"
