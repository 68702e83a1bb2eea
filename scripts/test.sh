#!/usr/bin/env bash
# Sets up, then runs every test twice: with OpenBLAS, and with the GEMM in pure Rust.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo test --locked
cargo test --locked --no-default-features --features report
