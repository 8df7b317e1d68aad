"""Drives a measurement: picks the places, runs methods and probes there, makes observations, cleans up.

The only room that brings vantages and traces together. It never draws, and decides nothing about a cluster:
what should happen comes from `resolve` through `trace.expected`, what it means from `trace.causes`.
"""

TRACE_READS = ("Service", "EndpointSlice", "Namespace", "Node", "Ingress", "NetworkPolicy", "Pod")
"""The kinds of object that a trace cannot do without, in a snapshot that is read for nothing else."""
