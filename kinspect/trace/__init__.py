"""What packets did: filters, dissecting, sightings → hops, the prediction beside them, likely causes.

Pure: packets come in as sightings, waiting goes out as instructions of `methods`. No socket, no screen.
"""
