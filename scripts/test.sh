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

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null
then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "--- Installing chromium with apt for the browser tests"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
            </dev/null >build/apt.log 2>&1 || echo "Chromium could not be installed (build/apt.log): browser tests are skipped."
    else
        echo "There is no Chromium here, so the browser tests are skipped. To run them: sudo apt-get install chromium"
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
