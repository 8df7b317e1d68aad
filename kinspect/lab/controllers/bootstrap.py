"""The objects that a cluster has before anyone does anything: namespaces, the service range, `kubernetes`.

Source: what a Kubernetes 1.36 API server writes at its start (pkg/controlplane/controller).
"""

from __future__ import annotations

from kinspect.lab.status import Json
from kinspect.lab.store import Store

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
SERVICE_RANGE = "10.96.0.0/16"
FIRST_ADDRESS = "10.96.0.1"


def bootstrap(store: Store, api_address: str, api_port: int, service_range: str = SERVICE_RANGE) -> None:
    """Fills an empty Store; the Service `kubernetes` leads to the API server's own address."""
    for name in NAMESPACES:
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    store.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
            "spec": {"cidrs": [service_range]},
        }
    )
    store.create(_service(api_port))
    store.create(_slice(api_address, api_port))
    store.create(_endpoints(api_address, api_port))


def _service(api_port: int) -> Json:
    port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": api_port}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": FIRST_ADDRESS, "ports": [port]},
    }


def _slice(api_address: str, api_port: int) -> Json:
    """Written by the API server itself: no manager, no node, no target, only `ready`."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [api_address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "protocol": "TCP", "port": api_port}],
    }


def _endpoints(api_address: str, api_port: int) -> Json:
    """The old form of the same, which is not to be copied into another slice."""
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [
            {
                "addresses": [{"ip": api_address}],
                "ports": [{"name": "https", "port": api_port, "protocol": "TCP"}],
            }
        ],
    }
