"""A real small Kubernetes network on one machine. Shipped, to show and to test; no real cluster needs it.

Objects: `store` keeps them, `admission/` completes and refuses them, `controllers/` make them agree.
API: `apiserver` serves them over HTTPS (`api/`), with `certificates` of its own authority.
Packets: `supervisor` boots `network`, `kubelet`, `serviceproxy` (rules from `proxy/`), DNS and balancers in
namespaces; `paper` is the same without packets.

The lab imports `model` and `errors` only. Where it and `resolve` know the same thing, they know it twice, on
purpose: a prediction that is tested on the lab would otherwise be tested on itself.
"""
