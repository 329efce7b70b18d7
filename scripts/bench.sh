#!/bin/sh
# Run every benchmark (benchmarks/*_bench.py), each in a process of its own; stops at the first that fails.
set -eu
cd "$(dirname "$0")/.."
ran=0
for file in benchmarks/*_bench.py; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .py)
    printf -- '--- %s\n' "$name"
    .venv/bin/python -m "benchmarks.$name"
    ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "There is no file benchmarks/*_bench.py." >&2; exit 1; }
