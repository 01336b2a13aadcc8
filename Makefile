# `make demo` and `make test` need Python 3.11+, make and git; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
READY_FOR_LAB := .venv/ready-for-lab
READY_FOR_TESTS := .venv/ready-for-tests
PYTEST := $(BIN)/python -m pytest -p no:nbval -n auto --dist loadgroup --no-loadscope-reorder

# Where Python may not keep what it has compiled, each process of the tests would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick faults flaky lab pictures check lock bench clean

demo: $(READY)
	$(BIN)/runbook demo

test: $(READY_FOR_TESTS)
	$(BIN)/python -m tests.programs
	$(PYTEST) -m "not rare"

# What one runs after each change: no browser, no OCR, and only a few kernels.
quick: $(READY_FOR_TESTS)
	$(BIN)/python -m tests.programs openssl
	$(PYTEST) -m "not slow"

# About an hour on two cores: 1,000 schedules of faults and kills, then a kill at each point of a run, and the
# tests that are too rare for each change.
faults: $(READY_FOR_TESTS)
	$(BIN)/python -m tests.faults
	$(PYTEST) -m rare

# The browser tests 30 times, with every core busy; fewer: make flaky ROUNDS="--rounds 3 --only reload".
flaky: $(READY_FOR_TESTS)
	$(BIN)/python -m tests.programs browser
	$(BIN)/python -m tests.browser.flaky $(ROUNDS)

lab: $(READY_FOR_LAB)
	$(BIN)/runbook lab

# The README's pictures and its table of what a ticket takes, made anew by the browser tests, in a Python as people's.
pictures: $(READY_FOR_TESTS)
	$(BIN)/python -m tests.programs browser
	TEST_PICTURES=yes WARM_PYTHON=$(abspath $(BIN)/python) $(BIN)/python -m pytest -q tests/browser -k "first or effort or wrong_date or naming"
	$(BIN)/python -m tests.terminal_pictures

check: $(READY_FOR_TESTS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Without a browser its rows say so, and the others are measured.
bench: $(READY_FOR_TESTS)
	-$(BIN)/python -m tests.programs
	$(BIN)/python -m benchmarks

COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-header --no-strip-extras --upgrade --quiet
lock: $(READY)
	$(COMPILE) --extra build --extra dev -o requirements-test.lock
	$(COMPILE) --extra build -c requirements-test.lock -o requirements.lock

clean:
	rm -rf .venv

# uv reads no configuration of pip's: where packages come from a mirror that only pip knows, pip takes over.
UV = $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes
PIP = $(BIN)/pip install --disable-pip-version-check --require-hashes
PIP_INSTEAD = { echo "uv could not install the packages; pip tries, which takes longer."; $(PIP)

# The lock's own lines for uv come first: with it the rest is there in seconds. The project has no hash, so it is last.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Setting up .venv: downloads about 130 MB; half a minute to two minutes."
	$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(PIP) --quiet -r .venv/uv.lock
	$(UV) -r requirements.lock || $(PIP_INSTEAD) -r requirements.lock; }
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --offline -e .
	@$(BIN)/python -m compileall -q runbook_lib
	@touch $@

# Reading values off screenshots; `make demo` needs none of it.
$(READY_FOR_LAB): $(READY) requirements-test.lock
	@echo "Adding what reads screenshots: downloads about 130 MB."
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r pyproject.toml --extra ocr -c requirements-test.lock
	@touch $@

$(READY_FOR_TESTS): $(READY) requirements-test.lock
	@echo "Adding the test tools: downloads about 250 MB; half a minute to three minutes."
	$(UV) -r requirements-test.lock || $(PIP_INSTEAD) -r requirements-test.lock; }
	@touch $@ $(READY_FOR_LAB)
