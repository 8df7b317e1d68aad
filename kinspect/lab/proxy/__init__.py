"""The lab's service proxy: the rules of one node as text, in the own layout of kube-proxy 1.36.

Facts in, text out: `iptables.render` gives a complete `iptables-restore` input, `nftables.render` a complete
`nft -f` script. Nothing here touches a kernel, a clock or `resolve`: the endpoint choice is written here a
second time on purpose, or predictions tested against this lab would prove nothing.

    world.py   what a proxy is told            names.py     chain names with the real hashes
    choice.py  endpoints → who may be chosen   plan.py      one Service port as this node has to treat it
    iptables.py, iptables_frame.py             nftables.py, nftables_frame.py
"""
