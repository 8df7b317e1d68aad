"""EndpointSlices of Services with a selector, kept as the built-in controller keeps them.

1. `endpoints` says which endpoints there must be, grouped by their ports; `hints` for whom they are meant.
2. A slice stays as long as its group does: endpoints that are still there keep their places, new ones go
   behind. A slice that is left over is used again for a group that has none; a family without any gets one
   placeholder with null endpoints and null ports.
3. A Service whose selector is taken away keeps its slices, orphaned, as on a real cluster.

Source: k8s.io/endpointslice reconciler.go; pkg/controller/endpointslice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinspect.lab.controllers import endpoints, hints, recording, workloads
from kinspect.lab.controllers.endpoints import Ports
from kinspect.lab.controllers.selected import has_pods, pods_of, services_of
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_MANAGER = "endpointslice-controller.k8s.io"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_SERVICE_NAME = "kubernetes.io/service-name"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"
_MOST_ENDPOINTS = 100

Content = tuple[list[Json] | None, list[Json] | None]
"""The endpoints and the ports of a slice."""


class EndpointSlices:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        meta = event.object["metadata"]
        if event.kind == "Service":
            yield name_of(event.object)
        elif event.kind == "EndpointSlice":
            labels = meta.get("labels", {})
            if labels.get(_MANAGED_BY) == _MANAGER and _SERVICE_NAME in labels:
                yield meta["namespace"], labels[_SERVICE_NAME]
        elif event.kind == "Pod":
            yield from services_of(store, event)
        elif event.kind == "Node":
            yield from map(name_of, store.list("Service"))

    def sync(self, key: Name, store: Store) -> None:
        service = store.find("Service", *key)
        if service is None or workloads.is_terminating(service):
            return
        if not has_pods(service):
            return
        pods = pods_of(store, service)
        nodes = {node["metadata"]["name"]: node for node in store.list("Node")}
        for family in service["spec"]["ipFamilies"]:
            groups = endpoints.groups(service, pods, nodes, family)
            self._hint(store, service, [e for group in groups.values() for e in group], family)
            self._reconcile(store, service, family, groups)

    def _hint(self, store: Store, service: Json, wanted: list[Json], family: str) -> None:
        if not hints.wants_division(service):
            hints.prefer(service["spec"].get("trafficDistribution"), wanted)
            return
        component = "endpoint-slice-controller"
        try:
            hints.divide(wanted, store.list("Node"))
        except hints.Unfit as why:
            told = f"{why}, addressType: {family}"
            severity, reason = "Warning", "TopologyAwareHintsDisabled"
        else:
            told = f"Topology Aware Hints has been enabled, addressType: {family}"
            severity, reason = "Normal", "TopologyAwareHintsEnabled"
        last = _last_told(store, service)
        if last != told:
            recording.record(store, service, severity, reason, told, component)

    def _reconcile(self, store: Store, service: Json, family: str, groups: dict[Ports, list[Json]]) -> None:
        """Makes the slices of one family say what they must, with as few writes as that takes."""
        present = [item for item in _own_slices(store, service) if item["addressType"] == family]
        unused = {item["metadata"]["name"]: item for item in present}
        missing: list[Content] = []
        for ports, group in groups.items():
            told = ports.as_json()
            same = [item for item in present if item["ports"] == told and item["endpoints"]]
            for item, part in _spread(same, group):
                if item is None:
                    missing.append((part, told))
                else:
                    del unused[item["metadata"]["name"]]
                    self._write(store, service, item, (part, told))
        if not groups:
            placeholder = next((item for item in present if item["endpoints"] is None), None)
            if placeholder is not None:
                del unused[placeholder["metadata"]["name"]]
                self._write(store, service, placeholder, (None, None))
            else:
                missing.append((None, None))
        for content in missing:
            if unused:
                self._write(store, service, unused.pop(next(iter(unused))), content)
            else:
                store.create(_slice(store, service, family, content))
        for item in unused.values():
            store.delete("EndpointSlice", *name_of(item))

    def _write(self, store: Store, service: Json, item: Json, content: Content) -> None:
        labels = _labels(service)
        if (item["endpoints"], item["ports"]) == content and item["metadata"]["labels"] == labels:
            return
        annotations = {**item["metadata"].get("annotations", {}), _TRIGGERED: store.time()}
        meta = {**item["metadata"], "labels": labels, "annotations": annotations}
        store.replace({**item, "metadata": meta, "endpoints": content[0], "ports": content[1]})


def _spread(slices: list[Json], group: list[Json]) -> Iterator[tuple[Json | None, list[Json]]]:
    """Deals a group's endpoints to the slices that had them, then fills up; None = a new slice is needed."""
    waiting = {_identity(endpoint): endpoint for endpoint in group}
    dealt: list[tuple[Json | None, list[Json]]] = []
    for item in slices:
        kept = [waiting.pop(i) for e in item["endpoints"] if (i := _identity(e)) in waiting]
        dealt.append((item, kept))
    for _, kept in dealt:
        while waiting and len(kept) < _MOST_ENDPOINTS:
            kept.append(waiting.pop(next(iter(waiting))))
    rest = list(waiting.values())
    dealt += [(None, rest[start : start + _MOST_ENDPOINTS]) for start in range(0, len(rest), _MOST_ENDPOINTS)]
    return (pair for pair in dealt if pair[1])


def _identity(endpoint: Json) -> tuple[str, str]:
    return endpoint["addresses"][0], endpoint["targetRef"]["uid"]


def _slice(store: Store, service: Json, family: str, content: Content) -> Json:
    name = service["metadata"]["name"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{name}-",
            "namespace": service["metadata"]["namespace"],
            "labels": _labels(service),
            "annotations": {_TRIGGERED: store.time()},
            "ownerReferences": [workloads.reference(service)],
        },
        "addressType": family,
        "endpoints": content[0],
        "ports": content[1],
    }


def _labels(service: Json) -> dict[str, str]:
    reserved = (_SERVICE_NAME, _MANAGED_BY, _HEADLESS)
    own = service["metadata"].get("labels", {})
    labels = {name: value for name, value in own.items() if name not in reserved}
    labels |= {_MANAGED_BY: _MANAGER, _SERVICE_NAME: service["metadata"]["name"]}
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    return labels


def _own_slices(store: Store, service: Json) -> list[Json]:
    namespace, name = name_of(service)
    return [
        item
        for item in store.list("EndpointSlice", namespace)
        if (labels := item["metadata"].get("labels", {})).get(_SERVICE_NAME) == name
        and labels.get(_MANAGED_BY) == _MANAGER
    ]


def _last_told(store: Store, service: Json) -> str:
    """The newest message about topology hints of this Service."""
    uid = service["metadata"]["uid"]
    told = [
        event
        for event in store.list("Event", service["metadata"]["namespace"])
        if (event.get("involvedObject") or {}).get("uid") == uid
        and str(event.get("reason")).startswith("TopologyAwareHints")
    ]
    newest = max(told, key=lambda event: int(event["metadata"]["resourceVersion"]), default=None)
    return newest["message"] if newest else ""
