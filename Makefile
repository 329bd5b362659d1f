# hivectl: `make quickstart` shows it, `make test` proves it, `make bench` measures it
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# what the tests need of Debian or Ubuntu: program=package
NEEDED := sshd=openssh-server ssh-keygen=openssh-client tmux=tmux bwrap=bubblewrap sudo=sudo

.PHONY: quickstart test lint types tests soak bench lock schemas clean

quickstart: $(VENV)/installed
	$(BIN)/hivectl apply playbooks/quickstart.yml

test: packages lint types tests

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tested
	$(BIN)/mypy

tests: $(VENV)/tested packages
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not soak and not bench"

soak: $(VENV)/tested packages
	$(BIN)/python -m pytest -q -m soak

bench: $(VENV)/tested packages
	$(BIN)/python -m tests.benchmarks

# every program that the tests run; installed where that is possible, else named
.PHONY: packages
packages:
	@missing=""; for pair in $(NEEDED); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $${pair%%=*} >/dev/null || missing="$$missing $${pair#*=}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else \
	    echo "the tests need:$$missing" >&2; echo "install them: sudo apt-get install$$missing" >&2; exit 1; fi; \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hivectl needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "no venv: sudo apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/installed: pyproject.toml requirements.lock | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .
	@touch $@

$(VENV)/tested: pyproject.toml requirements.lock | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	@touch $@ $(VENV)/installed

# exact versions for every Python from 3.11 on
lock:
	uv pip compile --quiet --universal --python-version 3.11 --upgrade --all-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

schemas: $(VENV)/installed
	$(BIN)/hivectl schema --output schemas

clean:
	rm -rf $(VENV) .hivectl .mypy_cache .ruff_cache .pytest_cache .hypothesis
