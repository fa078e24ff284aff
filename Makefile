# What a developer types. Needs make and Python 3.11 or newer; everything else is installed into .venv.
.POSIX:
.PHONY: setup run test prove check bench clean

PORT = 8000
# Two at once: most tests wait for a server, a database or a browser, not for a core. A file stays with one of them,
# the longest come first (tests/conftest.py).
PARALLEL = -n 2 --dist loadfile --no-loadscope-reorder
# Tests start hundreds of processes: each would compile everything anew where Python is told to keep no bytecode.
PYTHON = PYTHONDONTWRITEBYTECODE= .venv/bin/python

setup:
	@sh scripts/setup.sh run
	@echo "docchat is installed in .venv: try make run, or .venv/bin/docchat --help"

run:
	@sh scripts/setup.sh run
	@sh scripts/run.sh $(PORT)

test:
	@sh scripts/setup.sh run test
	@sh scripts/chromium.sh
	@$(PYTHON) -m pytest $(PARALLEL) $(TESTS)

prove:
	@sh scripts/setup.sh run test
	@sh scripts/prove-tools.sh
	@$(PYTHON) scripts/prove.py $(TESTS)

check:
	@sh scripts/setup.sh run check
	.venv/bin/ruff check src tests examples
	.venv/bin/ruff format --check src tests examples
	.venv/bin/mypy
	.venv/bin/lint-imports

# The whole takes about ten minutes; BENCH=--quick for a look, BENCH="--write docs" for the page in docs/.
bench:
	@sh scripts/setup.sh run bench
	@.venv/bin/docchat bench --data demo $(BENCH)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
