"""The terminal interface. Reads Snapshots, asks the Inspection, never a cluster.

`app` mounts and forwards, `main` is the screen. `views/` are the trees that can be looked at, one file each;
`widgets/` what they share. What can be thought without a terminal is in pure modules beside them: `forest`
(which rows are open, and where), `branches` (which rows there are), `columns` (how a row fits the width),
`words` (what the screen says of itself), `copies` (what can be copied).
"""
