# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
SERVICE ?= sales
VENV := .venv/bin
PYTEST_ARGS ?=
SEEDS ?= 1:1001

.PHONY: help install install-all demo up test lint simulate bench package start pins clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

install:
	@sh tools/install.sh local

install-all:
	@sh tools/install.sh local,test,lint

demo: install  ## Run a compressed trading day end to end; exit code 0 only if the books balance
	@$(VENV)/tillbus demo

up: install  ## Start the local platform and stay running
	@$(VENV)/tillbus up

lint: install-all  ## Ruff and strict mypy
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy

# In the order of the folders: the long replays begin early, and small units fill the end. Four
# processes for two cores: a good part of what they do is waiting for real processes and real locks.
test: lint  ## Ruff, strict mypy and every test
	@sh tools/install_peers.sh
	$(VENV)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

simulate: install-all  ## Run the chain under seeded faults: make simulate SEEDS=1:10001
	$(VENV)/python -m tests.simulation.chain --seeds $(SEEDS)

bench: install-all  ## Measure speed and memory (prints figures, asserts nothing)
	$(VENV)/python -m tests.bench

package: install  ## Build the deployable zip of a service: make package SERVICE=sales, or SERVICE=all
	$(VENV)/python -m tools.package $(SERVICE)

start: install  ## Run one service under Azure Functions Core Tools: make start SERVICE=sales
	@$(VENV)/python -m tools.start $(SERVICE)

pins: install-all  ## Resolve every extra anew into constraints.txt
	$(VENV)/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
	    --prerelease if-necessary-or-explicit --no-annotate --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make pins" --upgrade pyproject.toml -o constraints.txt

clean:  ## Remove what the other targets made (the environment stays)
	rm -rf dist .tillbus .pytest_cache .mypy_cache .ruff_cache .hypothesis
