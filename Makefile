# make help lists the targets. Needs Python 3.11 or later, git and make; bootstrap.py makes the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:
# With it, each of the many processes here would compile all that it imports, every time.
unexport PYTHONDONTWRITEBYTECODE

# The first Python on PATH that is new enough; PYTHON=/path/to/python3.12 overrides it.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
endif

RUN := .venv/bin/python
NO_PYTHON := Sightline needs Python 3.11 or later, and found none. Install one \
(Debian, Ubuntu: sudo apt-get install -y python3 python3-venv) or name it: make PYTHON=/path/to/python3.12
ENV = @"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(NO_PYTHON)"; exit 1; }; \
	"$(PYTHON)" bootstrap.py

## Try it
.PHONY: demo
demo: ## upload a driving video, index it, ask four questions (VIDEO=own.mp4 QUERY="truck ahead")
	$(ENV) local
	@$(RUN) -m client demo $${VIDEO:+--video "$$VIDEO"} $${QUERY:+--query "$$QUERY"} $${PORT:+--port "$$PORT"}

.PHONY: up
up: ## keep the local cloud running in the foreground; its data survives a restart (PORT=8420)
	$(ENV) local
	@$(RUN) -m client up $${PORT:+--port "$$PORT"}

## Work on it
TIERS := local component contract infra docs unit
# Two processes, each with a Postgres, an emulator and an endpoint of its own; one's own database serves one.
SHARED := $(if $(DATABASE_URL),,-n 2 --dist loadfile --no-loadscope-reorder)

.PHONY: test
test: ## every test but those that need torch (TIERS="unit docs" runs some)
	$(ENV) dev
	@$(RUN) -m pytest $(SHARED) $(addprefix tests/,$(TIERS)) $(if $(filter file default,$(origin TIERS)),--cov --cov-report=term)

.PHONY: test-torch
test-torch: ## the tests that need torch, in an environment of their own
	$(ENV) torch
	@.venv-torch/bin/python -m pytest tests/torch --confcutdir tests/torch

.PHONY: test-deploy
test-deploy: ## the tests of a release at SageMaker, in an environment of their own
	$(ENV) deploy
	@.venv-deploy/bin/python -m pytest tests/deploy --confcutdir tests/deploy

.PHONY: train
train: ## train the bundled image model anew, which takes hours (RUN_WITH="--shorter 10" for a tenth of the steps)
	$(ENV) torch
	@.venv-torch/bin/python -m gpu_endpoint.training.run --compiled --processes 2 $(RUN_WITH)

.PHONY: check
check: ## format, lint, types and import rules
	$(ENV) dev
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@.venv/bin/lint-imports

.PHONY: format
format: ## let ruff rewrite what it can
	$(ENV) dev
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

.PHONY: synth
synth: ## write the CloudFormation templates to cdk.out
	$(ENV) local
	@$(RUN) -m infra_cdk.app --out cdk.out

.PHONY: lock
lock: ## resolve every requirement file anew: the environments', the layers' and the container's
	$(ENV) dev
	@$(RUN) requirements/lock.py
	@$(RUN) -m infra_cdk.layer_build lock

.PHONY: clean
clean: ## remove the environments, caches and built files; what the local cloud stores stays (.sightline)
	@rm -rf .venv .venv-torch .venv-deploy cdk.out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -f .coverage .coverage.*

.PHONY: help
help:
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
