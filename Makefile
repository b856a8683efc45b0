# The two commands a newcomer needs are `make demo` and `make test`; both set up what they use.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test check build deploy simulate bench lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nightdesk needs Python 3.11 or newer; name one with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: setup
	$(BIN)/nightdesk demo --channels all

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests

# The layer is built for one Python and one processor: the Python of .venv, and ARCH.
ARCH ?= arm64
RUNTIME = $(shell $(BIN)/python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
BUILT_FOR = PythonRuntime=$(RUNTIME) Architecture=$(ARCH)
SAM = PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 $(BIN)/sam

build: setup
	$(SAM) build --parameter-overrides $(BUILT_FOR)
	$(BIN)/python infra/bytecode.py .aws-sam/build
	$(BIN)/python infra/bytecode.py --check .aws-sam/build

# The first time: make deploy PARAMETERS="MailDomain=desk.example.com DeskAddress=team@example.com". Later what was said is kept.
deploy: build
	$(SAM) deploy --parameter-overrides $(BUILT_FOR) $(PARAMETERS)

# Replay one seed of the simulation, with its trace: make simulate SEED=18
simulate: setup
	$(BIN)/python -m tests.simulation $(SEED)

# What the code costs, beside its peers (infra/bench/README.md): make bench ARGS="--json --only money"
BENCHED := .venv-bench/.installed

bench: setup $(BENCHED)
	@$(BIN)/python -m infra.bench $(ARGS)

$(BENCHED): infra/bench/requirements.lock shared/requirements.txt
	@test -x .venv-bench/bin/python || $(BIN)/python -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r infra/bench/requirements.lock -r shared/requirements.txt
	@touch $(BENCHED)

lock:
	sh infra/lock.sh

clean:
	rm -rf .aws-sam .nightdesk .mypy_cache .ruff_cache .hypothesis build
