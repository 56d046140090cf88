# Two commands do everything on a fresh Debian machine: `make run` and `make test`.

PORT ?= 8080
PYTHON ?=
RUNS ?= 200
VENV := .venv
BIN := $(VENV)/bin
PYTHONS := 3.12 3.13
PROJECT := setup.cfg pyproject.toml
NODE_PACKAGES := frontend/node_modules/.installed
ASYNCAPI_PARSER := tests/specs/asyncapi_parser/node_modules/.installed
BROWSER_CLIENT := server/static/.built
BROWSER_SOURCES := frontend/package.json frontend/build.mjs $(shell find frontend/src frontend/pages -type f)
export PYTHON VENV

.DEFAULT_GOAL := help
# apt and pip lock against themselves, and the output of two steps at once is unreadable.
.NOTPARALLEL:
.PHONY: help run test check lint frontend-check test-pythons repeat generated autobahn bench-peers system-packages bench screenshots clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed-demo ## gateway in development mode with the example agent; PORT=9000 for another port
	@tools/build_browser_client $(MAKE)
	@tools/run_demo $(PORT)

test: system-packages $(VENV)/.installed-dev $(NODE_PACKAGES) $(ASYNCAPI_PARSER) autobahn bench-peers lint frontend-check ## set up everything, lint, run every test on every Python found
	$(BIN)/python -m pytest
	@$(MAKE) --no-print-directory test-pythons

check: $(VENV)/.installed-dev lint frontend-check ## lint, types, layers and the quick tests: under a minute
	$(BIN)/python -m pytest -m "not slow" -q

lint: $(VENV)/.installed-dev ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

frontend-check: $(NODE_PACKAGES) $(BROWSER_CLIENT) ## browser client and pages: lint, types, unit tests, sizes
	npm --prefix frontend run --silent check

test-pythons: ## quick tests again on the other Python series that are installed
	@tools/test_pythons $(PYTHONS)

repeat: system-packages $(VENV)/.installed-dev $(PEERS) ## does the suite flake? the end-to-end core RUNS=200 times, in random order, on busy cores
	$(BIN)/python -m tools.repeat_tests --runs $(RUNS)

generated: $(VENV)/.installed-dev ## write what comes from tables: metrics page, dashboards, mapping, wire.ts
	$(BIN)/python -m tools.from_catalogue
	$(BIN)/python -m tools.wire_to_typescript

screenshots: system-packages $(VENV)/.installed-dev $(NODE_PACKAGES) $(BROWSER_CLIENT) ## take the pictures of the README anew
	node frontend/screenshots.mjs

bench: $(VENV)/.installed-dev ## measure everything in about ten minutes, record it, write docs/performance.md
	$(BIN)/python -m bench.suite

autobahn: $(VENV)/.installed-dev ## install the Autobahn|Testsuite where a Python 2.7 exists
	@tools/install_autobahn

# What cannot be installed is named here, and then by its own test: nothing else waits for it.
bench-peers: system-packages $(VENV)/.installed-dev ## install the servers that the benches compare with
	-@$(BIN)/python -m bench.peers_install

system-packages: ## install the Debian packages that the tests need, if missing
	@tools/require_commands chromium=chromium node=nodejs npm=npm cc=build-essential promtool=prometheus collectd=collectd-core nginx=nginx-light haproxy=haproxy systemd-analyze=systemd redis-server=redis-server ip=iproute2

clean: ## remove everything that these commands made
	rm -rf $(VENV) $(VENV)-3.* .tools build dist *.egg-info frontend/node_modules frontend/dist bench/peers/node_modules bench/.peers bench/.build server/static
	rm -rf tests/specs/asyncapi_parser/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed-demo: $(PROJECT)
	@tools/create_venv $(VENV) 3.11+ demo
	@touch $@

$(VENV)/.installed-dev: $(PROJECT)
	@tools/create_venv $(VENV) 3.11+ dev,bench,demo,redis,nats
	@touch $@ $(VENV)/.installed-demo

# Fails where a file is larger than its budget.
$(BROWSER_CLIENT): $(NODE_PACKAGES) $(BROWSER_SOURCES)
	node frontend/build.mjs

$(ASYNCAPI_PARSER): tests/specs/asyncapi_parser/package.json tests/specs/asyncapi_parser/package-lock.json
	npm ci --prefix tests/specs/asyncapi_parser --no-audit --no-fund
	@touch $@

$(NODE_PACKAGES): frontend/package.json frontend/package-lock.json
	npm ci --prefix frontend --no-audit --no-fund
	@touch $@
