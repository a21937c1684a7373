# `make test` and `make demo` each work alone from a fresh clone.
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
SCREEN := xvfb-run -a -s "-screen 0 1600x1000x24"
# Two at a time, each with a screen of its own, since windows on one would take the focus from each other.
TWO_SCREENS := --dist load --tx '2*popen//python=$(SCREEN) $(BIN)/python'
NOW := $(shell date +%Y-%m-%d-%H%M%S)
OUT ?= demo-output/$(NOW)
NAME ?= vessels
PYTEST_ARGS ?=

.NOTPARALLEL:
.PHONY: help test lint demo benchmarks docs-pictures venv screen clean

help:
	@echo "make test           everything that must hold: lint, then all tests"
	@echo "make lint           ruff, mypy, import contract, manifest"
	@echo "make demo           every tool on built-in data, no screen needed; OUT=folder"
	@echo "make benchmarks     side by side with peers; NAME=vessels"
	@echo "make docs-pictures  the pictures of docs/, made by the demo"
	@echo "make clean          remove .venv, caches and demo-output"

# Threads that wait sleep: the tests run jobs side by side, and spinning ones would take their cores.
test: export OMP_WAIT_POLICY = PASSIVE
# Settings of napari stay as they are on this computer, and the two at a time leave each other's alone.
test: export NAPARI_CONFIG =
test: screen lint
	$(PYTEST) --ignore=tests/widgets --numprocesses 2 $(PYTEST_ARGS)
	$(PYTEST) tests/widgets $(TWO_SCREENS) $(PYTEST_ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-midl

demo: venv
	$(BIN)/napari-midl demo $(OUT)

benchmarks: venv
	$(BIN)/python -m benchmarks $(NAME)

docs-pictures: demo
	mkdir -p docs/pictures
	find $(OUT) -name '*.png' -exec cp {} docs/pictures/ \;

venv:
	@bash scripts/bootstrap.sh

screen:
	@bash scripts/bootstrap.sh screen

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache demo-output
