"""The objects that every lab has before anyone applies a manifest: nodes, cluster DNS, an ingress controller.

They are what `kubeadm` with flannel and ingress-nginx would have left, as far as the lab runs it: names,
labels and ConfigMaps by which tools (kinspect too) recognise them.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

from kinspect.lab import podstatus
from kinspect.lab.addresses import POD_NETWORK, NodeAddresses

Json = dict[str, Any]

VERSION = "v1.36.3"
ZONE = "cluster.local"
DNS_ADDRESS = "10.96.0.10"
INGRESS_NAMESPACE = "ingress-nginx"
INGRESS_NAME = "ingress-nginx-controller"
INGRESS_CLASS = "nginx"
INGRESS_CONTROLLER = "k8s.io/ingress-nginx"

# As Go names it, and so Kubernetes.
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

_COREFILE = """\
.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    cache 30
}
"""


def node(given: NodeAddresses, now: str) -> Json:
    """A node that has joined and is ready. Zones alternate, so that topology can be shown."""
    size = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    labels = {
        "kubernetes.io/arch": _ARCHITECTURE,
        "kubernetes.io/hostname": given.name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "r1",
        "topology.kubernetes.io/zone": "zone-a" if given.number % 2 else "zone-b",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": given.name, "labels": labels},
        "spec": {"podCIDR": str(given.pods), "podCIDRs": [str(given.pods)]},
        "status": {
            "capacity": size,
            "allocatable": size,
            "addresses": [
                {"type": "InternalIP", "address": str(given.address)},
                {"type": "Hostname", "address": given.name},
            ],
            "conditions": [
                _condition("NetworkUnavailable", "False", "FlannelIsUp", now),
                _condition("Ready", "True", "KubeletReady", now),
            ],
            "nodeInfo": {
                "architecture": _ARCHITECTURE,
                "operatingSystem": "linux",
                "kernelVersion": platform.release(),
                "osImage": "kinspect lab",
                "containerRuntimeVersion": "lab://1",
                "kubeletVersion": VERSION,
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def _condition(kind: str, status: str, reason: str, now: str) -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def system(proxy_mode: str) -> list[Json]:
    """Cluster DNS, the service proxy's configuration, and the ingress controller."""
    ports = [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")]
    return [
        _config_map("kube-proxy", {"config.conf": _proxy_configuration(proxy_mode)}),
        _config_map("coredns", {"Corefile": _COREFILE}),
        _deployment("kube-system", "coredns", {"k8s-app": "kube-dns"}, "dns", ports, replicas=2),
        _service("kube-system", "kube-dns", {"k8s-app": "kube-dns"}, ports, clusterIP=DNS_ADDRESS),
        *_ingress_controller(),
    ]


def policy_engine() -> Json:
    """What enforces NetworkPolicies on every node, under the name that kubernetes-sigs' own engine has."""
    labels = {"k8s-app": "kube-network-policies"}
    annotations = {podstatus.RUNS: "network-policies"}
    container = {"name": "kube-network-policies", "image": "lab/network-policies"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-network-policies", "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {"hostNetwork": True, "containers": [container]},
            },
        },
    }


def _ingress_controller() -> list[Json]:
    labels = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}
    ports = [("http", 80, "TCP"), ("https", 443, "TCP")]
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": INGRESS_CLASS},
        "spec": {"controller": INGRESS_CONTROLLER},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": INGRESS_NAMESPACE}},
        ingress_class,
        _deployment(INGRESS_NAMESPACE, INGRESS_NAME, labels, "ingress", ports, replicas=1),
        _service(INGRESS_NAMESPACE, INGRESS_NAME, labels, ports, type="LoadBalancer"),
    ]


def _config_map(name: str, data: dict[str, str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": data,
    }


def _proxy_configuration(mode: str) -> str:
    """KubeProxyConfiguration; JSON is YAML."""
    told = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": mode,
        "clusterCIDR": str(POD_NETWORK),
        "nodePortAddresses": None,
    }
    return json.dumps(told, indent=2) + "\n"


def _deployment(
    namespace: str,
    name: str,
    labels: dict[str, str],
    runs: str,
    ports: Sequence[tuple[str, int, str]],
    replicas: int,
) -> Json:
    declared = [{"name": n, "containerPort": p, "protocol": protocol} for n, p, protocol in ports]
    container = {"name": name, "image": f"lab/{runs}", "ports": declared}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {podstatus.RUNS: runs}},
                "spec": {
                    "containers": [container],
                    "dnsPolicy": "Default" if runs == "dns" else "ClusterFirst",
                },
            },
        },
    }


def _service(
    namespace: str, name: str, labels: dict[str, str], ports: Sequence[tuple[str, int, str]], **spec: Any
) -> Json:
    declared = [{"name": n, "port": p, "targetPort": n, "protocol": protocol} for n, p, protocol in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": labels, "ports": declared, **spec},
    }
