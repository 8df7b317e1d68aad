"""Hand-written Endpoints, copied into EndpointSlices for those who read only slices.

Not copied: Endpoints without a Service, of a Service with a selector, labelled `skip-mirror`, or of a leader
election. Source: pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_MANAGER = "endpointslicemirroring-controller.k8s.io"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_SERVICE_NAME = "kubernetes.io/service-name"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Mirroring:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind in ("Service", "Endpoints"):
            yield name_of(event.object)
        elif event.kind == "EndpointSlice":
            labels = event.object["metadata"].get("labels", {})
            if labels.get(_MANAGED_BY) == _MANAGER and _SERVICE_NAME in labels:
                yield event.object["metadata"]["namespace"], labels[_SERVICE_NAME]

    def sync(self, key: Name, store: Store) -> None:
        found, service = store.find("Endpoints", *key), store.find("Service", *key)
        wanted = list(_slices(found)) if found and service and _is_copied(found, service) else []
        for present in _copies(store, key):
            same = next((each for each in wanted if _identity(each) == _identity(present)), None)
            if same is None:
                store.delete("EndpointSlice", *name_of(present))
                continue
            wanted.remove(same)
            if same["endpoints"] != present["endpoints"]:
                store.replace({**present, "endpoints": same["endpoints"]})
        for missing in wanted:
            store.create(missing)


def _is_copied(found: Json, service: Json) -> bool:
    meta = found["metadata"]
    return not (
        service["spec"].get("selector")
        or workloads.is_terminating(found)
        or meta.get("labels", {}).get(_SKIP) == "true"
        or _LEADER in meta.get("annotations", {})
    )


def _slices(found: Json) -> Iterator[Json]:
    """One slice for each subset and family."""
    meta = found["metadata"]
    annotations = {key: value for key, value in meta.get("annotations", {}).items() if key != _APPLIED}
    for subset in found.get("subsets") or ():
        families: dict[str, list[Json]] = {}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(field) or ():
                family = f"IPv{ipaddress.ip_address(address['ip']).version}"
                families.setdefault(family, []).append(_endpoint(address, ready))
        ports = [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()]
        for family, listed in families.items():
            yield {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "generateName": f"{meta['name']}-",
                    "namespace": meta["namespace"],
                    "labels": {
                        **meta.get("labels", {}),
                        _MANAGED_BY: _MANAGER,
                        _SERVICE_NAME: meta["name"],
                    },
                    "annotations": annotations,
                    "ownerReferences": [workloads.reference(found)],
                },
                "addressType": family,
                "endpoints": listed,
                "ports": ports or None,
            }


def _endpoint(address: Json, ready: bool) -> Json:
    """Of the conditions only `ready` is known."""
    endpoint: Json = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    return endpoint | {key: address[key] for key in ("hostname", "targetRef", "nodeName") if key in address}


def _copies(store: Store, key: Name) -> list[Json]:
    return [
        item
        for item in store.list("EndpointSlice", key[0])
        if (labels := item["metadata"].get("labels", {})).get(_SERVICE_NAME) == key[1]
        and labels.get(_MANAGED_BY) == _MANAGER
    ]


def _identity(item: Json) -> tuple[str, str]:
    ports = sorted((port["name"], port["protocol"], port.get("port", 0)) for port in item["ports"] or ())
    return item["addressType"], str(ports)
