#!/bin/sh
# Fuzzes what reads hostile bytes, target by target, each for so many seconds.
#
# It works on the stable toolchain: without a sanitizer nothing of what cargo-fuzz asks of the compiler is unstable,
# and without unsafe code there is little that a sanitizer could find. What counts is panics, assertions, time
# (10 s an input) and memory (2 GiB).
#
# usage: scripts/fuzz.sh [SECONDS [TARGET…]]      (default: 60, all targets)
set -eu

cd "$(dirname "$0")/.."
seconds=${1:-60}
[ "$#" -eq 0 ] || shift
targets=${*:-"config dns certificate"}

PATH=$PWD/target/tools/bin:$PATH
if ! command -v cargo-fuzz >/dev/null; then
    cargo install --quiet --locked --root target/tools cargo-fuzz
fi

cargo run --quiet --example fuzz_seeds -- fuzz/corpus
mkdir -p fuzz/corpus/config
for seed in examples/linkwatch.yml $(find tests/config -name '*.yml'); do
    cp "$seed" "fuzz/corpus/config/$(echo "$seed" | tr / -)"
done
status=0
for target in $targets; do
    cargo fuzz build --sanitizer none "$target"
    log=fuzz/artifacts/$target.log
    mkdir -p fuzz/artifacts
    # What libFuzzer says goes to the log; its last figures and its findings are shown.
    if cargo fuzz run --sanitizer none "$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        >"$log" 2>&1; then
        awk -v target="$target" '
            /^stat::number_of_executed_units/ { runs = $2 }
            /cov: [0-9]/ { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
            END { printf "fuzz: %s: clean, %s executions, %s edges\n", target, runs, edges }' "$log"
    else
        status=1
        printf 'fuzz: %s: found something (%s)\n' "$target" "$log"
        grep -E 'panicked|SUMMARY|Test unit written|cargo fuzz run' -A 2 "$log" || tail -n 20 "$log"
    fi
done
exit "$status"
