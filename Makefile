# Two commands set everything up by themselves: make demo, make test. They need Python 3.11 or newer and make.

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint mutants bench format analyser lock clean

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

# -- running ----------------------------------------------------------------------------------------------------------

# $(call expect,CODE,WORDS): runs deployer and insists on its exit code.
define expect
	@echo; echo '$$ deployer $(2)'
	@$(BIN)/deployer $(2); code=$$?; \
	[ $$code -eq $(1) ] || { echo "make demo: exit code $$code, not $(1): deployer $(2)" >&2; exit 1; }
endef

# How many write requests stand in the emulator's log.
WRITTEN := $(BIN)/python -c 'from pathlib import Path; from deployer.emulator.store import Store; \
print(sum(one["method"] != "GET" for one in Store(Path(".deployer/emulator/emulator.sqlite")).requests()))'

demo: $(READY)  ## plan, apply, verify and rehearse the demo environment on the embedded emulator
	@rm -rf .deployer/emulator
	$(call expect,2,plan demo)
	$(call expect,0,apply demo --yes)
	$(call expect,0,verify demo)
	$(call expect,0,plan demo)
	@$(WRITTEN) > $(VENV)/written
	$(call expect,0,apply demo --yes)
	@before=$$(cat $(VENV)/written); after=$$($(WRITTEN)); echo; \
	echo "Write requests of the first apply: $$before. Of the second: $$((after - before))."; \
	[ "$$before" -gt 0 ] && [ "$$after" -eq "$$before" ] || { echo "make demo: not what a demo should show" >&2; exit 1; }
	$(call expect,0,emulator rehearse demo)

# -- checking ---------------------------------------------------------------------------------------------------------

test: $(READY) analyser  ## run every test, style included
	@$(BIN)/python -m pytest --quiet --numprocesses $(WORKERS)

lint: $(READY)  ## run the style checks only: ruff, mypy, layers, locks, workflows
	@$(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) tests/house

mutants: $(READY)  ## break the queries one condition at a time and see that a case notices (minutes)
	@$(BIN)/python -m tests.mutants

bench: $(READY)  ## measure many tenants against the bare requests, and the engines over many events (minutes)
	@$(BIN)/python -m tests.benchmarks.fleet
	@$(BIN)/python -m tests.benchmarks.engines

format: $(READY)  ## lay the code out as the style checks want it
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

# -- installing -------------------------------------------------------------------------------------------------------

$(VENV)/locked: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "deployer needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Installing the locked dependencies into $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(READY): $(VENV)/locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# npm fetches it, once; where npm is missing and may be installed, it is. Without it the suite skips what needs it, and
# fails where CI is set.
ROOT := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo -n)

analyser: $(READY)  ## install Microsoft's own KQL analyser, which check and the tests use
	@command -v npm > /dev/null || $(BIN)/deployer analyser install > /dev/null 2>&1 || \
	{ echo "Installing npm"; { $(ROOT) apt-get update -qq && \
	$(ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends npm; } > /dev/null 2>&1; } || true
	@$(BIN)/deployer analyser install || echo "make: going on without Microsoft's analyser" >&2

# The pins stay unless asked: make lock UPGRADE=--upgrade. The build backend is locked with the rest; wheels that lie
# on this machine stay out of the hashes.
BUILD := $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'
COMPILE := env -u UV_FIND_LINKS $(BIN)/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --quiet $(UPGRADE)

lock: $(READY)  ## write both lock files anew after a change of pyproject.toml
	@$(BUILD) | $(COMPILE) pyproject.toml - --extra local --output-file requirements.lock
	@$(BUILD) | $(COMPILE) pyproject.toml - --all-extras --constraint requirements.lock --output-file requirements-dev.lock

clean:  ## remove what make has made, the emulator's state too
	@rm -rf $(VENV) .deployer .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find deployer tests -name __pycache__ -prune -exec rm -rf {} +
