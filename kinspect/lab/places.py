"""Where code can run in the lab: nodes, pods, and the declared places outside of the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from kinspect.errors import UsageError

ENVIRONMENT_KEY = "KINSPECT_PLACE"


@dataclass(frozen=True, order=True)
class Place:
    """One place. `kind` is node, pod or declared; `namespace` is "" unless it is a pod."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        parts = (self.kind, self.namespace, self.name) if self.kind == "pod" else (self.kind, self.name)
        return self.name if self.kind == "declared" else "/".join(parts)

    def marker(self, cluster: str) -> str:
        """The value of KINSPECT_PLACE by which a process tells whose network namespace it holds.

        `cluster` is the UID of the namespace kube-system, as anywhere a cluster has to be told from another.
        """
        return f"{cluster}/{self.kind}/{self.namespace}/{self.name}"


def node(name: str) -> Place:
    return Place("node", "", name)


def pod(namespace: str, name: str) -> Place:
    return Place("pod", namespace, name)


CLIENT = Place("declared", "", "client")
BALANCER = Place("declared", "", "balancer")


def parse(text: str) -> Place:
    """The place that a user names: node/NAME, pod/NAMESPACE/NAME, or the name of a declared one.

    Raises UsageError.
    """
    match text.split("/"):
        case ["node", name] if name:
            return node(name)
        case ["pod", namespace, name] if namespace and name:
            return pod(namespace, name)
        case [name] if name:
            return Place("declared", "", name)
    raise UsageError(f"{text!r} is not a place", "a place is node/NAME, pod/NAMESPACE/NAME, or client")
