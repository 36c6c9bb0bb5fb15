# Every target sets up what it needs: the first one makes .venv, later ones find it ready.
# Other interpreter: make lab PYTHON=python3.12. Other JupyterLab flags: make lab LAB_FLAGS="--no-browser --port 8890".

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CANDIDATES := python3 python python3.12 python3.11 python3.13
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON := $(shell for p in $(CANDIDATES); do $$p -c "$(SUITABLE)" 2>/dev/null && echo $$p && break; done)

FIRST_LESSON := notebooks/00_start_here/00_start_here.ipynb
LAB_FLAGS ?=
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)
TEST_FLAGS ?=
LESSONS ?=

# nbgrader and Jupyter call their own commands by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup lab test demo build check bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY)  ## create .venv with every dependency at its pinned version

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Down & Up needs Python 3.11, 3.12 or 3.13 with its venv module, and found none of them on the PATH."; \
	  echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name yours: make setup PYTHON=/path/to/python3.12"; \
	  exit 1; \
	fi
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,scale]"
	@# JupyterLab would ask a newcomer about news and look for updates; a lesson needs no network.
	@$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1
	@touch $@

lab: $(READY)  ## open JupyterLab on lesson 00
	@exec $(BIN)/jupyter lab $(ROOT_FLAG) --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/$(FIRST_LESSON) $(LAB_FLAGS)

test: $(READY)  ## run all tests
	@# What is compiled is kept even where PYTHONDONTWRITEBYTECODE is set: over a hundred processes import the same modules.
	@OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(TEST_FLAGS)

demo: $(READY)  ## grade a bundled class of submissions to lesson 01 and show the results
	@$(BIN)/python -m autograder demo

build: $(READY)  ## rebuild the notebooks from solutions/*/*.py (LESSONS="01_pooling" for some)
	@$(BIN)/python -m autograder build $(LESSONS)

check: $(READY)  ## format, lint, types, and that the notebooks match their sources; no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m autograder build --check

bench: $(READY)  ## measure every figure that the README quotes
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

clean:  ## remove .venv, caches and what the demo wrote; your notebooks and gradebook stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
