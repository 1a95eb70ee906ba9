# `make help` says what each target does. Everything runs in .venv, which holds the pinned set of constraints.txt.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help study test test-all lint planted coverage claims folklore replications docs check clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TUTORIAL := lr_ratio
WORKERS ?= 2
GB := 8

# One thread for each process: the processes are what uses the cores.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

study: $(VENV)/.installed  ## run the study of the tutorial and write its report
	@echo "== ganbench run studies/$(TUTORIAL).yaml"
	@$(BIN)/ganbench run studies/$(TUTORIAL).yaml --out results/$(TUTORIAL); code=$$?; \
	page=results/$(TUTORIAL)/report.html; if [ -f $$page ]; then echo "report: $(CURDIR)/$$page"; fi; exit $$code

test: $(VENV)/.installed  ## the default test suite
	@echo "== default test suite, $(WORKERS) processes"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" --durations=10 $(ARGS)

test-all: $(VENV)/.installed  ## the default suite and the slow tests
	@echo "== all tests, $(WORKERS) processes"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations=20 $(ARGS)

lint: $(VENV)/.installed  ## format, style, types and the walls of the house
	@echo "== ruff format --check"; $(BIN)/ruff format --check .
	@echo "== ruff check"; $(BIN)/ruff check .
	@echo "== mypy"; $(BIN)/mypy
	@echo "== lint-imports"; $(BIN)/lint-imports

planted: $(VENV)/.installed  ## runs whose truth was caused: make them, judge them, write docs/planted.md
	@echo "== planted and natural runs, $(WORKERS) processes"
	@$(BIN)/python -m tests.planted --workers $(WORKERS)

coverage: $(VENV)/.installed  ## how often each interval holds the truth, by simulation; writes docs/statistics.md
	@echo "== coverage of the intervals, one core, about 3 minutes"
	@$(BIN)/python benchmarks/coverage.py

claims: $(VENV)/.installed  ## how often claims of known truth get which verdict, by simulation; writes docs/claims.md
	@echo "== verdicts on simulated studies, one core, about 3 minutes"
	@$(BIN)/python -m benchmarks.claims

folklore: $(VENV)/.installed  ## run the studies of the folklore again (STUDY=strong_d: one) and renew the verdicts
	@$(BIN)/python benchmarks/rerun.py folklore $(STUDY)

replications: $(VENV)/.installed  ## run the studies of published tables again (STUDY=dirac: one)
	@$(BIN)/python benchmarks/rerun.py replications $(STUDY)

docs: $(VENV)/.installed  ## the pages and tables that are made from the program itself and from committed results
	@$(BIN)/python docs/make_cli.py
	@$(BIN)/python docs/make_zoo.py
	@$(BIN)/python docs/make_outcomes.py
	@$(BIN)/python docs/make_verdicts.py
	@$(BIN)/python docs/make_published.py

clean:  ## remove the environment and what tools left (results stay)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ./*.egg-info

# Everything that is missing, in one sentence, before anything is done.
check:
	@missing=""; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  missing="$$missing, Python 3.11 or newer as $(PYTHON)"; \
	elif ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
	  missing="$$missing, Python's venv module (Debian: python3-venv)"; \
	fi; \
	command -v git >/dev/null || missing="$$missing, git"; \
	if [ ! -e $(VENV)/.pinned ] && [ ! -e $(VENV)/.unfinished ]; then \
	  free=$$(df -Pk . | awk 'NR == 2 {print $$4}'); \
	  [ "$$free" -ge $$(( $(GB) * 1000 * 1000 )) ] || missing="$$missing, $(GB) GB of free disk (there are $$(( free / 1000 / 1000 )))"; \
	fi; \
	[ -z "$$missing" ] || { echo "ganbench cannot be installed here: missing $${missing#, }." >&2; exit 1; }

# The pinned wheels are unpacked by two pips at once: unpacking is bound by one core, and one pip takes 2.5 times as
# long. Byte code is compiled when a module is first imported. Without pip's cache the whole fits in 8 GB.
# What this step cannot install (a wheel that another platform lacks) is left to the resolver in the next one.
$(VENV)/.pinned: constraints.txt | check
	@if [ -e $(VENV)/.unfinished ]; then echo "== removing an unfinished $(VENV)"; rm -rf $(VENV); fi
	@echo "== creating $(VENV)"
	@mkdir -p $(VENV) && touch $(VENV)/.unfinished && $(PYTHON) -m venv $(VENV)
	@echo "== installing $$(grep -c == constraints.txt) pinned packages (2 GB to fetch, 6 GB on disk)"
	@grep == constraints.txt | xargs -P 2 -n 6 sh -c \
	  'echo "   $$*"; $(BIN)/python -m pip install -q --no-deps --no-compile --no-cache-dir --progress-bar off "$$@"' pip \
	  || echo "== some pins could not be installed as they are; the next step tries again"
	@mv $(VENV)/.unfinished $@

$(VENV)/.installed: $(VENV)/.pinned pyproject.toml | check
	@echo "== installing ganbench itself and checking what it needs"
	@$(BIN)/python -m pip install -q --no-compile --no-cache-dir --no-build-isolation -c constraints.txt -e '.[dev]'
	@touch $@
