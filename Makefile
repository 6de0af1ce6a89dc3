.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long coverage lint types run dashboard worker emulators run-gcp crowd contention cli-session transfers scaling chaos guards bench bench-gcp settings screenshots lock build deploy clean
PYTHON := .venv/bin/python
TAG = $(shell git rev-parse --short=7 HEAD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## .venv with everything in it; does nothing when it is there
	@scripts/setup dev

demo: ## a real file in, a real file out, on a server of its own
	@scripts/demo

test: ## all checks and tests; make test ARGS="-k retry"
	@scripts/test $(ARGS)

test-long: ## the tests that take too long for every commit: other warehouses, and mode gcp where it makes no difference
	@scripts/test -m long $(ARGS)

coverage: setup ## how much of krai the tests reach, in all its processes; half an hour, or ARGS="tests/unit"
	@$(PYTHON) -m coverage erase
	@-PYTHONPATH=tests/covering $(PYTHON) -m coverage run -m pytest -q -m "not long" -n 4 --dist loadscope --no-loadscope-reorder --timeout 900 $(ARGS)
	@$(PYTHON) -m coverage combine --quiet
	@$(PYTHON) -m coverage report

lint: setup ## style of the code, mended where that is safe
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

types: setup ## types of the code
	@$(PYTHON) -m mypy

run: ## the server with its worker, on http://127.0.0.1:8080
	@scripts/setup runtime
	@exec $(PYTHON) main.py

dashboard: setup ## the dashboard, which `make run` then serves at /ui; needs node
	@$(PYTHON) -m scripts.frontend build

screenshots: setup ## the pictures of docs/dashboard.md, from a krai of its own; needs node and chromium
	@$(PYTHON) -m scripts.screenshots

worker: ## one more worker on the same data
	@scripts/setup runtime
	@exec $(PYTHON) worker.py

emulators: setup ## Google's services on this machine; prints the environment for krai on them
	@exec $(PYTHON) -m scripts.emulators

run-gcp: setup ## the API and two workers on those
	@exec $(PYTHON) -m scripts.emulators --krai

crowd: setup ## 10,000 jobs of one caller, and how long another's single one waits
	@KRAI_TEST_CROWD=10000 $(PYTHON) -m pytest -q -rP --timeout 3600 tests/acceptance/test_fair_order.py -k 'one_job and embedded'

contention: setup ## three processes that import into one dataset 200 times each, in a folder and in a bucket
	@KRAI_TEST_CONTENTION=200 $(PYTHON) -m pytest -q --timeout 3600 tests/contract/test_warehouse_changes.py -k all_the_time

cli-session: setup ## the terminal session of docs/cli.md, typed anew
	@$(PYTHON) -m scripts.cli_session

transfers: setup ## 1 GB in and out by the command, while it and the API are killed
	@KRAI_TEST_TRANSFER_MB=1000 $(PYTHON) -m pytest -q -rP --timeout 3600 tests/acceptance/test_command_survives.py

scaling: setup ## workers as KEDA scales them, driven on Google's emulators; ARGS="--speed 1" in a cluster's time
	@$(PYTHON) -m tests.acceptance.scaling --write $(ARGS)

chaos: setup ## ten minutes of every fault at once; make chaos ARGS="--minutes 2 --seed 7 --mode embedded"
	@$(PYTHON) -m tests.chaos $(ARGS)

guards: setup ## the guards of docs/security.md taken away one by one, and whether a test notices; ARGS="link"
	@$(PYTHON) -m scripts.guards_removed $(ARGS)

bench: setup ## speed and memory, beside the yardsticks of docs/performance.md; ARGS="--only bulk"
	@$(PYTHON) -m bench $(ARGS)

bench-gcp: setup ## the same on Google's emulators; ARGS="--only idle"
	@$(PYTHON) -m bench.gcp $(ARGS)

settings: setup ## the settings table of the README, docs/problems.md and the dashboard's types, from the code
	@$(PYTHON) -m scripts.generate

lock: setup ## new pins for pyproject.toml; UPGRADE=--upgrade moves them all
	@$(PYTHON) scripts/lock.py $(UPGRADE)

build: ## the images of krai and of the dashboard, tagged with this commit; needs docker
	@docker build --tag krai:$(TAG) .
	@docker build --tag krai-frontend:$(TAG) frontend

deploy: ## krai for one customer, on k3s or any cluster; make deploy CUSTOMER=a
	@CUSTOMER=$(CUSTOMER) TAG=$(TAG) scripts/deploy

clean: ## everything that can be made again; the data in .krai stays
	rm -rf .venv krai.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* build dist frontend/node_modules frontend/dist tests/deploy/schemas/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
