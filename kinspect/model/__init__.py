"""Immutable facts: API objects, what is known of them, findings, the Snapshot and its index.

No input or output, no clock, no presentation. The truth comes from the Kubernetes API types.
"""
