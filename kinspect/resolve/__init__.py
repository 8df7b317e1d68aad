"""Answers about declared state: who belongs together, which backend a client gets, which name answers what.

Pure functions of a Snapshot, which never wait and never judge. The truth comes from Kubernetes' own sources,
named in each module: the EndpointSlice controller for membership, kube-proxy for the choice of a backend.
"""
