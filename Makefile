# Everything runs in a virtual environment that is made on first use; nothing has to be set up before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_DIR ?= demo-project

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint type bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "leaptui needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# torch by itself and first: a range alone would take the newest build.
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(STAMP)  ## make the virtual environment in .venv

demo: $(STAMP)  ## the synthetic fly: label, train, predict, evaluate; ends in the app in a terminal
	$(BIN)/leaptui demo --dir $(DEMO_DIR)

test: $(STAMP)  ## run the tests
	# As many tests as cores run at once: threads of their own would only wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

lint: $(STAMP)  ## style, and who may import whom
	$(BIN)/ruff check leaptui tests
	$(BIN)/ruff format --check leaptui tests
	$(BIN)/lint-imports

type: $(STAMP)  ## types
	$(BIN)/mypy

check: lint type test  ## what CI runs

bench: $(STAMP)  ## measured figures, as JSON (half an hour)
	$(BIN)/python -m tests.benchmarks.readers
	$(BIN)/leaptui bench predict --json
	$(BIN)/leaptui bench train --json
	$(BIN)/leaptui bench canvas --json

clean:  ## remove the virtual environment, caches and the demo project
	rm -rf $(VENV) $(DEMO_DIR) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find leaptui tests -name __pycache__ -prune -exec rm -rf {} +
