"""Short words for facts, the same in every face."""

from __future__ import annotations

from collections.abc import Sequence

from kinspect.model.endpointslice import Endpoint
from kinspect.model.finding import State
from kinspect.model.pod import Pod
from kinspect.model.service import Service, ServicePort
from kinspect.resolve.backends import Backend


def type_words(service: Service) -> str:
    """The class of a Service as people say it: "headless" is not a type, but it decides most."""
    words = "headless" if service.headless else service.spec.type
    if not service.spec.selector and service.spec.type != "ExternalName":
        words += ", no selector"
    return words + (", being deleted" if service.metadata.deletion_timestamp else "")


def address_words(service: Service) -> str:
    """Where a client finds it: virtual, balancer and external addresses, or the name it is an alias of."""
    spec = service.spec
    if spec.type == "ExternalName":
        return f"→ {spec.external_name}"
    words = list(service.virtual_ips)
    if spec.type == "LoadBalancer":
        ingress = service.status.load_balancer.ingress
        words += [each.ip or each.hostname for each in ingress] or ["pending"]
    return " ".join([*words, *spec.external_ips])


def port_words(port: ServicePort) -> str:
    """As `kubectl get` writes it: port, node port if there is one, protocol if not TCP."""
    node_port = f":{port.node_port}" if port.node_port else ""
    protocol = "" if port.protocol == "TCP" else f"/{port.protocol}"
    return f"{port.port}{node_port}{protocol}"


def ready_words(found: Sequence[Backend]) -> str:
    if not found:
        return "no endpoints"
    ready = sum(each.ready for each in found)
    draining = sum(each.terminating for each in found)
    return f"{ready}/{len(found)} ready" + (f", {draining} terminating" if draining else "")


def endpoint_words(endpoint: Endpoint) -> tuple[State, str]:
    """The three conditions in one word or two, by the API's nil rules."""
    if endpoint.terminating:
        return ("degraded", "terminating, serving") if endpoint.serving else ("broken", "terminating")
    if endpoint.ready:
        return ("ok", "ready") if endpoint.serving else ("degraded", "published, not ready")
    return "broken", "not ready"


def pod_words(pod: Pod) -> tuple[State, str]:
    """The state of a pod and why, as kubectl's STATUS column tells it."""
    if pod.terminating:
        return "degraded", "Terminating"
    for each in pod.status.container_statuses:
        waiting, ended = each.state.waiting, each.state.terminated
        if waiting and waiting.reason:
            return "broken", waiting.reason
        if ended and not pod.terminal:
            return "broken", ended.reason or f"exited {ended.exit_code}"
    if pod.status.phase == "Running":
        return ("ok", "Running") if pod.ready else ("broken", "Running, not ready")
    state: State = "ok" if pod.status.phase == "Succeeded" else "broken"
    return state, pod.status.reason or pod.status.phase or "no status"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def restarts(pod: Pod) -> int:
    return sum(each.restart_count for each in pod.status.container_statuses)
