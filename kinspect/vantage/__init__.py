"""Where code runs: in network namespaces of this machine, found through /proc, by an agent in each.

`agent` is one file that knows no protocol; `places` tells whose namespace is whose and is pure; the program
itself never enters one.
"""
