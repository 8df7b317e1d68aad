"""What a node's tables say: the text of iptables-save, nft, conntrack and ipvsadm, read into one model.

Pure and total: any input gives a Ruleset, with a note on whatever was not understood. What a rule says that
we cannot judge makes an answer doubtful, never fine.

    iptables_save.py, iptables_terms.py    nft_json.py, nft_terms.py    reading.py    two dumps, one Ruleset
    terms.py     what a rule is made of    model.py     chains, sets, hooks
    matching.py  does a match hold         walk.py      what the rules do to a packet, with shares
    entries.py   one Service port as the rules have it                 names.py     kube-proxy's own names
    faults.py    rules against what they should do                     conntrack.py, ipvsadm.py
"""
