# `make demo` and `make test` do all the set-up they need; the second time they are quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
AUDIO ?=
DEMO ?= demo
# Epochs of `make lite`: 8 made the model of the package, in 36 minutes on two CPU cores; more are better.
EPOCHS ?= 8
LITE ?= lite

.PHONY: demo lite test units slow gpu lint types bench studio locks release clean

demo: $(VENV)/.demo
	$(BIN)/python -m jobs.demo --output $(DEMO) $(if $(AUDIO),--audio "$(AUDIO)")

# The model that comes with the package: `cp LITE/model/* emotalk/pretrained/lite/` ships what this trains.
lite: $(VENV)/.voices
	$(BIN)/python -m jobs.build_corpus synthetic --cast wide --output $(LITE)/corpus --shard-mib 8
	$(BIN)/python -m jobs.train --corpus $(LITE)/corpus --output $(LITE) --workers 2 --epochs $(EPOCHS) --half \
		--learning-rate 1.5e-3 --plan.seconds-per-step 60 --align phones --losses.gap 0.5 --losses.sounds 0.1
	$(BIN)/python -m jobs.evaluate --model $(LITE)/model --corpus $(LITE)/corpus --output $(LITE)/report

# Types are checked beside the tests: by one process, for most of a minute.
test: $(VENV)/.dev lint
	@$(MAKE) --no-print-directory --jobs 2 types units

units: $(VENV)/.dev
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
	$(BIN)/python -m benchmarks.streaming
	$(BIN)/python -m benchmarks.precision
	$(BIN)/python -m benchmarks.faceformer
	$(BIN)/python -m benchmarks.seams
	$(BIN)/python -m benchmarks.long
	$(BIN)/python -m benchmarks.dub_speed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) (about 2 GB, once)"
	@$(INSTALL) --editable '.[synthetic]'
	@touch $@

$(VENV)/.voices: pyproject.toml constraints.txt | $(VENV)/.demo
	@echo "installing neural voices"
	@$(INSTALL) --editable '.[voices]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.demo
	@echo "installing what tests need"
	@$(INSTALL) --editable '.[voices,align,capture,render,usd,dev]'
	@touch $@

$(VENV)/.release: pyproject.toml constraints.txt | $(VENV)/.dev
	@echo "installing what locks and releases need"
	@$(INSTALL) --editable '.[voices,align,capture,render,usd,microphone,dev,release]'
	@touch $@

# After a change of the dependencies in pyproject.toml; UPDATE="--upgrade", or names of packages, takes newer versions.
UPDATE ?=
locks: $(VENV)/.release
	$(BIN)/python -m cluster.supply.lock $(UPDATE)
	@$(INSTALL) --editable '.[voices,align,capture,render,usd,microphone,dev,release]'
	$(BIN)/python -m cluster.supply.licences --write

# What a release consists of, in dist/.
SBOM := $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible
release: $(VENV)/.release
	$(BIN)/python -m cluster.supply.licences
	rm -rf dist && mkdir dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	cp constraints.txt cluster/supply/cpu.txt cluster/supply/cuda.txt cluster/supply/licences.md dist
	{ cat cluster/supply/cpu.txt; grep '^torch==' constraints.txt; } | $(SBOM) --output-file dist/sbom-cpu.cdx.json -
	$(SBOM) --output-file dist/sbom-cuda.cdx.json cluster/supply/cuda.txt
	cd dist && sha256sum -- * > SHA256SUMS

# The studio's page, after a change of its source: needs Node.
studio: $(VENV)/.demo
	mkdir -p serve_app/studio/public
	$(BIN)/python -c "from pathlib import Path; from emotalk.formats.glb import rig_glb; from emotalk.rigs import procedural_head; \
		Path('serve_app/studio/public/rig.glb').write_bytes(rig_glb(procedural_head()))"
	cd serve_app/studio && npm ci --no-audit --no-fund && npm run check && npm run build

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
