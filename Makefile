# `make check`, `make test`, `make demo`, `make bench`, `make conformance`: what each does is in CONTRIBUTING.md.

# A developer's own environment where there is one, else the one that ./run makes.
PY ?= $(or $(wildcard .venv/bin/python),./run python)

.PHONY: check format test demo bench conformance pictures
check:
	$(PY) -m ruff format --check kinspect tests
	$(PY) -m ruff check kinspect tests
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

format:
	$(PY) -m ruff format kinspect tests
	$(PY) -m ruff check --fix kinspect tests

test demo:
	./run $@

bench:
	$(PY) -m tests.bench

# The README's pictures, drawn by the program itself from the story that comes with it.
STORY = snapshots/service-apis
pictures:
	mkdir -p build
	$(PY) -m kinspect snapshot -f $(STORY)/objects.yaml -o build/story.json
	$(PY) -m kinspect.tui.picture $(STORY)/tree.svg build/story.json --size 132x34 \
		--keys "w down down down down down E"
	$(PY) -m kinspect.tui.picture $(STORY)/details.svg build/story.json --size 132x34 \
		--keys "slash n e a r e s t enter z"

conformance:
	tests/conformance/run
