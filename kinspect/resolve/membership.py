"""Who belongs together: a Service's pods and slices, a pod's Services, a selector's workloads.

Two joins exist in Kubernetes and they may disagree: the Service's selector (what should be behind it) and the
EndpointSlices labelled with its name (what is behind it). Neither is ever guessed from object names.
Source: endpointslice utils.go (ShouldPodBeInEndpoints, podToEndpoint); discovery/v1/types.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.index import EMPTY, LabelSet
from kinspect.model.meta import Key, Labels, Meta, Ref
from kinspect.model.pod import Pod, Workload
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
_NO_REFS: Mapping[Ref, None] = {}


def selects(selector: Labels, labels: Labels) -> bool:
    """Whether an object with these labels is selected: every pair must be there. {} selects everything."""
    return selector.items() <= labels.items()


def has_selector(service: Service) -> bool:
    """Whether a controller looks for its pods. An ExternalName Service has none: its selector is ignored."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def selected_pods(snapshot: Snapshot, service: Service) -> tuple[Pod, ...]:
    """The pods that the selector matches, by name, whatever their state; () without a selector."""
    return tuple(selected(snapshot, service).values())


def selected(snapshot: Snapshot, service: Service) -> dict[Key, Pod]:
    """The same by their keys."""
    if not has_selector(service):
        return {}
    namespace, by_labels, pods = service.namespace, snapshot.index.pods_by_labels, snapshot.pods
    sets = label_sets_with(snapshot, namespace, service.spec.selector or {})
    keys = [key for each in sets for key in by_labels[namespace, each]]
    return {key: pods[key] for key in sorted(keys)}


def label_sets_with(snapshot: Snapshot, namespace: str, labels: Labels) -> Iterator[LabelSet]:
    """What the namespace's pods with all these labels (at least one) have in all."""
    pairs, sets = set(labels.items()), snapshot.index.label_sets
    rarest = min([sets.get((namespace, *pair), ()) for pair in pairs], key=len)
    return (each for each in rarest if pairs.issubset(each))


def listable(pod: Pod) -> bool:
    """Whether the slices should list this pod once it is selected: it has an address and is not finished.

    Unready and terminating pods are listed too, with their conditions.
    """
    return bool(pod.ips) and not pod.terminal


def slices_of(snapshot: Snapshot, service: Service) -> tuple[EndpointSlice, ...]:
    """The EndpointSlices labelled with the Service's name, by name, whoever wrote them."""
    keys = snapshot.index.slices_by_service.get(service.key, EMPTY)
    if len(keys) == 1:
        return (snapshot.slices[next(iter(keys))],)
    return tuple(snapshot.slices[key] for key in sorted(keys))


def services_selecting(snapshot: Snapshot, pod: Pod) -> tuple[Key, ...]:
    """The Services whose selector matches the pod, by name."""
    labels = pod.metadata.labels
    candidates = snapshot.index.services_by_selector_label
    found = (
        key
        for pair in labels.items()
        for key in candidates.get((pod.namespace, *pair), EMPTY)
        if selects(snapshot.services[key].spec.selector or {}, labels)
    )
    return tuple(sorted(found))


def services_listing(snapshot: Snapshot, pod: Pod) -> tuple[Key, ...]:
    """The existing Services whose slices list the pod, by name."""
    found: set[Key] = set()
    for ip in pod.ips:
        for slice_key in snapshot.index.slices_by_address.get(ip, EMPTY):
            slice_ = snapshot.slices[slice_key]
            service = slice_.service
            if service is None or service in found or service not in snapshot.services:
                continue
            at_ip = (each for each in slice_.endpoints if each.address == ip)
            if any(pod_of(snapshot, slice_, each) == pod.key for each in at_ip):
                found.add(service)
    return tuple(sorted(found))


def services_of_pod(snapshot: Snapshot, pod: Pod) -> tuple[Key, ...]:
    """The Services that reach the pod, through their selector or through their slices, by name."""
    return tuple(sorted({*services_selecting(snapshot, pod), *services_listing(snapshot, pod)}))


def pod_of(snapshot: Snapshot, slice_: EndpointSlice, endpoint: Endpoint) -> Key | None:
    """The pod behind an endpoint: by targetRef if it has one, else by address; None = not a known pod.

    A targetRef counts if a pod of that name exists and has that uid. An address counts if exactly one live
    pod has it: pods on the host network share their node's address, and finished pods keep an old one.
    """
    target = endpoint.target_ref
    if target is not None:
        if target.kind != "Pod":
            return None
        key = tuple.__new__(Key, (target.namespace or slice_.namespace, target.name))  # as in Object.key
        pod = snapshot.pods.get(key)
        if pod is None or (target.uid and pod.metadata.uid and pod.metadata.uid != target.uid):
            return None
        return key
    holders = snapshot.index.pods_by_ip.get(endpoint.address, EMPTY)
    live = [key for key in holders if not snapshot.pods[key].terminal]
    return live[0] if len(live) == 1 else None


def workloads_in(snapshot: Snapshot, namespace: str) -> tuple[Ref, ...]:
    """The Deployments, StatefulSets and DaemonSets of a namespace."""
    return tuple(snapshot.index.workloads_by_namespace.get(namespace, _NO_REFS))


def workloads_making(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[Ref, ...]:
    """The workloads of the namespace whose pod template has all these labels, by kind and name."""
    return tuple(
        ref
        for ref in sorted(workloads_in(snapshot, namespace))
        if selects(selector, cast(Workload, snapshot.get(ref)).spec.template.metadata.labels)
    )


def promised_pods(snapshot: Snapshot, service: Service) -> list[Pod]:
    """One pod, without a status, for each workload of files that will make what the Service selects.

    None for workloads that an API server has: their pods are there, or something keeps them away.
    """
    if not has_selector(service):
        return []
    making = workloads_making(snapshot, service.namespace, service.spec.selector or {})
    found = (cast(Workload, snapshot.get(ref)) for ref in making)
    return [
        Pod(
            Meta(name=each.name, namespace=each.namespace, labels=each.spec.template.metadata.labels),
            each.spec.template.spec,
        )
        for each in found
        if not applied(each) and each.spec.replicas != 0
    ]
