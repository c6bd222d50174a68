# gnncv: `make demo` and `make test` set up everything they need in .venv, then do their work.
# Needed on the machine: Python 3.11 or newer (with venv), g++ with C++20, cmake, and a package registry that pip can reach.

PYTHON ?= python3
# The torch that development builds against; the package itself accepts the range in pyproject.toml.
TORCH := torch==2.13.0
DEMO_OUTPUT ?= demo_output
DEMO_FLAGS ?=
PYTEST_FLAGS ?=
# Processes that share the tests: a number, or one for each logical core, 8 at most; 0 tests in one process.
TEST_PROCESSES ?= logical

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
HAVE_TORCH := $(VENV)/.gnncv-torch
HAVE_BUILD_REQUIREMENTS := $(VENV)/.gnncv-build-requirements
HAVE_GNNCV := $(VENV)/.gnncv-installed

CXX_SOURCES := $(shell find cpp python/bindings cmake -type f 2>/dev/null)
CLANG_FORMAT_FILES := $(shell find cpp python/bindings plumed_plugin tests/cpp examples -type f \
	\( -name '*.h' -o -name '*.cpp' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null)
PYTHON_SOURCES := $(wildcard python tests benchmarks examples docs)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format typecheck docs bench wheel clean distclean

help:  ## Show the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(HAVE_GNNCV)  ## Set up .venv with torch, gnncv and all its extras.

demo: $(HAVE_GNNCV)  ## Run the main job end to end (at most 10 minutes); the report is demo_output/report.html.
	$(BIN)/gnncv demo -o $(DEMO_OUTPUT) $(DEMO_FLAGS)

test: lint  ## Run the linters and all tests.
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -ra -n $(TEST_PROCESSES) --maxprocesses 8 --dist worksteal $(PYTEST_FLAGS)

lint: $(HAVE_GNNCV)  ## Check formatting, lint and types.
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy
	@$(if $(CLANG_FORMAT_FILES),$(BIN)/clang-format --dry-run -Werror $(CLANG_FORMAT_FILES),true)

format: $(HAVE_GNNCV)  ## Format all sources in place.
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)
	@$(if $(CLANG_FORMAT_FILES),$(BIN)/clang-format -i $(CLANG_FORMAT_FILES),true)

docs: $(HAVE_GNNCV)  ## Build the documentation site into docs/_build/html.
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(HAVE_GNNCV)  ## Time the evaluation of a CV (values, gradients, virial).
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/evaluate.py $(BENCH_FLAGS)

wheel: $(HAVE_BUILD_REQUIREMENTS)  ## Build a wheel into dist/.
	$(PIP) wheel --no-build-isolation --no-deps -w dist .

clean:  ## Remove what was built, and keep .venv.
	rm -rf build dist docs/_build $(HAVE_GNNCV)
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## Remove .venv too.
	rm -rf $(VENV)

$(HAVE_TORCH):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"gnncv needs Python 3.11 or newer, and $(PYTHON) is %d.%d: name another with make PYTHON=..." \
		% sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH)
	@touch $@

# Installed before gnncv: it is built without isolation, against the torch that is beside it.
$(HAVE_BUILD_REQUIREMENTS): $(HAVE_TORCH)
	$(PIP) install scikit-build-core pybind11 cmake ninja vesin numpy
	@touch $@

# Editable: Python changes are seen at once; a change of the C++ sources builds again (incrementally).
$(HAVE_GNNCV): $(HAVE_BUILD_REQUIREMENTS) pyproject.toml CMakeLists.txt $(CXX_SOURCES)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --no-build-isolation -e '.[all,dev,docs]'
	@touch $@
