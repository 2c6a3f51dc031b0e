PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

# Tools that only import the settings need values, not servers: nothing listens on port 1.
DUMMY_ENVIRONMENT := ENVIRONMENT=test DEBUG=0 SECRET_KEY=lint MASTER_ENCRYPTION_KEY=lint \
	DATABASE_URL=postgres://lint:lint@127.0.0.1:1/lint REDIS_URL=redis://127.0.0.1:1/0

.DEFAULT_GOAL := help
.PHONY: help venv venv-dev up demo test lint format bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/runtime.stamp ## Create .venv with the pinned requirements

.venv/runtime.stamp: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "CopyTrade needs Python 3.11 or newer: PYTHON=/path/to/python3.11 make venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

venv-dev: .venv/dev.stamp

.venv/dev.stamp: .venv/runtime.stamp requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# `exec`, so that a signal sent to make reaches the launcher and not a shell in between.
up: venv ## Start everything: database, queue, web, worker, beat (PORT, VAR_DIR)
	@exec $(BIN)/python manage.py up $(ARGS)

demo: venv ## The same with a demo world and a feeder
	@exec $(BIN)/python manage.py up --demo $(ARGS)

test: venv-dev ## Run the tests (ARGS="-k name")
	@exec $(BIN)/python -m pytest $(ARGS)

lint: venv-dev ## Check style, types, layers, templates, migrations and the API schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(DUMMY_ENVIRONMENT) $(BIN)/mypy
	$(DUMMY_ENVIRONMENT) $(BIN)/lint-imports
	$(BIN)/djlint templates --check
	$(BIN)/djlint templates --lint
	$(DUMMY_ENVIRONMENT) $(BIN)/python -W "ignore:Got an error checking a consistent migration history" \
		manage.py makemigrations --check --dry-run
	$(DUMMY_ENVIRONMENT) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

format: venv-dev ## Rewrite code and templates in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet

bench: venv-dev ## Run every benchmark
	@for file in benchmarks/bench_*.py; do \
		$(BIN)/python -m "benchmarks.$$(basename "$$file" .py)" $(ARGS) || exit 1; \
	done

clean: ## Remove .venv and caches (never the data in var/)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
