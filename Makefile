# `make lenet5` trains the main job, `make test` proves the library; both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lenet5 test lint clean

lenet5: .venv/ready
	$(BIN)/python -m fnnet train lenet5 $(ARGS)

test: .venv/ready
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Made again whenever pyproject.toml changes.
.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fnnet needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[experiments,test,dev]'
	touch $@

clean:
	rm -rf .venv
