"""Measurements, not tests: `python -m tests.bench [name …]`, results in RESULTS.md. They say ratios, not seconds."""
