# Unrolled. `make help` lists what there is; the README says who needs what.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMPS := _build/stamps
CLASS := _build/class
PORT ?= 8000
# The first of these that is 3.11 or 3.12; `make PYTHON=/path/to/python3.12 …` takes another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && { echo $$p; break; }; done)
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
# CPU or GPU: `make course DEVICE=gpu` installs the CUDA builds of PyTorch and TensorFlow.
DEVICE ?= cpu
EXTRAS := $(DEVICE),teaching,grading,postgres,book,onnx,test,quality

PACKAGE := $(shell find autograder -name '*.py' -o -name '*.mplstyle')
SOURCES := $(wildcard solutions/*/*.py)
PAGES := $(shell find book -type f -not -name '*.pyc') _config.yml _toc.yml

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export TF_ENABLE_ONEDNN_OPTS := 0
# nbgrader and the book start kernels by name: this environment's come first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help course book equations equation release class serve test test-fast test-long lint bench clean

help: ## this list
	@echo "Unrolled: an open course on recurrent neural networks"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS=$$'\t' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

course: book release class ## everything: environment, book, exercises, the sample class graded
	@$(BIN)/unrolled export vanilla --course $(CLASS)
	@echo
	@echo "book         _build/html/index.html   (make serve opens it on localhost)"
	@echo "exercises    exercises/<assignment>/  numpy.ipynb, pytorch.ipynb, tensorflow.ipynb"
	@echo "grade table  $(CLASS)/grades.csv"
	@echo "feedback     $(CLASS)/feedback/<student>/vanilla/index.html"
	@echo "class report $(CLASS)/report-vanilla.html"
	@echo "gradebook    $(CLASS)/gradebook.db"

book: $(STAMPS)/book ## execute and build the book into _build/html
equations: $(STAMPS)/equations ## every numbered equation of the book, tested as printed
equation: $(VENV)/.ready ## one of them (LABEL=eq-bptt-dh)
	@[ -n "$(LABEL)" ] || { echo "make: which equation? make equation LABEL=eq-bptt-dh"; exit 1; }
	@$(BIN)/python -m pytest -q tests/equations/test_*_equations.py --label "$(LABEL)"
	@$(BIN)/python -m autograder.equations "$(LABEL)"
release: $(STAMPS)/release ## make exercises/ from solutions/
class: $(STAMPS)/class ## make and grade the sample class in _build/class

serve: $(STAMPS)/book ## the book on localhost (PORT=8000)
	@echo "http://localhost:$(PORT)/  (Ctrl-C ends it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

# The book is not built before every equation has been tested as it stands, by the code as it stands: once is enough.
test: $(VENV)/.ready $(STAMPS)/book lint ## every test but the long ones
	@$(BIN)/python -m autograder.equations current
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long" --ignore-glob='*/equations/test_*_equations.py'

test-long: $(VENV)/.ready ## the tests that take many minutes: every hostile submission in every tier, nbgrader's own tests, and more
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m long

test-fast: $(VENV)/.ready ## the tests for daily work, under two minutes
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow and not long and not book and not browser"

lint: $(VENV)/.ready ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.ready ## the benchmarks, as ratios
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file; done

clean: ## remove what was built (the environment stays; rm -r .venv removes that)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache solutions/*/*.ipynb

# --- how each is made ----------------------------------------------------------------------------------------

$(VENV)/.ready: pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "make: no Python 3.11 or 3.12 found; install one (Debian: apt install python3" \
		"python3-venv) or say which: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@command -v git >/dev/null || { echo "make: git is missing; install it (Debian: apt install git)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make environments;" \
		"install its venv module (Debian: apt install python3-venv)"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned packages into $(VENV) (about 3 GB; minutes the first time)"
	@if [ "$(DEVICE)" = cpu ] && ! $(BIN)/python -c 'import torch' 2>/dev/null; then \
		$(BIN)/python -m pip install -q -c constraints.txt "torch==$(TORCH)+cpu" 2>/dev/null || \
		echo "no CPU build of PyTorch in pip's sources: taking the standard one (README, \"CPU or GPU\")"; fi
	@$(BIN)/python -m pip install -q -c constraints.txt -e ".[$(EXTRAS)]" 2> >(grep -v '^WARNING: Location' >&2)
	@touch $@

# What the chapters' cells import and the packages they run on: when these change, every cell runs again.
$(STAMPS)/cells: constraints.txt $(shell find autograder/recurrent -name "*.py") autograder/frameworks.py autograder/figures.mplstyle
	@mkdir -p $(STAMPS)
	@rm -rf _build/.jupyter_cache
	@touch $@

# Prose may change without an equation: then the record still holds, and nothing is tested again.
$(STAMPS)/equations: $(PAGES) constraints.txt $(shell find autograder/equations tests/equations -type f -not -name '*.pyc') | $(VENV)/.ready
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m autograder.equations current || $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/equations || { \
		echo "make: an equation does not hold as printed, or is not declared; the failures above name it"; exit 1; }
	@touch $@

$(STAMPS)/book: $(PAGES) $(STAMPS)/cells $(STAMPS)/equations | $(VENV)/.ready
	@$(BIN)/jupyter-book build . -W --keep-going -q || { \
		echo "make: the book did not build; the first warning or error above says where"; exit 1; }
	@touch $@

$(STAMPS)/release: $(SOURCES) $(PACKAGE) $(PAGES) nbgrader_config.py | $(VENV)/.ready
	@mkdir -p $(STAMPS)
	@$(BIN)/python -m autograder.grading.book_places
	@for assignment in $(sort $(notdir $(patsubst %/,%,$(dir $(SOURCES))))); do $(BIN)/unrolled release $$assignment; done
	@touch $@

$(STAMPS)/class: $(SOURCES) $(PACKAGE) nbgrader_config.py | $(VENV)/.ready
	@mkdir -p $(STAMPS)
	@$(BIN)/unrolled sample-class $(CLASS)
	@$(BIN)/unrolled grade vanilla --course $(CLASS)
	@$(BIN)/unrolled marks --course $(CLASS) $(CLASS)/marks.csv
	@$(BIN)/unrolled feedback vanilla --course $(CLASS)
	@$(BIN)/unrolled report vanilla --course $(CLASS)
	@touch $@
