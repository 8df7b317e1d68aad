"""What every face shows of a Snapshot, without colour: rows, details, the summary, the drawing of a path.

Shared by tui and export, so that they cannot disagree. Nothing is judged here: reasons are findings.
"""
