# `make check`, `make test`, `make demo`, `make bench`, `make conformance`: what each does is in CONTRIBUTING.md.
PY ?= .venv/bin/python

.PHONY: check format test demo bench conformance
check:
	$(PY) -m ruff format --check kinspect tests
	$(PY) -m ruff check kinspect tests
	$(PY) -m mypy
	$(dir $(PY))lint-imports

format:
	$(PY) -m ruff format kinspect tests
	$(PY) -m ruff check --fix kinspect tests

test demo:
	./run $@

bench:
	$(PY) -m tests.bench

conformance:
	tests/conformance/run
