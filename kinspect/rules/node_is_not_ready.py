"""A node is not ready

What it finds: a Node whose condition `Ready` is not True. The finding names Services with endpoints there.

Why it matters: nothing tells whether the pods there still work. After a while they are marked unready and
leave the Services; until then, connections to them may time out.

How to fix: the condition's message says what kubelet or the node controller saw. If it is Unknown, kubelet
does not report any more: look at the machine and its network.

Source: core/v1 NodeCondition; node lifecycle controller.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.index import EMPTY
from kinspect.model.meta import Ref, condition
from kinspect.model.node import Node
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import some

CODE = "NOD101"
SEVERITY: Severity = "error"
SUBJECTS = ("Node",)
NEEDS = ()
SEARCHES = ("EndpointSlice",)

HEALTHY = """\
kind: Node
apiVersion: v1
metadata: {name: node1}
status: {conditions: [{type: MemoryPressure, status: "False"}, {type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace(
    'status: "True"',
    "status: Unknown, reason: NodeStatusUnknown, message: Kubelet stopped posting node status.",
)


def check(node: Node, snapshot: Snapshot) -> Iterator[Finding]:
    found = condition(node.status.conditions, "Ready")
    if found is not None and found.status == "True":
        return
    said = f"{found.reason}: {found.message}".partition("\n")[0].rstrip(".") if found else "no such condition"
    services = _services_there(snapshot, node.name)
    yield Finding(
        CODE,
        SEVERITY,
        Ref("Node", "", node.name),
        f"it is not ready ({said})"
        + (f"; Services with endpoints there: {some(services)}" if services else ""),
        field="status.conditions[Ready]",
        expected="True",
        seen=f"{found.status} ({said})" if found else said,
        fix="see that kubelet runs there and reaches the API server",
        reproduce=("kubectl", "describe", "node", node.name),
    )


def _services_there(snapshot: Snapshot, node: str) -> list[str]:
    """The Services that list a usable endpoint on the node, as namespace/name."""
    found: set[str] = set()
    for key in snapshot.index.slices_by_node.get(node, EMPTY):
        slice_ = snapshot.slices[key]
        usable = any(
            each.node_name == node and (each.ready or (each.serving and each.terminating))
            for each in slice_.endpoints
        )
        if slice_.service and usable:
            found.add("/".join(slice_.service))
    return sorted(found)
