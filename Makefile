# Everything this project can do on a machine, each from one command. ARGS narrows or adds: make test ARGS="-k number".
# Needs Python 3.11+ and, for what starts an Asterisk or installs Debian packages, root. See scripts/.

PYTHON ?= python3
ARGS ?=

# Every target runs in namespaces of its own that end with make, however make ends; `exec`, so that no shell stands
# between, and the pid, so that a make killed in the very first moment is noticed too.
MAKE_PID := $(shell echo $$PPID)
APART := @exec $(PYTHON) -m scripts.isolated $(MAKE_PID) $(PYTHON) -m scripts.prepare

.PHONY: help demo test check soak lint bench ui screenshots lock clean
.DEFAULT_GOAL := help

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || grep '## ' Makefile

demo: ## Asterisk, bridge, CRM and sample calls, until Ctrl-C; ARGS=--once plays one round and checks it
	$(APART) demo -- .venv/bin/python -m demo $(ARGS)

test: ## all tests, on a real Asterisk too (about half an hour)
	$(APART) test -- .venv/bin/python -m scripts.checks test $(ARGS)

check: ## unit tests and call stories, briefly (two minutes, no Asterisk)
	$(APART) check -- .venv/bin/python -m scripts.checks check $(ARGS)

soak: ## long runs with faults, on a real Asterisk; ARGS="--minutes 120 --seed 7"; not part of make test
	$(APART) soak -- .venv/bin/python -m scripts.checks soak $(ARGS)

lint: ## style and types
	$(APART) lint -- .venv/bin/python -m scripts.checks lint $(ARGS)

bench: ## measure, each figure beside a peer or a limit; ARGS names some: decision pop cpu
	$(APART) bench -- .venv/bin/python -m benchmarks $(ARGS)

ui: ## the operator page, built into the package
	$(APART) ui

screenshots: ## the pictures of the documentation, taken of the page in a real Chromium
	$(APART) test -- .venv/bin/python -m pytest -q tests/browser/screenshots.py $(ARGS)

lock: ## renew the lock files from pyproject.toml (UPGRADE=1: newest versions)
	@exec scripts/lock

clean: ## remove everything that was installed or built in this folder
	@exec scripts/clean
