"""Snapshot → rows of the trees, details, summary, the drawing of a path: what every face shows, without colour.

Shared by tui and export, so that they cannot disagree. Nothing is judged here: states and reasons are findings.
"""
