# `make lenet5` trains the main job, `make test` proves the library; both set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lenet5 test lint docs docs-zh docs-po wheel lowest coverage clean

lenet5: .venv/ready
	$(BIN)/python -m fnnet train lenet5 $(ARGS)

test: .venv/ready
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Builds the site into build/docs: every warning is an error, every internal link is followed.
docs: .venv/docs
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --jobs auto docs build/docs
	$(BIN)/python docs/_ext/look.py build/docs
	$(BIN)/python -m pytest --quiet tests/test_site.py

# The same in Chinese, into build/docs-zh, and whether all of it is translated; tutorials that `make docs` has run are
# not run again.
docs-zh: .venv/docs
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx -D language=zh_CN --fail-on-warning --keep-going --quiet --jobs auto \
		docs build/docs-zh
	$(BIN)/python docs/_ext/look.py build/docs-zh
	$(BIN)/python -m pytest --quiet tests/test_site_zh.py

# Brings the catalogues of the translation up to date with the pages, and says what is to be translated.
docs-po: .venv/docs
	$(BIN)/python docs/_ext/catalogues.py

# Builds what is shipped, and uses it where there is no clone.
wheel: .venv/ready
	.ci/wheel

# The tests with the oldest versions of everything that pyproject.toml allows.
lowest: .venv/ready
	.ci/lowest $(ARGS)

# All tests, and at least so much of the code run by them, branches counted.
coverage: .venv/ready
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --cov --cov-report term --cov-fail-under 94 $(ARGS)

# Made again whenever pyproject.toml changes.
.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fnnet needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up .venv: what fnnet needs is downloaded and installed, in half a minute or so"
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[experiments,test,dev]'
	touch $@

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv
