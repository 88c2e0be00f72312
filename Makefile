# Punctual's commands. Each installs its packages in .venv and nowhere else.
PYTHON ?= python3
# One more than processors: one worker runs the tests with a local stack, which mostly wait.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) + 1)
ARGS ?=
MODE ?=

VENV := .venv
BIN := $(VENV)/bin
LOCAL := $(VENV)/.stamp-local
DEV := $(VENV)/.stamp-dev
BENCH := $(VENV)/.stamp-bench
AUDIT := $(VENV)/.stamp-audit
CLIENTS := $(VENV)/.stamp-clients
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--quiet $(LOCK_ARGS)

.DEFAULT_GOAL := help
NODE_20 := [ "$$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge 20 ] 2>/dev/null && command -v npm >/dev/null
BUILD := $(BIN)/python -m app.web.console.build

MAKEFLAGS += --no-print-directory
.PHONY: help setup demo run console node pictures speed test check format format-check lint types lock bench bench-import bench-scale \
	bench-scrape soak attack chaos drills \
	simulate mutate audit sbom clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: PYTHON=python3.12 · MODE=poll for demo · ARGS='tests/domain -k zone', WORKERS=0 for test"

setup: $(DEV) ## Create .venv with the pinned packages

# A broken .venv, half made or without its Python, is rebuilt. The demo and the local stack skip the packages of tests and
# checks: they are two thirds of the download.
$(VENV)/.stamp-%: requirements-%.txt
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' here. Install Python 3.11 or newer, or name it: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Punctual needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make setup PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) >/dev/null 2>&1; } || \
		{ rm -rf $(VENV); echo "'$(PYTHON) -m venv' cannot make an environment: the venv module or its ensurepip is missing." \
		"On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing the packages of $< into $(VENV) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r $<
	@touch $@ $(if $(filter dev bench,$*),$(LOCAL)) $(if $(filter bench,$*),$(DEV))

demo: $(LOCAL) ## Watch the whole local stack publish a few posts on the second
	@$(BIN)/python -m app.local demo $(if $(MODE),--mode $(MODE)) $(ARGS)

run: $(LOCAL) ## Start the local stack and keep it running: app 8000, QStash 8080, n8n 5678, LinkedIn 8090
	@if $(NODE_20) || [ -e $(VENV)/.stamp-console ]; then $(BUILD) || echo "Going on without the console."; \
		else echo "No Node 20 here, so no console. 'make console' brings one for it."; fi
	@$(BIN)/python -m app.local run $(ARGS)

console: node ## Build the console's pages. Without Node 20 on this machine, one is installed in .venv
	@$(BUILD)

node: $(LOCAL)
	@$(NODE_20) || $(MAKE) $(VENV)/.stamp-console

# The packages of a test that compiles a TypeScript client. Without node that test is skipped, and fails under CI.
$(CLIENTS): tests/clients/typescript/package-lock.json | $(DEV)
	@command -v npm >/dev/null || { echo "No npm here: the test of a TypeScript client is skipped."; exit 0; } && \
		if npm ci --ignore-scripts --no-audit --no-fund --silent --prefix $(<D); then touch $@; \
		else echo "npm cannot install $<: the test of a TypeScript client is skipped."; fi

test: $(DEV) $(CLIENTS) ## Run every test, on SQLite and PostgreSQL
	@! command -v chromium >/dev/null || $(MAKE) node
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: format-check lint types test ## Run CI's checks: format, lint, types, tests

format: $(DEV) ## Format the code and sort the imports
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

format-check: $(DEV)
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "Run 'make format'."; exit 1; }

lint: $(DEV) ## Lint with ruff, and look for insecure code with bandit
	@$(BIN)/ruff check --quiet .
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml app wsgi.py

types: $(DEV) node ## Check the types, of the console too
	@$(BIN)/mypy --no-error-summary
	@$(BUILD) --check

lock: ## Rewrite requirements*.txt from pyproject.toml, with uv. LOCK_ARGS=--upgrade for newer versions
	@command -v uv >/dev/null || { echo "'make lock' needs uv: pipx install uv"; exit 1; }
	@$(LOCK) --extra server --extra local --extra mcp --extra sentry --extra otel --extra dev -o requirements-dev.txt
	@$(LOCK) --extra server --extra local --extra mcp --extra sentry --extra otel --extra dev --extra bench -c requirements-dev.txt -o requirements-bench.txt
	@$(LOCK) --extra server --extra local -c requirements-dev.txt -o requirements-local.txt
	@$(LOCK) --extra server -c requirements-dev.txt -o requirements-server.txt
	@$(LOCK) --extra mcp -c requirements-dev.txt -o requirements-mcp.txt
	@$(LOCK) --extra sentry -c requirements-dev.txt -o requirements-sentry.txt
	@$(LOCK) --extra otel -c requirements-dev.txt -o requirements-otel.txt
	@$(LOCK) --extra console -c requirements-dev.txt -o requirements-console.txt
	@$(LOCK) --extra audit -c requirements-dev.txt -o requirements-audit.txt
	@$(LOCK) -c requirements-dev.txt -o requirements.txt
	@! grep -nE '(://|index-url|find-links)' requirements*.txt || { echo "A lock file names a registry's host."; exit 1; }

pictures: $(DEV) node ## Take pictures of the console's pages, in pictures/: desktop and phone, light and dark, empty and full
	@$(BIN)/python -m tests.browser.pictures $(ARGS)

speed: $(DEV) node ## Measure the console with 1,000 and 5,000 posts: first card, next month, week, bytes. ARGS='--runs 3'
	@$(BIN)/python -m tests.browser.speed $(ARGS)

bench: $(BENCH) ## Measure Punctual beside its peers. ARGS='--works burst --systems floor,punctual --runs 1 --posts 1000'
	@$(BIN)/python -m tests.bench $(ARGS)

bench-import: $(DEV) ## Measure the import of the app at a cold start
	@$(BIN)/python -m tests.bench.first_answer
	@$(BIN)/python tests/bench/import_time.py $(ARGS)

bench-scale: $(DEV) ## Compare a million posts with a thousand: sweep, dispatch, list, status. ARGS='--posts 100000'
	@$(BIN)/python -m tests.bench.scale $(ARGS)

bench-scrape: $(DEV) ## Measure a scrape of the metrics over a million posts. ARGS='--posts 100000'
	@$(BIN)/python -m tests.bench.scrape $(ARGS)

soak: $(DEV) ## Run the system under a steady load for 30 minutes, and show what grows. ARGS='--minutes 2'
	@$(BIN)/python -m tests.bench.soak $(ARGS)

attack: $(DEV) ## Attack one app for four minutes, and measure whether other users' posts come late. ARGS='--attacks heads,proofs'
	@$(BIN)/python -m tests.attack $(ARGS)

chaos: $(DEV) ## Kill real processes while they publish 1,000 posts, and count the errors. ARGS='--seed 7'
	@$(BIN)/python -m tests.chaos $(ARGS)

drills: $(DEV) ## Play faults of real databases and restores with posts in flight. ARGS='restarts wal --times 3'
	@$(BIN)/python -m tests.chaos.drills $(ARGS)

simulate: $(DEV) ## Play random faults under a virtual clock. SEEDS=1000 START=0 for many, SEED=1234 for one
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(START),--start $(START)) \
		$(if $(SEED),--seed $(SEED)) $(if $(BREAK),--break $(BREAK))

mutate: $(DEV) ## Break the core code in thousands of ways, one at a time, and check if the tests fail. ARGS='domain transitions'
	@env -u CI TEST_DATABASES=sqlite $(BIN)/python -m tests.mutation $(ARGS)

audit: $(AUDIT) ## Compare the pinned packages with published advisories. Needs a registry that has them
	@.ci/audit $(BIN)

sbom: $(AUDIT) ## Write sbom.json: the packages of an installation, as CycloneDX JSON
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
		-o sbom.json requirements-server.txt
	@echo "sbom.json: $$(grep -c '"purl"' sbom.json) packages of requirements-server.txt"

clean: ## Remove .venv, caches, builds and local data
	@rm -rf $(VENV) tests/clients/typescript/node_modules app/web/console/node_modules app/web/console/dist instance mutants bench-results sbom.json .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
