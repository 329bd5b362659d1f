# hivectl: `make quickstart` shows it, `make test` proves it, `make bench` measures it
# the first that is new enough: Ubuntu 22.04 has python3.11 beside its python3 (3.10)
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
# what the tests need of Debian or Ubuntu: program=package, or file=package
NEEDED := sshd=openssh-server ssh-keygen=openssh-client tmux=tmux bwrap=bubblewrap sudo=sudo git=git \
  pg_createcluster=postgresql pgrep=procps useradd=passwd mount=mount crontab=cron openssl=openssl \
  unshare=util-linux setsid=util-linux start-stop-daemon=dpkg update-rc.d=init-system-helpers service=init-system-helpers \
  /lib/systemd/systemd=systemd /usr/lib/python3/dist-packages/apt/__init__.py=python3-apt \
  unzip=unzip zstd=zstd xz=xz-utils bzip2=bzip2 dash=dash busybox=busybox \
  icepack=fpga-icestorm iverilog=iverilog \
  openFPGALoader=openfpgaloader dfu-util=dfu-util

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
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $${pair%%=*} >/dev/null || [ -e $${pair%%=*} ] || missing="$$missing $${pair#*=}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else \
	    echo "the tests need:$$missing" >&2; echo "install them: sudo apt-get install$$missing" >&2; exit 1; fi; \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi

$(VENV)/python:
	@python="$(PYTHON)"; $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "hivectl needs Python 3.11 or newer; $$python --version says: $$($$python --version 2>&1)" >&2; \
	  echo "install one, e.g. on Ubuntu 22.04: sudo apt-get install python3.11 python3.11-venv" >&2; \
	  echo "or name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@python="$(PYTHON)"; $$python -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$$python cannot make a venv: sudo apt-get install $${python##*/}-venv" >&2; exit 1; }
	@touch $@

$(VENV)/installed: pyproject.toml requirements.lock | $(VENV)/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[virtual]' || { \
	  echo "node cannot be had from the package index: virtual boards need that of this machine, the rest goes on" >&2; \
	  $(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .; }
	@touch $@

$(VENV)/tested: pyproject.toml requirements.lock | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	@touch $@ $(VENV)/installed

# exact versions for every Python from 3.11 on; uv is needed for nothing else
lock: | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --all-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

schemas: $(VENV)/installed
	$(BIN)/hivectl schema --output schemas

clean:
	rm -rf $(VENV) .hivectl .mypy_cache .ruff_cache .pytest_cache .hypothesis
