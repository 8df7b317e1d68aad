"""The environment variables of a pod, as the kubelet computes them once, when its container starts.

Source: kubelet's envvars package (FromServices), getServiceEnvVarMap and makeEnvironmentVariables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def environment(pod: Json, services: Iterable[Json], address: str, host_address: str) -> dict[str, str]:
    """The variables of a pod's first container; the container's own `env` overrides those of Services."""
    container = pod["spec"]["containers"][0]
    variables = service_links(pod, services)
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"]["nodeName"],
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": host_address,
        "status.hostIPs": host_address,
    }
    for entry in container.get("env") or ():
        source = (entry.get("valueFrom") or {}).get("fieldRef", {}).get("fieldPath")
        variables[entry["name"]] = fields.get(source, "") if source else entry.get("value") or ""
    return {"HOSTNAME": pod["spec"].get("hostname") or pod["metadata"]["name"], **variables}


def service_links(pod: Json, services: Iterable[Json]) -> dict[str, str]:
    """The variables that tell a pod of the Services of its namespace, and always of `kubernetes`."""
    namespace = pod["metadata"]["namespace"]
    wanted = pod["spec"].get("enableServiceLinks", True) is not False
    by_name: dict[str, Json] = {}
    for service in services:
        meta = service["metadata"]
        own = meta["namespace"] == namespace
        if not _has_cluster_ip(service):
            continue
        if own and (wanted or meta["name"] == "kubernetes"):
            by_name[meta["name"]] = service
        elif (meta["namespace"], meta["name"]) == ("default", "kubernetes"):
            by_name.setdefault("kubernetes", service)
    variables: dict[str, str] = {}
    for _, service in sorted(by_name.items()):
        variables |= _of_service(service)
    return variables


def _has_cluster_ip(service: Json) -> bool:
    return service["spec"].get("clusterIP") not in (None, "", "None")


def _of_service(service: Json) -> dict[str, str]:
    prefix = service["metadata"]["name"].upper().replace("-", "_")
    address, ports = service["spec"]["clusterIP"], service["spec"].get("ports") or []
    variables = {f"{prefix}_SERVICE_HOST": address}
    if not ports:
        return variables
    variables[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    for index, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if index == 0:
            variables[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port['port']}_{protocol}"
        variables |= {
            one: url,
            f"{one}_PROTO": protocol.lower(),
            f"{one}_PORT": str(port["port"]),
            f"{one}_ADDR": address,
        }
    return variables
