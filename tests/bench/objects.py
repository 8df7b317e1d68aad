"""A large cluster as JSON bytes: 10,000 Services, 50,000 Pods, 20,000 EndpointSlices, 5,000 Nodes, 574 MB.

Full-size objects: with environment, volumes, probes, conditions with times, and managedFields, in about the
sizes that a real API server sends. Five pods of one ReplicaSet stand behind each Service, and each Service
has two slices. Deterministic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

NAMESPACES = 200
PAGE = 500
TIME = "2026-01-01T12:00:00Z"


class Size(NamedTuple):
    services: int = 10_000
    pods: int = 50_000
    slices: int = 20_000
    nodes: int = 5_000

    def scaled(self, by: int) -> Size:
        return Size(*(max(count // by, 1) for count in self))


FULL = Size()


def namespace(service: int) -> str:
    return f"team-{service % NAMESPACES:03}"


def pod_ip(number: int) -> str:
    return f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def service(number: int, version: int = 0) -> dict[str, Any]:
    name = f"service-{number:05}"
    spec = {
        "type": ("ClusterIP", "ClusterIP", "ClusterIP", "NodePort")[number % 4],
        "clusterIP": f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
        "clusterIPs": [f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "selector": {"app": name, "tier": "backend"},
        "ports": [
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"},
            {"name": "metrics", "protocol": "TCP", "port": 9090, "targetPort": 9090},
        ],
    }
    labels = {"app": name, "tier": "backend", "app.kubernetes.io/managed-by": "Helm", "release": name}
    meta = _meta(name, namespace(number), "services", number, version, labels, fields=40)
    meta["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json.dumps(spec)
    return {"metadata": meta, "spec": spec, "status": {"loadBalancer": {}}}


def pod(number: int, size: Size = FULL, version: int = 0) -> dict[str, Any]:
    owner = number % size.services
    app, node = f"service-{owner:05}", f"node-{number % size.nodes:05}"
    name = f"{app}-5d8f7c9b6f-{number:05}"
    labels = {
        "app": app,
        "tier": "backend",
        "pod-template-hash": "5d8f7c9b6f",
        "release": app,
        "app.kubernetes.io/managed-by": "Helm",
    }
    meta = _meta(name, namespace(owner), "pods", number, version, labels, fields=70)
    meta["generateName"] = f"{app}-5d8f7c9b6f-"
    meta["ownerReferences"] = [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": f"{app}-5d8f7c9b6f",
            "uid": _uid("rs", owner),
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    ip = pod_ip(number)
    conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "metadata": meta,
        "spec": {
            "nodeName": node,
            "serviceAccountName": "default",
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "enableServiceLinks": True,
            "schedulerName": "default-scheduler",
            "containers": [_container("app", app, "http", 8080), _container("sidecar", app, "metrics", 9090)],
            "volumes": [
                {"name": f"config-{each}", "configMap": {"name": f"{app}-{each}", "defaultMode": 420}}
                for each in range(4)
            ],
            "tolerations": [
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
                for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
            ],
        },
        "status": {
            "phase": "Running",
            "hostIP": f"192.168.{number % size.nodes >> 8}.{number % size.nodes & 255}",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": TIME,
            "qosClass": "Burstable",
            "conditions": [
                {"type": each, "status": "True", "lastProbeTime": None, "lastTransitionTime": TIME}
                for each in conditions
            ],
            "containerStatuses": [
                {
                    "name": each,
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "image": f"registry.example.test/{app}/{each}:1.2.3",
                    "imageID": f"registry.example.test/{app}/{each}@sha256:{_hex(each, owner)}",
                    "containerID": f"containerd://{_hex(each, number)}",
                    "state": {"running": {"startedAt": TIME}},
                    "lastState": {},
                }
                for each in ("app", "sidecar")
            ],
        },
    }


def slice_(number: int, size: Size = FULL, version: int = 0) -> dict[str, Any]:
    owner = number % size.services
    app = f"service-{owner:05}"
    labels = {
        "kubernetes.io/service-name": app,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "app": app,
        "tier": "backend",
    }
    meta = _meta(f"{app}-{number:05}", namespace(owner), "slices", number, version, labels, fields=70)
    part = number // size.services  # which of the Service's slices
    mine = [each for each in range(owner, size.pods, size.services) if each // size.services % 2 == part % 2]
    return {
        "addressType": "IPv4",
        "metadata": meta,
        "endpoints": [
            {
                "addresses": [pod_ip(each)],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": f"node-{each % size.nodes:05}",
                "zone": f"zone-{each % 3}",
                "targetRef": {
                    "kind": "Pod",
                    "namespace": namespace(owner),
                    "name": f"{app}-5d8f7c9b6f-{each:05}",
                    "uid": _uid("pods", each),
                },
            }
            for each in mine
        ],
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "metrics", "port": 9090, "protocol": "TCP"},
        ],
    }


def node(number: int, version: int = 0) -> dict[str, Any]:
    name, ip = f"node-{number:05}", f"192.168.{number >> 8}.{number & 255}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "topology.kubernetes.io/region": "region",
        "node.kubernetes.io/instance-type": "m5.xlarge",
    }
    conditions = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    return {
        "metadata": _meta(name, "", "nodes", number, version, labels, fields=70),
        "spec": {"podCIDR": f"10.{128 + (number >> 8)}.{number & 255}.0/24", "providerID": f"aws:///{name}"},
        "status": {
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "addresses": [{"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": name}],
            "conditions": [
                {
                    "type": each,
                    "status": str(each == "Ready"),
                    "reason": f"Kubelet{each}",
                    "message": f"kubelet has told about {each}",
                    "lastHeartbeatTime": TIME,
                    "lastTransitionTime": TIME,
                }
                for each in conditions
            ],
            "images": [
                {
                    "names": [f"registry.example.test/app-{each}@sha256:{_hex('i', each)}"],
                    "sizeBytes": 10_000_000,
                }
                for each in range(35)
            ],
            "nodeInfo": {
                "kernelVersion": "6.8.0",
                "osImage": "Debian GNU/Linux 12",
                "containerRuntimeVersion": "containerd://2.0.0",
                "kubeletVersion": "v1.36.3",
                "machineID": _hex("m", number),
                "systemUUID": _uid("s", number),
                "bootID": _uid("b", number),
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeProxyVersion": "",
            },
        },
    }


def items(path: str, size: Size = FULL) -> Iterator[bytes]:
    """The objects of a collection, by its API path, each as JSON."""
    made: Iterator[dict[str, Any]]
    match path.rsplit("/", 1)[1]:
        case "services":
            made = (service(each) for each in range(size.services))
        case "pods":
            made = (pod(each, size) for each in range(size.pods))
        case "endpointslices":
            made = (slice_(each, size) for each in range(size.slices))
        case "nodes":
            made = (node(each) for each in range(size.nodes))
        case "namespaces":
            made = ({"metadata": _meta(f"team-{n:03}", "", "ns", n, 0, {}, 1)} for n in range(NAMESPACES))
        case _:
            made = iter(())
    return (encoded(each) for each in made)


def encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _meta(
    name: str, place: str, kind: str, number: int, version: int, labels: dict[str, str], fields: int
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "name": name,
        "uid": _uid(kind, number),
        "resourceVersion": str(version or 1_000 + number),
        "creationTimestamp": TIME,
        "labels": labels,
        "annotations": {"example.test/checksum": _hex("c", number)},
        "managedFields": [
            {
                "manager": "kube-controller-manager",
                "operation": "Update",
                "apiVersion": "v1",
                "time": TIME,
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:spec": {f"f:someLongFieldName{each:02}": {".": {}} for each in range(fields)}
                },
            }
        ],
    }
    return {**meta, "namespace": place} if place else meta


def _container(name: str, app: str, port: str, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.test/{app}/{name}:1.2.3",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": port, "containerPort": number, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{each:02}", "value": f"value of {app} {each}"} for each in range(12)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": port, "scheme": "HTTP"},
            "periodSeconds": 10,
        },
        "livenessProbe": {"httpGet": {"path": "/live", "port": port, "scheme": "HTTP"}, "periodSeconds": 10},
        "volumeMounts": [{"name": f"config-{each}", "mountPath": f"/etc/app/{each}"} for each in range(4)],
        "terminationMessagePath": "/dev/termination-log",
    }


def _uid(kind: str, number: int) -> str:
    digits = _hex(kind, number)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def _hex(salt: str, number: int) -> str:
    """64 digits that look like a hash."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15 + sum(map(ord, salt)) * 0xC2B2AE3D27D4EB4F:032x}"[-32:] * 2
