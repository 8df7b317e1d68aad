"""Who enforces NetworkPolicies on a node, as far as its pods show it.

No field of the API says that anything does (the policies have no status), and flannel alone, for one, does
not. An engine whose DaemonSet is known has a pod on each node. That none is seen proves nothing: some engines
are part of the kubelet's own program, as in k3s.
"""

from __future__ import annotations

from kinspect.model.index import EMPTY
from kinspect.model.snapshot import Snapshot

ENGINES = {
    "anetd": "GKE Dataplane V2",
    "antrea-agent": "Antrea",
    "azure-npm": "Azure NPM",
    "calico-node": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "kube-network-policies": "kube-network-policies",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "rke2-canal": "Canal",
    "weave-net": "Weave Net",
}
"""DaemonSets by name, each as its own manifests call it, that enforce policies unless told otherwise."""


def engine_on(snapshot: Snapshot, node: str) -> str:
    """The engine that has a ready pod on this node; "" = none is known to."""
    for key in sorted(snapshot.index.pods_by_node.get(node, EMPTY)):
        pod = snapshot.pods[key]
        for owner in pod.metadata.owner_references:
            if owner.kind == "DaemonSet" and owner.name in ENGINES and pod.ready:
                return ENGINES[owner.name]
    return ""
