#!/bin/sh
# Every check, the quick ones first; stops at the first that fails. The last line is pytest's own.
set -eu
cd "$(dirname "$0")/.."
PATH="$(pwd)/.venv/bin:$PATH"
# Rewritten test files are kept beside the tests: where bytecode is switched off, each run would make them anew.
PYTHONDONTWRITEBYTECODE=
export PATH PYTHONDONTWRITEBYTECODE
workers=${TEST_WORKERS:-2}

step() {
    name=$1
    shift
    started=$(date +%s)
    printf -- '--- %s\n' "$name"
    "$@"
    printf -- '--- %s: passed in %s s\n' "$name" "$(($(date +%s) - started))"
}

has() { command -v "$1" >/dev/null; }
has_chromium() { has chromium-headless-shell || has chromium || has chromium-browser || has google-chrome; }
install() {
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } \
        </dev/null >build/apt.log 2>&1
}

# The shell takes half of the processor time of the whole browser. Where it is not to be had, that is tried once.
if ! has chromium-headless-shell && [ ! -e build/.without-shell ] && [ "$(id -u)" = 0 ] && has apt-get; then
    echo "--- Installing chromium-headless-shell with apt for the browser tests"
    install chromium-headless-shell || touch build/.without-shell
fi
if ! has_chromium; then
    if [ "$(id -u)" = 0 ] && has apt-get; then
        echo "--- Installing chromium with apt for the browser tests"
        install chromium || echo "Chromium could not be installed (build/apt.log): browser tests are skipped."
    else
        echo "There is no Chromium here, so the browser tests are skipped. To run them, on Debian:"
        echo "    sudo apt-get install chromium-headless-shell (elsewhere: chromium)"
    fi
fi

step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "mypy" mypy --num-workers "$workers" marketplace search
step "lint-imports" lint-imports
printf -- '--- pytest\n'
# A file stays with one worker, so that what its tests share (a demo, a site) is made once. Files are handed out in the
# order of tests/conftest.py, long ones first; without the option it would be those with the most tests first.
exec python -m pytest -n "$workers" --dist loadfile --no-loadscope-reorder "$@"
