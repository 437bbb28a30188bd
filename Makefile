# The commands of a checkout. Each first does the set-up that it needs (scripts/setup, quick when there is nothing to
# do), so a fresh clone needs only python3, git and make.
#
# Owns: what each command runs. Not here: how the machine is prepared (scripts/setup), what CI runs (.ci/run).

SHELL := /bin/sh
BIN := .venv/bin

# Pyright comes complete from the package index; this keeps it from asking the network for a newer version.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up test test-long quick near quick-future lint format docs clean

help: ## List the commands
	@echo 'make demo    set up this machine, make a card with two jumps of footage, make their films in demo/'
	@echo 'make up      set up this machine, then run everything until Ctrl-C'
	@echo 'make test    set up this machine for development, lint, check types, run all tests but the long ones'
	@echo 'make test-long  the long tests: they kill members of a whole installation, minutes each'
	@echo 'make quick   about a minute: the tests of functions and of the catalog (on SQLite)'
	@echo 'make near    the tests whose imports reach a file that differs from main (SINCE=HEAD~3: from that commit)'
	@echo 'make quick-future  quick tests on other days and in other zones: in 13 months, on a 29 February, as summer time ends'
	@echo 'make lint    ruff (rules and layout) and pyright (types)'
	@echo 'make format  give the code the layout that lint checks'
	@echo 'make docs    build the pages of docs/ as a site, in site/; fails on a link that leads nowhere'
	@echo 'make setup   only the set-up: system packages, .venv, Python packages'
	@echo 'make clean   remove .venv, demo/ and caches (data and films of "make up" stay)'

setup:
	@scripts/setup

setup-dev:
	@scripts/setup --dev

demo: setup
	$(BIN)/stinercut demo --jumps 2 --out demo

up: setup
	$(BIN)/stinercut up

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup-dev
	$(BIN)/mkdocs build --strict

# Tests start hundreds of processes of ours. Where the environment says to keep no compiled modules, as images do, each
# of them would compile the sources again.
unexport PYTHONDONTWRITEBYTECODE

QUICK := not slow and not long
# The tiers pure and db, which start no process of ours (tests/support/tiers.py).
TIERS := --db sqlite -m '$(QUICK)' tests/pure tests/db
# No test and no rule depends on the day or the place. `make test` tries that with the cheap tests. Only the tests' own
# process has the other clock, so tests of whole processes are left out. So are those that only read the repository.
TEXTS := --ignore=tests/pure/house --ignore=tests/pure/docs
IN_13_MONTHS := Pacific/Auckland $(BIN)/pytest -n 2 --dist worksteal --clock +395

# Many tests wait for processes and sockets, not for a core: with two at a time, two cores are half idle.
test: lint
	TZ=$(IN_13_MONTHS) $(TEXTS) $(TIERS)
	$(BIN)/pytest -n 3 --dist worksteal -m 'not long'

test-long: setup-dev
	$(BIN)/pytest -m long

quick: setup-dev
	$(BIN)/pytest -n 2 --dist worksteal $(TIERS)

# SINCE=HEAD~3: the tests near the changes since that commit.
near: setup-dev
	$(BIN)/python tests/support/near.py $(SINCE)

quick-future: setup-dev
	TZ=$(IN_13_MONTHS) -m '$(QUICK)' tests/pure tests/db tests/media
	TZ=America/St_Johns $(BIN)/pytest -n 2 --dist worksteal --clock 2028-02-29T23:30 -m '$(QUICK)' tests/pure tests/db
	TZ=Europe/Vienna $(BIN)/pytest -n 2 --dist worksteal --clock 2027-10-31T02:30 -m '$(QUICK)' tests/pure tests/db

clean:
	rm -rf .venv demo build dist site *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
