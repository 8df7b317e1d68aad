"""One file per protocol, without sockets: bytes out, bytes in, an answer. A member room.

Bad news is part of the answer, never an exception. No Kubernetes word stands in here; whoever runs a probe
carries its bytes to and from a vantage.
"""
