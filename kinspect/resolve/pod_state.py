"""Why a pod gets no traffic, in words, from its own status. Source: core/v1 types.go; kubelet's prober."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.meta import condition
from kinspect.model.pod import Container, ContainerStatus, Pod, Probe


def why_not_ready(pod: Pod) -> str:
    """The likeliest reason why the pod is not ready, "" if it is. Ends without a full stop."""
    if pod.terminal:
        going = " and is being deleted" if pod.terminating else ""
        return f"it has finished ({pod.status.reason or pod.status.phase}){going}"
    if pod.terminating:
        held = f", held by {' and '.join(pod.metadata.finalizers)}" if pod.metadata.finalizers else ""
        return f"it is being deleted{held}"
    if pod.ready:
        return ""
    return next(_reasons(pod), "it is not ready yet")


def _reasons(pod: Pod) -> Iterator[str]:
    """The reasons, the nearest to the cause first."""
    scheduled = condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        yield _said("no node takes it", scheduled.message or scheduled.reason)
    specs = {each.name: each for each in pod.spec.serving_containers}
    for status in pod.status.container_statuses:
        if not status.ready:
            yield _of_container(status, specs.get(status.name))
    for gate in pod.spec.readiness_gates:
        found = condition(pod.status.conditions, gate.condition_type)
        if found is None or found.status != "True":
            yield _said(
                f"its readiness gate {gate.condition_type} is not True", found.message if found else ""
            )
    ready = condition(pod.status.conditions, "Ready")
    if ready is not None and (ready.message or ready.reason):
        yield _said("its condition Ready is not True", ready.message or ready.reason)
    elif ready is not None and pod.status.container_statuses:
        # kubelet always says why; only the controller that has lost sight of a node takes Ready away so.
        # Source: pkg/controller/util/node/controller_utils.go, MarkPodsNotReady.
        yield f"its containers are ready, but its node {pod.spec.node_name} may have stopped reporting"


def _of_container(status: ContainerStatus, spec: Container | None) -> str:
    state, name = status.state, f"container {status.name}"
    if state.waiting is not None:
        return _said(f"{name} waits ({state.waiting.reason or 'no reason given'})", state.waiting.message)
    if state.terminated is not None:
        return f"{name} has ended ({state.terminated.reason or 'exit code'} {state.terminated.exit_code})"
    if spec is not None and spec.readiness_probe is not None:
        return f"{name} runs, but its readiness probe ({probe_text(spec.readiness_probe)}) does not succeed"
    return f"{name} is not ready"


def probe_text(probe: Probe) -> str:
    """What a probe does."""
    if probe.http_get is not None:
        get = probe.http_get
        return f"{get.scheme or 'HTTP'} GET {get.path or '/'} on port {get.port}"
    if probe.tcp_socket is not None:
        return f"TCP connect to port {probe.tcp_socket.port}"
    return "exec or gRPC"


def _said(what: str, message: str) -> str:
    first = message.strip().partition("\n")[0].rstrip(".")
    return f"{what}: {first}" if first else what
