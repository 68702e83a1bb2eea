#!/usr/bin/env bash
# Runs the unit tests of all unsafe code (linalg, the mapping of files) and of what calls it (nn) under memory checkers:
# scripts/valgrind.sh [valgrind|asan]...; both if none is named. Exit code 0: no error was found.
#
# valgrind knows no AVX-512: it runs the AVX2 and portable kernels, and OpenBLAS' for Haswell. AddressSanitizer, which the
# compiler puts into our code (not into OpenBLAS), runs the AVX-512 kernels, too, where the processor has them.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(linalg:: files:: nn:: threads::)
(($#)) || set -- valgrind asan
for checker in "$@"; do
    printf '\n== %s\n' "$checker"
    case $checker in
        valgrind)
            command -v valgrind >/dev/null || { echo "scripts/valgrind.sh: expected valgrind, found none (apt-get install valgrind)" >&2; exit 1; }
            # Fair, or a thread that watches memory keeps the others from writing there. What threads that never end have is not lost.
            runner="valgrind --quiet --fair-sched=yes --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite"
            RUSTFLAGS="" cargo test --locked --lib --target-dir target/valgrind --config "target.'cfg(unix)'.runner='$runner'" \
                -- "${tests[@]}"
            ;;
        asan)
            # The flag is not stable; the compiler is the project's own nevertheless.
            host=$(rustc -vV | sed -n 's/^host: //p')
            # So built, what a function has on its stack for spans of different widths lies side by side: 2 MB are too few with AVX-512.
            RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" RUST_MIN_STACK=33554432 \
                cargo test --locked --lib --target-dir target/asan --target "$host" -- "${tests[@]}"
            ;;
        *)
            echo "scripts/valgrind.sh: expected valgrind or asan, found $checker" >&2
            exit 2
            ;;
    esac
done
echo "No errors."
