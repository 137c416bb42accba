# Everything a contributor types. Bare `make` lists it; the text after ## is what it prints.
# On a fresh machine Python 3.11 or newer is all that is needed: the environment is made here, in .venv.

VENV ?= .venv
ARGS ?=
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
SUPPORTED := 3.11 3.12 3.13 3.14

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-browser test-all check fix bench bench-results serve features cov docs floors clean
.DELETE_ON_ERROR:

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.core ## Show a companion at work: it reads documents and answers questions with its sources
	@$(VENV)/bin/companion demo $(ARGS)

# Two processes: the suite is bound by one core each, and many tests are about real threads, which want some quiet.
test: $(VENV)/.dev ## Run the tests, the slow ones left out (six minutes on two cores)
	@$(PY) -m pytest -m "not slow" --numprocesses=2 --dist=loadfile $(ARGS)

test-slow: $(VENV)/.dev ## Run the slow tests
	@$(PY) -m pytest -m slow --timeout=600 $(ARGS)

test-browser: $(VENV)/.dev ## Look at the page in a real browser; wants Debian's chromium, or another at that name
	@$(PIP) install -q -c $(CONSTRAINTS) -e ".[dev,browser]"
	@$(PY) -m pytest tests/dashboard --timeout=120 $(ARGS)

# A version that pyenv knows but has not activated has a shim that does not run, so each candidate is tried.
test-all: ## Run the tests on every supported Python that is installed, each in its own environment
	@failed=; ran=; \
	for version in $(SUPPORTED); do \
	  python=; \
	  for candidate in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	    if "$$candidate" -c "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$$version')" 2>/dev/null; then \
	      python=$$candidate; break; \
	    fi; \
	  done; \
	  if [ -z "$$python" ]; then echo "== Python $$version: not installed, skipped"; continue; fi; \
	  echo "== Python $$version: $$("$$python" -V), in .venv-$$version"; \
	  if $(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python"; then ran="$$ran $$version"; \
	  else failed="$$failed $$version"; fi; \
	done; \
	echo "== passed:$${ran:- none}; failed:$${failed:- none}"; [ -z "$$failed" ] && [ -n "$$ran" ]

check: $(VENV)/.dev ## Lint, formatting and types; changes nothing
	@bad=0; $(PY) -m ruff check --no-fix . || bad=1; $(PY) -m ruff format --check . || bad=1; \
	$(PY) -m mypy || bad=1; exit $$bad

fix: $(VENV)/.dev ## Mend what ruff can mend, and format
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

bench: $(VENV)/.dev ## Measure beside the peers (ARGS="throughput --quick", ARGS="--html report.html", ARGS=--help)
	@$(PY) -m benchmarks $(ARGS)

bench-results: $(VENV)/.bench ## Measure everything, the heavy peers too, into benchmarks/results (half an hour of a quiet machine)
	@$(PY) -m benchmarks --results benchmarks/results $(ARGS)

serve: $(VENV)/.serve ## Serve the page and the HTTP interface on 127.0.0.1:8765
	@$(VENV)/bin/companion serve $(ARGS)

features: $(VENV)/.dev ## Print every promised feature with the tests that carry it
	@$(PY) -m tests.features $(ARGS)

cov: $(VENV)/.dev ## Run the tests under coverage, branches included; the pages are in htmlcov/
	@$(PY) -m coverage erase
	@bad=0; $(PY) -m coverage run -m pytest -m "not slow" $(ARGS) || bad=1; \
	$(PY) -m coverage combine -q && $(PY) -m coverage html -q && $(PY) -m coverage report && exit $$bad

docs: $(VENV)/.dev ## Build the site out of docs/ and the docstrings into build/docs, and run what its pages show
	@$(PIP) install -q -c $(CONSTRAINTS) -e ".[dev,docs]"
	@$(PY) -m sphinx -q -W --keep-going -b html docs build/docs
	@$(PY) -m pytest tests/documents -q
	@echo "Open build/docs/index.html"

floors: ## Run the tests with the oldest versions that pyproject.toml allows, in .venv-floors
	@$(MAKE) --no-print-directory test VENV=.venv-floors CONSTRAINTS=.venv-floors/floors.txt

clean: ## Remove everything that was made here, the environments included
	rm -rf .venv .venv-* build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. A stamp is younger than what it was installed from, so the second time costs nothing.

CONSTRAINTS ?= constraints.txt

$(PY):
	@for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Creating $(VENV) with $$("$$candidate" -V)"; \
	    "$$candidate" -m venv --clear $(VENV) && exit 0; \
	    echo "error: $$candidate cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "error: Python 3.11 or newer is needed and none was found; say where it is with: make PYTHON=/path/to/python" >&2; \
	exit 1

# The floor of everything in every extra: a constraint on what is not installed costs nothing, and none can be forgotten.
%/floors.txt: pyproject.toml | $(PY)
	@$(PY) -c 'import re, tomllib; \
	project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	wanted = project["dependencies"] + sum(project["optional-dependencies"].values(), []); \
	floor = lambda need: re.sub(r"\[.*?\]", "", need).replace(">=", "=="); \
	print(*sorted({floor(need) for need in wanted if "=" in need}), sep="\n")' > $@

$(VENV)/.core: pyproject.toml $(CONSTRAINTS) | $(PY)
	@echo "Installing companion-async and what it runs on into $(VENV)"
	@$(PIP) install -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.serve: pyproject.toml $(CONSTRAINTS) | $(PY)
	@echo "Installing companion-async with its HTTP server into $(VENV)"
	@$(PIP) install -c $(CONSTRAINTS) -e ".[serve]"
	@touch $@ $(VENV)/.core

$(VENV)/.dev: pyproject.toml $(CONSTRAINTS) | $(PY)
	@echo "Installing companion-async with its extras and the tools for its tests into $(VENV)"
	@$(PIP) install -c $(CONSTRAINTS) -e ".[dev]"
	@touch $@ $(VENV)/.core $(VENV)/.serve

$(VENV)/.bench: $(VENV)/.dev
	@echo "Installing the heavy peers into $(VENV)"
	@$(PIP) install -c $(CONSTRAINTS) -e ".[dev,bench-peers]"
	@touch $@
