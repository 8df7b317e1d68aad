"""Measurements, not tests: `python -m tests.bench [name …]` writes RESULTS.md. What counts are ratios."""
