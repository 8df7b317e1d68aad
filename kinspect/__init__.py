"""kinspect answers one question about a Kubernetes cluster: why does this request not arrive, at which hop?

The idea of the code in one sentence: everything on the left makes a Snapshot, everything on the right
reads one. The map of the rooms and the law of their directions are in CONTRIBUTING.md.
"""

__version__ = "0.1.0"
