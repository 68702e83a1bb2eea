#!/usr/bin/env bash
# Every check there is; what a person runs before a commit is what CI runs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; "$@"; }

step scripts/setup.sh
step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step cargo clippy --locked --all-targets --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --locked --no-deps
step cargo bench --locked --no-run
if command -v shellcheck >/dev/null; then
    step shellcheck scripts/*.sh scripts/compare/*.sh .ci/run
else
    echo "shellcheck is not installed: the scripts were not checked by it."
fi
step scripts/test.sh
step scripts/perf-gate.sh
echo "All checks passed."
