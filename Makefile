# `make test` and `make demo` each work alone from a fresh clone.
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
SCHEMA := $(BIN)/check-jsonschema --builtin-schema vendor.
SCREEN := xvfb-run -a -s "-screen 0 1600x1000x24"
# Three at a time on two cores: some wait for a kill, a thread or the disk. Who has no test left takes
# another's, since some take seconds and most none.
THREE := --numprocesses 3 --dist worksteal
# Here each has a screen of its own, since windows on one would take the focus from each other.
THREE_SCREENS := --dist worksteal --tx '3*popen//python=$(SCREEN) $(BIN)/python'
NOW := $(shell date +%Y-%m-%d-%H%M%S)
OUT ?= demo-output/$(NOW)
NAME ?= vessels
PYTEST_ARGS ?=
TOOLS ?=

.NOTPARALLEL:
.PHONY: help test coverage lint style docs demo benchmarks docs-pictures venv screen clean

help:
	@echo "make test           everything that must hold: lint, then all tests"
	@echo "make coverage       all tests, and whether they run enough of the code"
	@echo "make lint           style, types, import contract, spelling, metadata, workflows, docs"
	@echo "make docs           the site, in site/; scripts/docs_pages.py writes the pages made of the code"
	@echo "make demo           every tool on built-in data, no screen needed; OUT=folder"
	@echo "make benchmarks     side by side with peers; NAME=vessels"
	@echo "make docs-pictures  the pictures of docs/, by following the tutorials; TOOLS=vessels"
	@echo "make clean          remove .venv, caches and demo-output"

# Threads that wait sleep: the tests run jobs side by side, and spinning ones would take their cores.
test: export OMP_WAIT_POLICY = PASSIVE
# Those of numpy cannot be told to sleep, and those of torch wake for each small layer: for what is as
# small as in tests both take longer than one thread. Tests that ask for bits give torch two.
test: export OPENBLAS_NUM_THREADS = 1
test: export OMP_NUM_THREADS = 1
# Settings of napari stay as they are on this computer, and tests side by side leave each other's alone.
test: export NAPARI_CONFIG =
# What is compiled once is kept, also for the processes that tests start.
test: export PYTHONDONTWRITEBYTECODE =
test: screen lint
	$(PYTEST) --ignore=tests/widgets $(THREE) $(PYTEST_ARGS)
	$(PYTEST) tests/widgets $(THREE_SCREENS) $(PYTEST_ARGS)

coverage: export OMP_WAIT_POLICY = PASSIVE
coverage: export OPENBLAS_NUM_THREADS = 1
coverage: export OMP_NUM_THREADS = 1
coverage: export NAPARI_CONFIG =
coverage: screen
	$(PYTEST) --ignore=tests/widgets $(THREE) --cov --cov-report= --cov-fail-under=0 $(PYTEST_ARGS)
	$(PYTEST) tests/widgets $(THREE_SCREENS) --cov --cov-append --cov-report=term $(PYTEST_ARGS)

# mypy takes one core for as long as all else takes the other.
lint: venv
	$(BIN)/mypy & types=$$!; $(MAKE) docs style; others=$$?; wait $$types && exit $$others

style: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-midl
	$(BIN)/typos
	$(BIN)/validate-pyproject pyproject.toml
	$(SCHEMA)github-workflows .github/workflows/*.yml
	$(SCHEMA)github-issue-forms .github/ISSUE_TEMPLATE/fault.yml .github/ISSUE_TEMPLATE/wish.yml
	$(SCHEMA)github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA)dependabot .github/dependabot.yml
	$(SCHEMA)citation-file-format CITATION.cff

docs: venv
	$(BIN)/python scripts/docs_pages.py --check
	$(BIN)/zensical build --clean --strict

demo: venv
	$(BIN)/napari-midl demo $(OUT)

benchmarks: venv
	$(BIN)/python -m benchmarks $(NAME)

docs-pictures: screen
	$(SCREEN) $(BIN)/python -m scripts.tutorials $(TOOLS)

venv:
	@bash scripts/bootstrap.sh

screen:
	@bash scripts/bootstrap.sh screen

clean:
	rm -rf .venv site .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache demo-output
