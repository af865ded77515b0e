# Two commands for a newcomer: `make demo` and `make test`. Each does its own set-up in .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test soak game fuzz check bench scale first-load histories lives contracts proto docs lock sbom format clean

help:
	@echo "make demo [DATA=folder] [KEEP=1]  the main job on this machine, told and proven"
	@echo "make test [COVERAGE=1]            all tests; with coverage half as long again"
	@echo "make soak                         5,000 kills under load, 1 to 2 hours; HEQI_SOAK_KILLS says how many"
	@echo "make histories [HISTORIES=100000] random grants, revocations, moves and reads against a model, long"
	@echo "make lives [LIVES=100000]         random lives of guarantees against a model, on twin and contract, long"
	@echo "make game [RUNS=20]               what an adversary sees of sealed bids, played often, long"
	@echo "make fuzz                         parsers and calls under hostile input, long; HEQI_FUZZ_EXAMPLES says how long"
	@echo "make check                        format, lint, types, import rules, generated code, locks, known vulnerabilities"
	@echo "make bench                        figures, as ratios within one run"
	@echo "make scale [RECORDS=1000000]      what a long history costs: rate, memory, start, proofs"
	@echo "make first-load [REGISTRATIONS=100000]  existing registrations: rate against records, memory"
	@echo "make contracts | proto | format   make generated things again"
	@echo "make lock [UPGRADE=1]             pin what pyproject.toml asks for, with hashes"
	@echo "make sbom                         what a node is made of, CycloneDX, into build/sbom"

$(READY): pyproject.toml requirements/runtime.txt requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(READY) requirements/dev.txt
	@echo "installing the developers' tools into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(READY)
	@$(BIN)/heqi demo $(if $(DATA),--data $(DATA)) $(if $(KEEP),--keep)

test: $(DEV)
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=)
	@$(if $(COVERAGE),$(BIN)/python -m coverage report --fail-under=95)

soak: $(DEV)
	@$(BIN)/python -m tests.support.crash_soak

# Every parser that faces the outside, for as long as the number of examples takes: 5,000 are about a quarter of an hour.
fuzz: $(DEV)
	@HEQI_FUZZ_EXAMPLES=$${HEQI_FUZZ_EXAMPLES:-5000} $(BIN)/python -m pytest -q -n 2 -p no:cacheprovider \
	  tests/unit/test_parsers_stand.py tests/integration/test_calls_stand.py

check: $(DEV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/buf lint && $(BIN)/buf format --diff --exit-code
	@$(BIN)/python proto/drift.py
	@$(BIN)/python docs/generate_errors.py --check
	@$(BIN)/python docs/generate_access.py --check
	@$(BIN)/python docs/generate_duties.py --check
	@$(BIN)/python contracts/generate_table.py --check
	@$(BIN)/python contracts/generate_layout.py --check
	@$(BIN)/python requirements/lock.py --check
	@$(BIN)/python requirements/audit.py
	@if command -v npm >/dev/null; then \
	  npm ci --silent --no-progress --prefix contracts && node contracts/build.mjs --check; \
	elif [ -n "$$HEQI_REQUIRE_ALL" ]; then echo "npm is missing"; exit 1; \
	else echo "skipped: contracts are not compiled again, npm is missing"; fi

bench: $(DEV)
	@$(BIN)/python -m bench

# Random lives of guarantees, on the ledger in memory and on the real contract, and every combination of the table.
lives: $(DEV)
	@HEQI_LIVES=$(or $(LIVES),100000) HEQI_LIVES_ON_CONTRACT=$(or $(ON_CONTRACT),1000) \
	  HEQI_LIVES_SEED=$(or $(SEED),$$(date +%s)) $(BIN)/python -m pytest -q -s -p no:cacheprovider \
	  tests/unit/ledger/test_memory_guarantee_lives.py tests/contracts/test_guarantee_lives.py \
	  tests/contracts/test_guarantee_table.py

histories: $(DEV)
	@HEQI_HISTORIES=$(or $(HISTORIES),100000) HEQI_HISTORIES_ON_CONTRACTS=$(or $(ON_CONTRACTS),1000) \
	  HEQI_HISTORIES_SEED=$(or $(SEED),$$(date +%s)) $(BIN)/python -m pytest -q -s -p no:cacheprovider -p no:logging \
	  tests/unit/services/test_histories.py tests/ports/test_histories_on_contracts.py

game: $(DEV)
	@HEQI_GAME_RUNS=$(or $(RUNS),20) $(BIN)/python -m pytest -q -p no:cacheprovider tests/unit/services/test_sealed_game.py

scale: $(DEV)
	@$(BIN)/python -m bench.scale $(if $(RECORDS),--records $(RECORDS))

first-load: $(DEV)
	@$(BIN)/python -m bench.loading $(if $(REGISTRATIONS),--registrations $(REGISTRATIONS))

contracts: $(READY)
	@$(BIN)/python contracts/generate_table.py
	npm ci --no-progress --prefix contracts
	node contracts/build.mjs
	@$(BIN)/python contracts/generate_layout.py

proto: $(DEV)
	@$(BIN)/buf format --write
	@$(BIN)/python proto/generate.py

lock: $(DEV)
	@$(BIN)/python requirements/lock.py $(if $(UPGRADE),--upgrade)

# What a node is made of, as CycloneDX: from an environment that holds the locked packages and nothing else.
sbom: $(DEV)
	@rm -rf build/sbom && mkdir -p build/sbom && $(BIN)/python -m venv build/sbom/venv
	@build/sbom/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@build/sbom/venv/bin/python -m pip uninstall --quiet --yes pip setuptools
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom/node.cdx.json build/sbom/venv
	@rm -rf build/sbom/venv
	@if command -v npm >/dev/null; then \
	  cd contracts && npm sbom --sbom-format cyclonedx --package-lock-only > ../build/sbom/contracts.cdx.json; \
	else echo "skipped: no list for the contracts, npm is missing"; fi
	@ls build/sbom/*

docs: $(DEV)
	@$(BIN)/python docs/generate_errors.py
	@$(BIN)/python docs/generate_access.py
	@$(BIN)/python docs/generate_duties.py

format: $(DEV)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage contracts/node_modules tests/engines/node_modules docs/integrate/java/target
