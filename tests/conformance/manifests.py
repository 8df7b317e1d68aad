"""Makes manifests that were written for the lab run on the conformance cluster.

Only what the real programs need is changed: containers run the image that has the lab's echo server, on the
ports that the pod declares; a probe asks whether it is up (and asks where nobody listens, in a pod that the
lab would report as not ready); workloads are spread over the nodes; and addresses of the lab are replaced by
those of this cluster, network by network, host number by host number.
"""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from . import layout

Json = dict[str, Any]

_NETWORKS = {
    "192.0.2.": "198.51.100.",  # nodes
    "203.0.113.": "198.18.128.",  # outside
    "198.51.100.": "198.18.129.",  # the balancer's
    "10.244.": "198.18.",  # pods
    "10.96.": "198.19.",  # Services
}
_IN_THE_LAB = re.compile(r"(?<![\d.])(?:" + "|".join(map(re.escape, _NETWORKS)) + r")(?=\d)")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def for_real(text: str) -> list[Json]:
    """The objects of a manifest file, ready to be applied here."""
    moved = _IN_THE_LAB.sub(lambda found: _NETWORKS[found.group()], text)
    objects: Iterable[Json | None] = yaml.safe_load_all(moved)
    return [_adapted(each) for each in objects if each]


def _adapted(manifest: Json) -> Json:
    if manifest["kind"] == "Pod":
        return _with_echo(manifest)
    if manifest.get("type") == "kubernetes.io/tls":
        return {**manifest, "data": {"tls.crt": "", "tls.key": "", **manifest.get("data", {})}}
    if manifest["kind"] in _WORKLOADS:
        template = _with_echo(_spread(manifest["spec"]))
        return {**manifest, "spec": {**manifest["spec"], "template": template}}
    return manifest


def _spread(workload: Json) -> Json:
    """The workload's template, whose pods the scheduler must spread over the nodes as the lab's does."""
    template: Json = workload["template"]
    even = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": workload["selector"],
    }
    return {**template, "spec": {**template["spec"], "topologySpreadConstraints": [even]}}


def _with_echo(pod: Json) -> Json:
    """The pod (or template) with the echo server in its first container; others only hold their place."""
    switches = pod["metadata"].get("annotations") or {}
    dead = switches.get("lab.kinspect/dead-ports", "").split(",")
    declared = [port for each in pod["spec"]["containers"] for port in each.get("ports") or ()]
    served = [
        f"{port.get('protocol', 'TCP').lower()}/{port['containerPort']}"
        for port in declared
        if str(port["containerPort"]) not in dead
    ]
    first, *others = pod["spec"]["containers"]
    containers = [_container(first, served), *(_container(each, []) for each in others)]
    probed = 1 if switches.get("lab.kinspect/ready") == "false" else _first_tcp(served)
    if probed:
        # Ready once is ready: a fault of the network shall not change what the objects say.
        often = {"periodSeconds": 1, "failureThreshold": 60}
        containers[0]["readinessProbe"] = {"tcpSocket": {"port": probed}, **often}
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def _first_tcp(served: list[str]) -> int:
    """The port by which a pod shows that its server is up; 0 when it serves none."""
    return next((int(port.removeprefix("tcp/")) for port in served if port.startswith("tcp/")), 0)


def _container(container: Json, ports: list[str]) -> Json:
    kept = {key: value for key, value in container.items() if key in ("name", "ports", "lifecycle")}
    told = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "NODE_NAME": "spec.nodeName"}
    fields = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in told.items()]
    env = [*(container.get("env") or ()), *fields]
    return {**kept, "image": layout.ECHO_IMAGE, "args": ports, "env": env}
