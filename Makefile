# `make demo` and `make test` need Python 3.11+, make and git; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test faults lab pictures check lock bench clean

demo: $(READY)
	$(BIN)/runbook demo

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# About an hour on two cores: 1,000 schedules of faults and kills, then a kill at each point of a run.
faults: $(READY)
	$(BIN)/python -m tests.faults

lab: $(READY)
	$(BIN)/runbook lab

# The README's pictures, made anew by the browser tests.
pictures: $(READY)
	RUNBOOK_PICTURES=yes $(BIN)/python -m pytest -q tests/browser/test_walk.py -k "first or wrong_date"

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-header --no-strip-extras --upgrade --quiet -o requirements.lock

clean:
	rm -rf .venv

# pip's hash mode refuses a project without a hash, so the lock comes first and the project after it.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
