# Two commands: `make run` and `make test`. Each sets up what it needs, below .venv.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# The newest Django needs a newer Python than Debian's. pyenv's shim may be there and not run.
NEWEST_DJANGO := django==6.1.3
NEWEST_PYTHON = $(shell for python in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python; do \
	$$python -c "" 2>/dev/null && echo $$python && break; done)
NEWEST_INSTALLED = $(if $(NEWEST_PYTHON),.venv/newest/installed)

.DEFAULT_GOAL := help
.PHONY: help run lint format test test-rest test-all test-part docs chaos bench feature rename env deploy owner backup restore

help:
	@echo "make run    start the chat with some demo talk (PORT=8000)"
	@echo "make test   check style and types, and test what a change needs, in some 4 minutes"
	@echo "            or some of it: make test TESTS='tests/chat -k reaction'"
	@echo "make test-all  all tests there are, in some 35 minutes; it names what this machine lacks"
	@echo "make lint   check style and types only"
	@echo "make docs   build the documentation into build/docs: open index.html there"
	@echo "make format write the code in the style that lint asks for"
	@echo "make chaos  kill servers under a chat in use, for five minutes (SECONDS=300 SEED=1)"
	@echo "make bench  measure it beside its peers, those on Node if there is npm (RUNS=3); about 50 minutes"
	@echo "make feature begin a feature: NAME=stars (docs/features.md)"
	@echo "make rename make it your own: NAME=acme TITLE='Acme Talk' (docs/fork.md)"
	@echo "On a server, docs/deploy.md:"
	@echo "make env DOMAIN=chat.example.org  write .env, with new secrets"
	@echo "make deploy                       start it, or update it while people talk"
	@echo "make owner                        print the link by which the first owner comes"
	@echo "make backup                       back up now; it also does so every night"
	@echo "make restore FILE=backups/...     put a backup in the place of the database"

run: export DEBUG ?= 1
run: .venv/site-installed
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py demo
	@echo "Log in as alice, bob or carol; the password is demo. Ctrl-C ends it."
	@$(BIN)/python -m realtime.server --port $(PORT)

lint: .venv/tests-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/tests-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# TESTS are arguments of pytest, on any number of lines; without them, what a change needs.
test:
ifdef TESTS
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest $(strip $(TESTS))
else
	@echo "Style, types and tests: about 4 minutes on two cores"
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m tests.parts test
endif

# What `make test` leaves out.
test-rest: .venv/tests-installed $(NEWEST_INSTALLED)
	$(BIN)/python -m tests.parts rest

test-all: test
	@$(MAKE) --no-print-directory test-rest

# One part of the tests, by its name in tests/parts.py.
test-part: .venv/tests-installed $(if $(findstring newest,$(PART)),$(NEWEST_INSTALLED))
	$(BIN)/python -m tests.parts $(PART)

docs: .venv/tests-installed
	$(BIN)/python -m sphinx -W --keep-going -E -q -b html docs build/docs

chaos: SECONDS ?= 300
chaos: SEED ?= 1
chaos: .venv/tests-installed
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED)

bench: RUNS ?= 3
bench: .venv/tests-installed
	@if command -v npm >/dev/null; then cd bench/peers && npm ci --silent --no-audit --no-fund; fi
	$(BIN)/python -m bench --runs $(RUNS) --write

feature: .venv/tests-installed
	@$(BIN)/python scripts/feature.py "$$NAME"

rename:
	@$(PYTHON) scripts/rename.py "$$NAME" "$$TITLE"

env:
	@deploy/env.sh "$(DOMAIN)"

deploy:
	@deploy/deploy.sh

owner:
	@docker compose exec --no-TTY web python manage.py setup_link

backup:
	@docker compose exec --no-TTY backup sh /deploy/backup.sh now

restore:
	@deploy/restore.sh "$(FILE)" "$(REPLACE)"

.venv/bin/python:
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/site-installed: requirements.txt | .venv/bin/python
	@echo "Installing what the site needs into .venv ..."
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/tests-installed: requirements-dev.txt .venv/site-installed
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/newest/installed: requirements-dev.txt requirements.txt
	@echo "Installing $(NEWEST_DJANGO) on Python 3.13 into .venv/newest ..."
	@$(NEWEST_PYTHON) -m venv .venv/newest
	@.venv/newest/bin/python $(PIP_INSTALL) -r $<
	@.venv/newest/bin/python $(PIP_INSTALL) $(NEWEST_DJANGO)
	@touch $@
