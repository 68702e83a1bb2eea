#!/usr/bin/env bash
# Fuzzes the readers of files from outside: scripts/fuzz.sh [SECONDS] [TARGET...]
# SECONDS a target (default 60), all targets (fuzz/src/bin) if none is named, one a core at a time. A file that breaks a
# reader is left in fuzz/artifacts, and the exit code is not 0. Wants cargo-fuzz; the compiler is the project's own.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
    echo "scripts/fuzz.sh: SECONDS: expected a number from 1 on, found $seconds (scripts/fuzz.sh [SECONDS] [TARGET...])" >&2
    exit 2
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "scripts/fuzz.sh: expected cargo-fuzz, found none (cargo install --locked cargo-fuzz)" >&2
    exit 1
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(basename -s .rs fuzz/src/bin/*.rs)
fi

# Where a target starts from: files of the tests where they will do, small ones of its own otherwise.
seeds() {
    case $1 in
        pickle | npz) echo tests/golden/formats ;;
        picture) echo tests/golden/pictures ;;
        recipe) echo src/recipes ;;
        *) echo "fuzz/seeds/$1" ;;
    esac
}

# Readers take files: in memory, where the system has a place for them.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
TMPDIR=$(mktemp -d)
export TMPDIR
# One thread: what a file makes of a reader does not depend on who waits for whom, and no time goes by in waking others.
export RAYON_NUM_THREADS=1
trap 'rm -rf "$TMPDIR"' EXIT

# Bytes of the longest file that is tried: a text that is longer is more of the same.
longest() {
    case $1 in
        settings | recipe) echo 2048 ;;
        *) echo 8192 ;;
    esac
}

# Whether all that was found were files that took a second while the machine was busy with something else: each is tried again, by
# itself, and forgotten if it takes less.
was_only_late() {
    local file
    for file in "fuzz/artifacts/$1"/*; do
        case $file in */timeout-* | */slow-unit-*) ;; *) return 1 ;; esac
        cargo fuzz run --sanitizer none "$1" "$file" -- -timeout=1 -rss_limit_mb=512 >/dev/null 2>&1 || return 1
        rm "$file"
    done
    echo "$1: took long once, not again; forgotten"
}

# Fuzzes one target, and sums it up in a line; all that the fuzzer said if it found something.
fuzz() {
    local target=$1 log=$TMPDIR/$1.log verdict=0
    mkdir -p "fuzz/corpus/$target"
    cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "$(seeds "$target")" -- -max_total_time="$seconds" \
        -max_len="$(longest "$target")" -timeout=1 -rss_limit_mb=512 -print_final_stats=1 -verbosity=0 >"$log" 2>&1 || verdict=1
    if [ $verdict != 0 ]; then cat "$log"; fi
    if [ $verdict != 0 ] && was_only_late "$target"; then verdict=0; fi
    awk -v target="$target" '
        /executed_units/ { executions = $2 } /exec_per_sec/ { rate = $2 } /peak_rss/ { memory = $2 }
        END { printf "%-10s %9d executions, %6d a second, %3d MiB\n", target, executions, rate, memory }' "$log"
    return $verdict
}

# The code is safe Rust: what is looked for are panics, overflow, memory and time, which need no sanitizer (nor nightly).
cargo fuzz build --sanitizer none
export -f seeds longest was_only_late fuzz
export seconds
# As many side by side as there are cores: each has one thread.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I TARGET bash -c 'fuzz TARGET'
