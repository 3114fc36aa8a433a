# Everything a newcomer needs, on a machine that has only Python 3.11, git and make. `make help` lists it.

VENV       := .venv
BENCH_VENV := .venv-bench
CHECKOV    := .venv-checkov
BIN        := $(VENV)/bin
PIP        := $(BIN)/python -m pip --disable-pip-version-check --no-input
TUTORIAL   := notebooks/01_first_steps.ipynb
DEMO       := build/demo
TORCH_FROM := https://download.pytorch.org/whl/cpu

# The first of these that is Python 3.11 or newer; or name one: make test PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Nothing below may reach the store, the notebooks' settings or the kernels of whoever runs it.
DEMO_ENV := JSK_HOME="$(CURDIR)/$(DEMO)/home" JSK_STORE= IPYTHONDIR="$(CURDIR)/$(DEMO)/ipython"

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup servers torch checkov lint test demo lab bench clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Set-up ----------------------------------------------------------------------------------------------

setup: $(VENV)/.ready  ## make .venv with the locked packages (done by the others when needed)

$(VENV)/.ready: pyproject.toml requirements-dev.txt requirements-torch.txt | $(BIN)/python
	@echo "Installing the locked packages into $(VENV); the first time takes some minutes"
	$(PIP) install --quiet -r requirements-dev.txt
	$(PIP) install --quiet --no-deps --editable .
	@$(MAKE) --no-print-directory torch
	@touch $@

$(BIN)/python:
	@$(call make_venv,$(VENV))

# A Debian without the package python3-venv makes environments without pip, so that one is had first.
define make_venv
	if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed, and python3.11 and python3 are not it." >&2; \
		echo "  Next: install it, or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || tests/servers/install.sh python3-venv; \
	echo "$(PYTHON) -m venv $(1)"; \
	$(PYTHON) -m venv $(1) || { rm -rf $(1); exit 1; }
endef

torch: | $(BIN)/python  ## add PyTorch (without CUDA) for the .pt tests, if pip is offered it
	@if $(BIN)/python -c 'import torch' 2>/dev/null; then :; \
	elif $(PIP) install --quiet --retries 1 --timeout 30 -r requirements-torch.txt 2>$(VENV)/torch.log; then \
		echo "PyTorch without CUDA is installed"; \
	else \
		tail -n 1 $(VENV)/torch.log; \
		echo "PyTorch without CUDA is not on offer here: the tests of .pt files will be skipped."; \
		echo "  To run them: PIP_EXTRA_INDEX_URL=$(TORCH_FROM) make torch test"; \
	fi

# Its reasons for not coming are kept: tests/infra/test_checkov.py tells them as it is skipped.
checkov: $(CHECKOV)/bin/python  ## make .venv-checkov, which judges infra's Terraform, if pip is offered it
	@if [ $(CHECKOV)/.ready -nt infra/requirements-checkov.txt ]; then :; \
	elif $(CHECKOV)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --retries 1 \
		--timeout 30 -r infra/requirements-checkov.txt >$(CHECKOV)/pip.log 2>&1; then \
		touch $(CHECKOV)/.ready; \
		echo "checkov is installed into $(CHECKOV)"; \
	else \
		rm -f $(CHECKOV)/.ready; \
		tail -n 1 $(CHECKOV)/pip.log; \
		echo "checkov is not on offer here: its tests will be skipped. To try again: make checkov test"; \
	fi

$(CHECKOV)/bin/python:
	@$(call make_venv,$(CHECKOV))

servers:  ## install the Debian packages of the real servers, where root or sudo allows
	@tests/servers/install.sh
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m tests.servers.gitlab

# The two commands ------------------------------------------------------------------------------------

demo: setup  ## run the tutorial on a local store; show what was saved and found
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@$(DEMO_ENV) $(BIN)/python notebooks/run.py $(TUTORIAL) $(DEMO)

# JupyterLab refuses root, which is whom containers run as; LAB_ARGS="--port=9000 --no-browser" and the like.
lab: setup  ## open the tutorial in JupyterLab, on the store of the demo
	@mkdir -p $(DEMO)
	$(DEMO_ENV) $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS) $(TUTORIAL)

lint: setup  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=infra/lambdas $(BIN)/lint-imports

# One run of pytest, so that one line counts everything: tests, doctests, cells of the tutorials. A process
# for each processor, up to four, shares the work by files (tests/grouping.py).
PROCESSES := -n logical --maxprocesses=4 --dist=loadgroup --no-loadscope-reorder

test: setup servers checkov lint  ## run all tests, on real servers
	$(BIN)/python -m pytest $(PROCESSES) --no-fold-skipped --doctest-modules --nbval-lax \
		jsk_saver ci tests notebooks

# Measuring -------------------------------------------------------------------------------------------

bench: $(BENCH_VENV)/.ready servers  ## measure against bare boto3, awswrangler, s3fs and pins
	$(BENCH_VENV)/bin/python bench/run.py

$(BENCH_VENV)/.ready: pyproject.toml bench/requirements.txt | $(BENCH_VENV)/bin/python
	@echo "Installing the locked packages into $(BENCH_VENV)"
	$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet -r bench/requirements.txt
	$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --editable .
	@touch $@

$(BENCH_VENV)/bin/python:
	@$(call make_venv,$(BENCH_VENV))

clean:  ## remove the environments and everything that was built
	rm -rf $(VENV) $(BENCH_VENV) $(CHECKOV) build dist \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
