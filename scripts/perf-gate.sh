#!/usr/bin/env bash
# Fails when a change makes training more than 10 % slower than its base:
#
#     scripts/perf-gate.sh [BASE]                          # a commit; without one: where the branch left origin/main,
#                                                          # or main as it was a day ago, or the commit before this one
#     scripts/perf-gate.sh --programs BASE CHANGE          # two programs that are built already
#
# Two judges. The clock: both programs train in turn, many short runs; for each work the median over the turns of the ratio
# of their fastest epochs. A work that looks slower is measured on, three times at most; then the median of all turns
# decides. And, where valgrind is installed, the number of instructions of an epoch on one thread, which no busy machine
# changes: more than 10 % above the base fails, unless the clock says that they paid.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
tree=$PWD
work=$tree/target/perf-gate
limit=1.10
turns=${PERF_GATE_TURNS:-8} # even: each program comes first as often
tries=3

say() { printf 'perf-gate: %s\n' "$*"; }
pass() { say "$*"; exit 0; }

# What is trained: a name, the data, and the options of `gemmnist train`. `main` is the job that the project is for.
works() {
    cat <<END
main|$tree/data/mnist|--batch 10 --epochs 6
batch-1|$work/images-10000|--batch 1 --lr 0.01 --epochs 4
adam|$work/images-10000|--hidden 100,100 --optimizer adam --batch 100 --epochs 8
wide|$work/images-5000|--hidden 800,800 --batch 128 --epochs 3
END
}

# The same where instructions are counted: valgrind is fifty times slower. `wide` is BLAS for the most part there, and not counted.
counted_works() {
    cat <<END
main|--batch 10
batch-1|--batch 1 --lr 0.01
adam|--hidden 100,100 --optimizer adam --batch 100
END
}

base_commit() {
    local main
    if [ $# = 1 ]; then
        git rev-parse --verify --quiet "$1^{commit}"
        return
    fi
    main=$(git merge-base HEAD origin/main 2>/dev/null || true)
    if [ -n "$main" ] && [ "$main" != "$(git rev-parse HEAD)" ]; then
        echo "$main"
        return
    fi
    local yesterday=$(($(git log -1 --format=%ct) - 86400))
    main=$(git rev-list -1 --before="$yesterday" HEAD)
    if [ -n "$main" ]; then echo "$main"; else git rev-parse --verify --quiet HEAD^; fi
}

# Builds the tree in a folder as `$work/NAME`, for processors with AVX2 where this one has it: valgrind knows no newer ones,
# and the products ask the processor anyway. Both trees share what they depend on; their own crate is cleaned first, as
# cargo takes one tree's for the other's where it is newer.
build() {
    local folder=$1 name=$2 flags=""
    grep -qw avx2 /proc/cpuinfo 2>/dev/null && flags="-C target-cpu=x86-64-v3"
    (cd "$folder" && cargo clean --quiet --release --package gemmnist --target-dir "$work/target" &&
        RUSTFLAGS=$flags cargo build --release --locked --bin gemmnist --target-dir "$work/target") &&
        cp "$work/target/release/gemmnist" "$work/$name"
}

build_both() {
    local base=$1
    mkdir -p "$work"
    git worktree remove --force "$work/tree" 2>/dev/null || rm -rf "$work/tree"
    git worktree prune
    git worktree add --quiet --detach "$work/tree" "$base"
    local built=0
    build "$work/tree" base || built=$?
    git worktree remove --force "$work/tree"
    [ "$built" = 0 ] || pass "the base does not build here: there is nothing to compare with."
    build "$tree" change
}

# MNIST's first images as an IDX folder, and few to be judged on.
first_images() {
    local count=$1 folder=$work/images-$1 test=500
    mkdir -p "$folder"
    cut_images train "$count" >"$folder/train-images-idx3-ubyte"
    cut_labels train "$count" >"$folder/train-labels-idx1-ubyte"
    cut_images t10k "$test" >"$folder/t10k-images-idx3-ubyte"
    cut_labels t10k "$test" >"$folder/t10k-labels-idx1-ubyte"
}
big_endian() { printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"; }
# The reader ends before the writer does: gzip may then complain of a closed pipe.
bytes_of() { { gzip -dc "$tree/data/mnist/$1-ubyte.gz" 2>/dev/null || true; } | { tail -c "+$(($2 + 1))" 2>/dev/null || true; } | head -c "$3"; }
cut_images() { big_endian 2051; big_endian "$2"; big_endian 28; big_endian 28; bytes_of "$1-images-idx3" 16 $((784 * $2)); }
cut_labels() { big_endian 2049; big_endian "$2"; bytes_of "$1-labels-idx1" 8 "$2"; }

# Seconds of the fastest epoch of a training, the first left out: it meets cold caches.
fastest_epoch() {
    local program=$1 data=$2 options=$3 out
    out=$(mktemp -d "$work/run.XXXXXX")
    # shellcheck disable=SC2086 # options are several words
    "$program" train --data "$data" $options --quiet --out "$out" --name run >&2 || return 1
    sed -n 's/.*"train_seconds":\([^,]*\),.*/\1/p' "$out/run/metrics.jsonl" | tail -n +2 | sort -g | head -n 1
    rm -r "$out"
}

median() { sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

# Adds a line `BASE CHANGE` of seconds to `pairs` for each turn.
take_turns() {
    local data=$1 options=$2 base change turn
    for turn in $(seq "$turns"); do
        # Who comes first alternates: a machine that slows down meets both.
        if [ $((turn % 2)) = 0 ]; then
            base=$(fastest_epoch "$work/base" "$data" "$options") || return 1
            change=$(fastest_epoch "$work/change" "$data" "$options") || return 2
        else
            change=$(fastest_epoch "$work/change" "$data" "$options") || return 2
            base=$(fastest_epoch "$work/base" "$data" "$options") || return 1
        fi
        pairs+="$base $change"$'\n'
    done
}

# Instructions of two epochs on one thread: a run of three less a run of one, so that reading and writing cancel out. Checkpoints
# come by the clock, so they are put off to the end.
instructions() {
    local program=$1 options=$2 counts=() epochs out
    for epochs in 1 3; do
        out=$(mktemp -d "$work/run.XXXXXX")
        # shellcheck disable=SC2086 # options are several words
        counts+=("$(OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
            "$program" train --data "$work/images-500" $options --checkpoint-every 1000000 --epochs "$epochs" --threads 1 --quiet --out "$out" --name run \
            2>&1 >/dev/null | sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p')")
        rm -r "$out"
    done
    # None, or as many: valgrind does not know this program's instructions.
    [ "${counts[1]:-0}" -gt "${counts[0]:-0}" ] && echo $((counts[1] - counts[0]))
}

declare -A ratio
failed=""

judge_times() {
    local name data options try status pairs base change
    while IFS='|' read -r name data options; do
        pairs=""
        for try in $(seq "$tries"); do
            status=0
            take_turns "$data" "$options" || status=$?
            if [ "$status" = 1 ]; then
                say "$name: the base cannot do it: not compared."
                break
            elif [ "$status" != 0 ]; then
                say "$name: the change cannot do it."
                failed+=" $name"
                break
            fi
            ratio[$name]=$(printf %s "$pairs" | awk '{ print $2 / $1 }' | median)
            base=$(printf %s "$pairs" | cut -d' ' -f1 | median)
            change=$(printf %s "$pairs" | cut -d' ' -f2 | median)
            say "$(printf '%-8s %8.4f s an epoch, base %8.4f s, ratio %.3f' "$name" "$change" "$base" "${ratio[$name]}")"
            above "${ratio[$name]}" "$limit" || break
            if [ "$try" = "$tries" ]; then failed+=" $name"; else say "$name: looks slower, measured on."; fi
        done
    done < <(works)
}

judge_instructions() {
    local name options base change more
    if ! command -v valgrind >/dev/null; then
        say "valgrind is not installed: instructions were not counted."
        return
    fi
    while IFS='|' read -r name options; do
        instructions "$work/base" "$options" >"$work/base-count" & # side by side: nothing is timed here
        change=$(instructions "$work/change" "$options") || change=""
        wait $! || change=""
        base=$(<"$work/base-count")
        if [ -z "$change" ]; then
            say "$name: instructions cannot be counted here."
            continue
        fi
        more=$(awk -v a="$change" -v b="$base" 'BEGIN { print a / b }')
        say "$(printf '%-8s %11d instructions, base %11d, ratio %.3f' "$name" "$change" "$base" "$more")"
        above "$more" "$limit" || continue
        if above 0.9 "${ratio[$name]:-1}"; then
            say "$name: more instructions, but clearly faster by the clock."
        else
            failed+=" $name(instructions)"
        fi
    done < <(counted_works)
}

if [ "${1:-}" = --programs ]; then
    [ $# = 3 ] || { say "error: --programs takes two: BASE CHANGE" >&2; exit 2; }
    mkdir -p "$work"
    cp "$2" "$work/base"
    cp "$3" "$work/change"
else
    base=$(base_commit "$@") || {
        [ $# = 0 ] || { say "error: $1 is not a commit of this repository" >&2; exit 2; }
        pass "there is no earlier commit to compare with."
    }
    git diff --quiet "$base" -- src build.rs Cargo.toml Cargo.lock .cargo && pass "nothing that is built differs from $(git describe --always "$base")."
    say "comparing with $(git log -1 --format='%h (%s)' "$base")"
    build_both "$base"
fi
for count in 500 5000 10000; do first_images "$count"; done
judge_times
judge_instructions
if [ -n "$failed" ]; then
    say "FAILED: more than 10 % slower:$failed"
    exit 1
fi
say "no work is more than 10 % slower."
