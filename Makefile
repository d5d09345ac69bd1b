# `make run` starts PulseOps, `make test` tests it; both install what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements-dev.txt.sha256

.PHONY: help run test test-postgres15 test-citus check format fuzz map bench lock browser languages clients screenshots container-steps clean

help:  ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

run:  ## start everything on this machine, until Ctrl-C
	@$(PYTHON) manage.py up

# Three at once, on two cores, because a good part of them waits for a browser or a process to start. The system's zone data
# are hidden: a machine may have none, and what we bring must do.
test: $(STAMP) browser  ## run the tests
	@PYTHONTZPATH= $(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

test-postgres15: $(STAMP) browser  ## run the tests against a PostgreSQL 15 of Debian's
	@tests/with_postgres15 $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

# CITUS_COORDINATOR=postgresql://USER@HOST:PORT/postgres CITUS_WORKERS=HOST:PORT,HOST:PORT of a cluster of one's own. What drives a
# browser or takes long is left out: it asks the database what others ask it; ARGS='-m slow' has it.
test-citus: $(STAMP)  ## run the tests on a coordinator and workers of Citus
	@[ -n "$$CITUS_COORDINATOR" ] && [ -n "$$CITUS_WORKERS" ] || { \
	  echo "Name the cluster: CITUS_COORDINATOR=postgresql://… CITUS_WORKERS=HOST:PORT,HOST:PORT" >&2; exit 2; }
	@DATABASE_URL="$$CITUS_COORDINATOR" DATABASE_WEB_ROLE= $(BIN)/python -m pytest -n 2 --dist loadgroup --timeout 900 \
	  -m "not browser and not slow" $(ARGS)

check: $(STAMP)  ## what CI checks besides tests: style, types, settings, migrations, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 --check
	@$(BIN)/mypy
	@$(BIN)/python manage.py check --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python tools/audit_requirements.py

format: $(STAMP)  ## put code and templates in shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2

# MINUTES=60 for longer, SEED=… to repeat what a run printed. Then each property of the suite is tried on ten times as many
# examples as it names (EXAMPLES=10), where `make test` tries four tenths of them.
fuzz: $(STAMP)  ## send changed requests to every route for some minutes (MINUTES=5), at random (SEED=…)
	@FUZZ_MINUTES=$(or $(MINUTES),5) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -q tests/fuzz/long_run.py $(ARGS)
	@SHARE_OF_EXAMPLES=$(or $(EXAMPLES),10) $(BIN)/python -m pytest -q -n 2 --dist loadgroup -m hypothesis --timeout=3600 $(ARGS)

map:  ## print the floor plan: rooms, lines, imports between them, circles, the longest files, names without a user
	@$(PYTHON) tools/map.py

bench: $(STAMP)  ## measure everything into docs/performance.md (some 20 minutes and 15 GB; wants a quiet machine)
	@$(BIN)/python -m benchmarks --write $(ARGS)

screenshots: $(STAMP) browser  ## take the pictures of docs/images from a running PulseOps with demo data
	@$(BIN)/python tools/screenshots.py $(ARGS)

lock: $(STAMP)  ## resolve and pin the requirements anew, with hashes
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet \
	    $$name.in -o $$name.txt || exit 1; done

$(STAMP): requirements-dev.txt
	@$(PYTHON) -m pulseops.bootstrap requirements-dev.txt
	@touch $@

# The browser tests drive Debian's Chromium by Playwright, whose driver wants libatomic; examples of the docs call curl and jq.
# Its headless shell is the same engine without the browser around it, and takes two thirds of the processor's time.
browser:
	@missing=""; \
	command -v chromium-headless-shell >/dev/null || missing="$$missing chromium-headless-shell"; \
	ls /usr/lib/*/libatomic.so.1 >/dev/null 2>&1 || missing="$$missing libatomic1"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v jq >/dev/null || missing="$$missing jq"; \
	[ -z "$$missing" ] || { \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$root apt-get update -qq; \
	  $$root apt-get install -qq -y --no-install-recommends $$missing >/dev/null || { command -v chromium >/dev/null || \
	    $$root apt-get install -qq -y --no-install-recommends chromium curl jq libatomic1 >/dev/null; }; }

# The snippets for sending logs are programs in six languages; their tests skip those that are not here.
languages:  ## install what runs the snippets (Debian's Go, Ruby, Java and Node), where it is missing
	@wanted=""; \
	command -v go >/dev/null || wanted="$$wanted golang-go"; \
	command -v ruby >/dev/null || wanted="$$wanted ruby"; \
	command -v java >/dev/null || wanted="$$wanted default-jdk-headless"; \
	command -v node >/dev/null || wanted="$$wanted nodejs"; \
	[ -z "$$wanted" ] || { \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$root apt-get update -qq && $$root apt-get install -qq -y --no-install-recommends $$wanted >/dev/null; }
	@! command -v go >/dev/null || go build net/http  # newer Go comes without compiled packages, and this keeps them

clients:  ## install what tests run as other people's loggers below var/clients (PyPI, npm, Debian's rsyslog and syslog-ng)
	@tools/debian_clients.sh var/clients
	@tests/clients/install var/clients

container-steps:  ## run the Containerfile's steps in a bare Debian root, and start the result (as root; needs mmdebstrap)
	@base=$${FRESH_ROOT_CACHE:-$$HOME/.cache}/fresh-root.tar; mkdir -p "$$(dirname "$$base")"; \
	[ -s "$$base" ] || mmdebstrap --quiet --variant=apt --include=python3,python3-venv,make,git,ca-certificates,procps \
	  bookworm "$$base"; \
	unshare --mount --propagation private tools/run_containerfile.py "$$base"

clean:  ## remove what tests and checks leave behind (never the data)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis staticfiles var/test
