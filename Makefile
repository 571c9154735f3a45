# `make` alone lists what can be done. Nothing but Python 3.11 or newer, make and pip is needed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is new enough makes the virtual environment; `make PYTHON=… setup` decides.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	command -v $$python >/dev/null && \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$python && break; done)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
EVERYTHING := --editable '.[dev,grpc,otlp]' --editable './collector[demo]'
ARGS ?=
JOBS ?= 3

.PHONY: help
help: ## this list
	@echo 'Usage: make TARGET [ARGS="…"]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Every target does the set-up it needs; the first one takes a minute or two.'

.PHONY: setup
setup: $(STAMP) ## create .venv with both packages, editable, and everything for development
	@echo "Set up: $(VENV) holds otel-eventlog, otel-eventlog-collector and the tools."

# Both packages in one pip command: each asks for the other's exact version, and neither need be on
# an index. Where Python came without ensurepip, its pip is asked to fill the empty environment.
$(STAMP): pyproject.toml collector/pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo 'Python 3.11 or newer is needed, and neither python3 nor python3.11 to python3.13 is one.' >&2; \
		echo 'Install it, or name it: make PYTHON=/path/to/python3.11 setup' >&2; exit 1; fi
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "==> Creating $(VENV) with $$($(PYTHON) --version)"; \
		$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || { \
			$(PYTHON) -m venv --clear --without-pip $(VENV) && \
			$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } || { \
			echo "$(VENV) could not be created; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; fi
	@echo '==> Installing both packages and the development tools (a minute or two the first time)'
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
		--constraint constraints.txt $(EVERYTHING)
	@touch $@

.PHONY: lock
lock: ## take the newest versions of everything into constraints.txt
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet $(EVERYTHING)
	{ sed -n '/^#/p' constraints.txt; .venv-lock/bin/python -m pip freeze --exclude-editable; } > .venv-lock/new
	mv .venv-lock/new constraints.txt
	rm -rf .venv-lock

.PHONY: demo
demo: $(STAMP) ## run the collector and small auth apps with simulated users
	$(BIN)/otel-eventlog demo $(ARGS)

.PHONY: test
test: $(STAMP) ## run the tests, JOBS=3 at a time: most of them wait for processes that they start
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile $(ARGS)

.PHONY: lint
lint: $(STAMP) ## ruff, mypy --strict, pyright, the layers, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: $(STAMP) ## measure, each figure beside its bare limit
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: interop
interop: $(STAMP) ## tests against other programs: Jaeger, other languages, an OpenTelemetry Collector
	$(BIN)/python -m pytest -m interop tests/interop $(ARGS)

.PHONY: clean
clean: ## remove .venv and everything that was built or cached
	rm -rf $(VENV) .venv-* build dist collector/build collector/dist \
		.pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
