# The two commands: `make run` and `make test`. Both install what is missing.
# The newest Python that runs: a name on the path may stand for one that is not installed.
PYTHON ?= $(shell for version in 3.13 3.12 3.11; do \
	python$$version -c "" 2>/dev/null && echo python$$version && break; done)
NO_PYTHON = sh -c 'echo "No Python 3.11 to 3.13 runs: install one, or give PYTHON=FILE."; exit 1'
VENV := .venv
BIN := $(VENV)/bin
ARGS ?= -s ram -s dpir -s tv -s bicubic -s adjoint -d div2k_sr4
INSTALLED := $(VENV)/.installed

.PHONY: run test check lint install clean

run: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems run $(ARGS)

test: $(INSTALLED) lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4

install: $(INSTALLED)

# What concerns one solver or problem, in about a minute: make check NAME=tv
check: $(INSTALLED) lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --plugin "$(NAME)"

lint: $(INSTALLED)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports

# Exact pins make two installations the same; the stamp makes the second one free.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(or $(PYTHON),$(NO_PYTHON)) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,docs]"
	touch $(INSTALLED)

clean:
	rm -rf outputs __cache__

.PHONY: answers dashboard docs new-solver readme targets
# The default comparison, and the tables of README.md and docs/results.md.
answers: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems run --config configs/default.yml --output answers
	$(BIN)/python -m benchmark_inverse_problems readme outputs/answers.parquet

new-solver: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems new-solver $(NAME)

readme: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems readme

dashboard: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems dashboard $(FILE)

targets: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems targets

docs: $(INSTALLED)
	$(BIN)/python -m benchmark_inverse_problems site $(FILE)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
