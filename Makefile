# Everything runs in .venv, which the first target that needs it makes.
#
#   make run      install, load the demo study, then serve on http://127.0.0.1:8000
#   make test     install, then run all tests
#   make check    lint, types, import directions, dependency audit
#   make bench    print the figures that README and CHANGELOG quote
#   make million  a million rows through themecoder suggest, killed half-way and resumed
#   make crash    kills the service many times and looks what is left
#   make fuzz     the property tests with many more examples
#   make pins     resolve constraints.txt anew
#   make clean    remove the environment
#
# On Linux pip's default torch brings gigabytes of CUDA; for the CPU build name a wheel index:
#   make run TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell sed -n '/^torch==/p' constraints.txt)
PIP_VERSION := $(shell sed -n 's/^\(pip==[^ ]*\).*/\1/p' constraints-dev.txt)
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What is pinned with hashes is complete, so nothing is resolved here.
PINNED := --no-deps --require-hashes

.PHONY: help run test check bench million crash fuzz pins clean
help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/torch: constraints.txt
	@echo "== making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -q $(PIP_VERSION)
	@echo "== installing $(TORCH) (some 200 MB for the CPU build)"
	@$(PIP) install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@touch $@

$(VENV)/product: $(VENV)/torch constraints.txt pyproject.toml
	@echo "== installing what themecoder needs"
	@sed '/^torch==/d' constraints.txt > $(VENV)/pinned.txt
	@$(PIP) install -q $(PINNED) -r $(VENV)/pinned.txt
	@echo "== installing themecoder"
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/tools: $(VENV)/product constraints-dev.txt
	@echo "== installing the tools for tests and checks"
	@$(PIP) install -q $(PINNED) -r constraints-dev.txt
	@touch $@

run: $(VENV)/product
	@echo "== loading the demo study, unless it is there"
	@$(BIN)/themecoder demo
	@echo "== starting the service; the model is ready some seconds later"
	@$(BIN)/themecoder serve

test: $(VENV)/tools
	@echo "== running all tests"
	@$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/tools
	@echo "== ruff"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== import directions"
	@$(BIN)/lint-imports
	@echo "== dependency audit"
	@$(BIN)/python tools/audit_dependencies.py

bench: $(VENV)/tools
	@for benchmark in benchmarks/bench_*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

million: $(VENV)/tools
	@echo "== a million rows through themecoder suggest, killed and resumed"
	@$(BIN)/python benchmarks/million_rows.py

crash: $(VENV)/tools
	@echo "== the service is killed 20 times during 1,000 decisions, workers 500 times, 5,500 logs are torn, and a run over"
	@echo "   50,000 segments is watched through a restart"
	@THEMECODER_CRASH_ROUNDS=20 THEMECODER_CRASH_DECISIONS=1000 THEMECODER_CRASH_KILLS=500 THEMECODER_TORN_LOGS=5000 \
		THEMECODER_TORN_RUNS=500 THEMECODER_WATCHED_SEGMENTS=50000 $(BIN)/python -m pytest --timeout 3600 $(PYTEST) \
		tests/crash tests/service/database_commands tests/end_to_end/test_runs.py -k "killed or torn"

fuzz: $(VENV)/tools
	@echo "== property tests, many examples"
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m hypothesis --timeout 3600 $(PYTEST)

pins: $(VENV)/tools
	@PATH=$(abspath $(BIN)):$$PATH $(BIN)/python tools/pin_dependencies.py

clean:
	rm -rf $(VENV)
