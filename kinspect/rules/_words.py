"""Words that several rules use: counts, short lists, pods with their reasons, kubectl commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kinspect.model.endpointslice import SERVICE_NAME
from kinspect.model.meta import Labels, Object, Ref
from kinspect.model.pod import Pod
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Backend
from kinspect.resolve.pod_state import why_not_ready

SHOWN = 3
"""So many of a longer list are named; the rest is counted."""


def service_ref(service: Service) -> Ref:
    return Ref("Service", service.namespace, service.name)


def count(number: int, noun: str) -> str:
    """ "1 pod", "3 pods"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(names: Iterable[str], shown: int = SHOWN) -> str:
    """ "a, b, c and 4 more"."""
    every = list(names)
    rest = len(every) - shown
    return ", ".join(every[:shown]) + (f" and {rest} more" if rest > 0 else "")


def selector_text(selector: Labels) -> str:
    """A selector as kubectl's -l takes it."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def name_of(backend: Backend) -> str:
    """A backend for the person: its pod, or its address."""
    return backend.pod.name if backend.pod else backend.address


def reasons(pods: Iterable[Pod]) -> str:
    """Why these pods are not ready, each reason once; who has which is told only where there are several:
    "3 pods: container app waits (CrashLoopBackOff); web-4: it is being deleted"."""
    grouped: dict[str, list[str]] = {}
    for pod in pods:
        grouped.setdefault(why_not_ready(pod) or "it is ready", []).append(pod.name)
    if len(grouped) == 1:
        return next(iter(grouped))
    every = [
        f"{names[0] if len(names) == 1 else count(len(names), 'pod')}: {why}"
        for why, names in sorted(grouped.items(), key=lambda entry: -len(entry[1]))
    ]
    rest = len(every) - SHOWN
    return "; ".join(every[:SHOWN]) + (f"; and {count(rest, 'reason')} more" if rest > 0 else "")


def reasons_of(snapshot: Snapshot, backends: Iterable[Backend]) -> str:
    """The same for the pods behind these backends, each pod once; "" where none is a known pod."""
    keys = dict.fromkeys(each.pod for each in backends if each.pod)
    return reasons(snapshot.pods[key] for key in keys)


def get(resource: str, each: Object, output: str = "yaml") -> tuple[str, ...]:
    """kubectl get of one object."""
    where = ("-n", each.namespace) if each.namespace else ()
    return ("kubectl", *where, "get", resource, each.name, "-o", output)


def get_slices(service: Service) -> tuple[str, ...]:
    """kubectl get of a Service's slices."""
    label = f"{SERVICE_NAME}={service.name}"
    return ("kubectl", "-n", service.namespace, "get", "endpointslices", "-l", label, "-o", "yaml")


def get_pods(service: Service, *options: str) -> tuple[str, ...]:
    """kubectl get of the pods that a Service selects; all pods with labels where it selects none."""
    selector = selector_text(service.spec.selector or {})
    chosen = ("-l", selector) if selector else ()
    return ("kubectl", "-n", service.namespace, "get", "pods", *chosen, *(options or ("-o", "wide")))


def first(backends: Sequence[Backend]) -> str:
    """The names of the first few backends."""
    return some(dict.fromkeys(name_of(each) for each in backends))
