# `make demo` and `make test` do all the set-up they need; the second time they are quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
AUDIO ?=
DEMO ?= demo

.PHONY: demo test slow gpu lint types bench clean

demo: $(VENV)/.demo
	$(BIN)/python -m jobs.demo --output $(DEMO) $(if $(AUDIO),--audio "$(AUDIO)")

test: $(VENV)/.dev lint types
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadgroup

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

gpu: $(VENV)/.dev
	$(BIN)/python -m pytest -m gpu

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.demo
	$(BIN)/python -m benchmarks.network

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) (about 2 GB, once)"
	@$(INSTALL) --editable '.[synthetic]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.demo
	@echo "installing what tests need"
	@$(INSTALL) --editable '.[synthetic,align,capture,render,dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
