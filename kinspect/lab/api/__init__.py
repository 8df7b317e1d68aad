"""The HTTP side of the lab's API server: from a request to what the Store says, and back, one file per idea.

`requests` reads the path, `negotiation` the Accept header, `reading` and `watching` answer GET, `writing` the
rest. Nothing here keeps state; all of it is in the Store.
"""
