#!/usr/bin/env bash
# Every check there is; what a person runs before a commit is what CI runs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; "$@"; }

have() { command -v "$1" >/dev/null 2>&1; }
# The page of `gemmnist serve` is tried in Chromium, driven by Node.
have_browser() { have node && { have chromium || have chromium-browser || have google-chrome; }; }
install_browser() {
    if have_browser || [ "$(id -u)" != 0 ] || ! have apt-get; then return; fi
    apt() { DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null; }
    local packages=(chromium)
    have node || packages+=(nodejs)
    apt install -y --no-install-recommends "${packages[@]}" ||
        { apt update && apt install -y --no-install-recommends "${packages[@]}"; } ||
        echo "Chromium could not be installed: the message is above."
}

step scripts/setup.sh
step install_browser
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
have_browser || echo "node or chromium is not installed: the page of gemmnist serve was not tried in a browser."
echo "All checks passed."
