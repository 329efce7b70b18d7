# Each target prepares what it needs; a fresh clone needs only make and, on Debian or Ubuntu, root or python3-venv.
.PHONY: run test bench lint types format lock assets setup clean help


# Everything on this machine with demo data, at http://localhost:8000 (HOST and PORT change it).
run: export MARKETPLACE_ENDS_WITH_PARENT = 1
run:
	@scripts/setup.sh run </dev/null
	@exec .venv/bin/marketplace serve --demo

# Every check, then the tests; `make test ARGS="tests/web -x"` passes words on to pytest.
test: setup
	@exec scripts/test.sh $(ARGS) </dev/null

bench: setup
	@exec scripts/bench.sh </dev/null

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports

types: setup
	@.venv/bin/mypy --num-workers 2 marketplace search

format: setup
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

# Write requirements/*.txt and package-lock.json again; `make lock ARGS=--upgrade` moves to the newest versions allowed.
lock: setup
	@scripts/lock.sh $(ARGS) </dev/null

assets: setup

# The environment for development, with the assets built.
setup:
	@scripts/setup.sh dev </dev/null

# What can be made again. The data directory stays.
clean:
	rm -rf .venv build node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find marketplace search tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@echo "make run      start everything here with demonstration data (http://localhost:8000)"
	@echo "make test     all checks: lint, types, package directions, tests, browser journeys"
	@echo "make bench    benchmarks: figures and ratios"
	@echo "make lint, make types, make format    parts of the checks; write the code in its form"
	@echo "make setup, make assets               the environment for development, style sheets and scripts"
	@echo "make lock     write the lock files again"
	@echo "make clean    remove what can be made again; the data in var/ stays"
