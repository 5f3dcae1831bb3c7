# `make` lists what can be made. The first target that needs it creates .venv from the hashed lock.
SUPPORTED = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3 python,$(shell $(name) -c "$(SUPPORTED)" 2>/dev/null && echo $(name))))
BIN := .venv/bin
SITE = $(shell $(BIN)/python -c "import google.rpc, pathlib; print(pathlib.Path(next(iter(google.rpc.__path__))).parents[1])")
PROTOC = $(BIN)/python -m grpc_tools.protoc -I $(SITE) --fatal_warnings
PROTOS := $(wildcard protos/tapedeck/v1/*.proto)
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header
TAG = $(shell git describe --tags --abbrev=0 2>/dev/null)
PG15 := /usr/lib/postgresql/15/bin/initdb
CHROMIUM := /usr/bin/chromium
RANDOM_REQUESTS ?= 20000
PARITY_CASES ?= 5000
# Tests of a file share a pair of services, so a file stays in one process. In their own order: sorted by their number of tests, the files
# with few and slow ones would come last, and one process would wait for the others. One more than cores: tests wait a lot.
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo up protos lock lint breaking test test-system faults parity fuzz bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/ready: locks/dev.lock pyproject.toml
	@$(or $(PYTHON),python3) -c "$(SUPPORTED)" || { echo "Tapedeck needs Python 3.11 or 3.12 with venv (on Debian: apt-get install python3-venv), or name one: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

setup: .venv/ready ## create .venv with everything in it

demo: .venv/ready ## run the main job end to end on real prices, and stop again
	$(BIN)/python -m deploy.demo

up: .venv/ready ## keep both services running for grpcurl and the command line
	$(BIN)/python -m deploy.local up

protos: .venv/ready ## generate the Python code of the contract
	$(PROTOC) -I protos --python_out=protos --pyi_out=protos $(PROTOS)
	$(PROTOC) -I protos --grpc_python_out=protos $(wildcard protos/tapedeck/v1/*_service.proto)

lock: .venv/ready ## bring the hashed locks up to date with pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(UPGRADE) pyproject.toml -o locks/client.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra engine -o locks/engine.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra store -o locks/store.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --all-extras --group dev -o locks/dev.lock
	printf "hatchling\nsetuptools\n" | $(COMPILE) $(UPGRADE) - --constraints locks/dev.lock --python-version 3.11 -o locks/build.lock

lint: .venv/ready build/contract.binpb breaking ## check style, types, import rules, the contract, generated code and house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint build/contract.binpb --path tapedeck
	$(BIN)/pytest -q tests/test_tidy.py

build/contract.binpb: .venv/ready $(PROTOS)
	mkdir -p build
	$(PROTOC) -I protos --include_imports --include_source_info --descriptor_set_out=$@ $(PROTOS)

# The contract may grow; it may not change what a program built against the last tag relies on.
breaking: build/contract.binpb
ifneq ($(TAG),)
	rm -rf build/tag && mkdir -p build/tag && git archive $(TAG) protos | tar -x -C build/tag
	$(PROTOC) -I build/tag/protos --include_imports --descriptor_set_out=build/tag.binpb build/tag/protos/tapedeck/v1/*.proto
	$(BIN)/buf breaking build/contract.binpb --against build/tag.binpb --path tapedeck
endif

# What is compiled is compiled before the tests, once: else each of their processes would, all at the same time.
test: .venv/ready ## pass the tests that need nothing but Python, with branch coverage
	$(BIN)/coverage erase
	$(BIN)/python -c "from engine_service import metrics; from engine_service.sweeps import computing; metrics.warm(); computing.warm()"
	$(BIN)/pytest -m "not system and not faults" -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=
	$(BIN)/coverage report --skip-covered --fail-under=85
	$(BIN)/coverage report --skip-covered --fail-under=90 --include="store_service/*"

test-system: .venv/ready $(PG15) $(CHROMIUM) ## pass the tests that need more: Debian's PostgreSQL 15 and Chromium, fresh installations
	$(BIN)/pytest -m system

$(PG15): PACKAGES = postgresql-15 postgresql-client-15
$(CHROMIUM): PACKAGES = chromium
$(PG15) $(CHROMIUM):
	@test "$$(id -u)" = 0 || { echo "make test-system needs Debian's $(firstword $(PACKAGES)): have root run apt-get install $(PACKAGES)"; exit 1; }
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(PACKAGES)

faults: .venv/ready ## kill services, workers and fork servers in the middle of runs
	$(BIN)/pytest -q -m faults

parity: .venv/ready ## compare PARITY_CASES random runs of the kernel with zipline's, bit for bit
	$(BIN)/python -m tests.parity --cases $(PARITY_CASES) --processes $(TEST_PROCESSES)

fuzz: .venv/ready ## send RANDOM_REQUESTS random requests to every rpc
	TAPEDECK_RANDOM_REQUESTS=$(RANDOM_REQUESTS) $(BIN)/pytest -q -k random --timeout 1800

bench: .venv/ready ## measure against the same work done without the services
	$(BIN)/python -m bench

clean: ## remove what was made, but for the data directory
	rm -rf .venv build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
