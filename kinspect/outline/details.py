"""What the pane beside the tree says of one object: sections of short lines, the same for every face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.index import EMPTY
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Object, Ref
from kinspect.model.node import Namespace, Node
from kinspect.model.pod import Pod
from kinspect.model.snapshot import Snapshot
from kinspect.outline import policies
from kinspect.outline.rows import STATE_ROLE, Role, Span, rules_words, state_of, unjudged
from kinspect.outline.sections import Section, Words, conditions, labelled, present
from kinspect.outline.service_details import service_sections
from kinspect.outline.services import first_reason
from kinspect.outline.words import endpoint_words, pod_words
from kinspect.resolve.membership import services_of_pod
from kinspect.resolve.routes import destinations


def details(snapshot: Snapshot, ref: Ref) -> list[Section]:
    """The sections about an object, findings first; one that says so where it is not known."""
    found = snapshot.get(ref)
    if found is None:
        known = snapshot.covers(ref.kind, ref.namespace or None)
        words = (
            f"there is no {ref}" if known else f"{ref} is not known: {snapshot.coverage_of(ref.kind).state}"
        )
        return [Section(str(ref), ((Span(words, "unknown"),),))]
    of_kind = _OF.get(ref.kind)
    sections = [*why(snapshot, ref), *(of_kind(snapshot, found) if of_kind else ()), _identity(found)]
    return [section for section in sections if section.lines]


def why(snapshot: Snapshot, ref: Ref) -> Iterator[Section]:
    """The findings with their evidence, fix and command, then what could not be judged."""
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        return
    for each in judgment.findings:
        role: Role = {"error": "broken", "warning": "degraded"}.get(each.severity, "dim")  # type: ignore[assignment]
        lines: list[Words] = [(Span(each.message, role),)]
        if each.field:
            lines.append(labelled("field", each.field))
        lines += [
            labelled(label, text)
            for label, text in (("seen", each.seen), ("expected", each.expected))
            if text
        ]
        if each.fix:
            lines.append(labelled("fix", each.fix))
        yield Section(f"{each.code} {each.severity}", tuple(lines))
    if judgment.unknowns:
        lines = [
            (Span(rules_words(codes), "unknown"), Span(reason, "unknown"))
            for reason, codes in unjudged(judgment).items()
        ]
        yield Section("Not known", tuple(lines))


def _identity(found: Object) -> Section:
    meta = found.metadata
    labels = " ".join(f"{key}={value}" for key, value in sorted(meta.labels.items()))
    owners = " ".join(f"{each.kind} {each.name}" for each in meta.owner_references)
    return Section(
        "Object",
        present(
            ("namespace", meta.namespace),
            ("name", meta.name),
            ("labels", labels),
            ("owner", owners),
            ("created", meta.creation_timestamp),
            ("deleted", meta.deletion_timestamp),
            ("uid", meta.uid),
        ),
    )


def _pod(snapshot: Snapshot, pod: Pod) -> Iterator[Section]:
    state, words = pod_words(pod)
    yield Section(
        "Pod",
        (
            labelled("state", words, STATE_ROLE[state]),
            *present(
                ("addresses", " ".join(pod.ips)),
                ("node", pod.spec.node_name),
                ("hostNetwork", "yes: it has its node's addresses" if pod.spec.host_network else ""),
                ("dnsPolicy", pod.spec.dns_policy),
                ("service links", "off" if not pod.spec.enable_service_links else ""),
            ),
        ),
    )
    yield Section(
        "Containers",
        tuple(
            (
                Span(each.name, "title"),
                Span(" ".join(f"{p.name or '-'}:{p.container_port}/{p.protocol}" for p in each.ports)),
            )
            for each in pod.spec.serving_containers
        ),
    )
    reaching = services_of_pod(snapshot, pod)
    yield Section(
        "Services that reach it",
        tuple((Span(key.name, STATE_ROLE[state_of(snapshot, Ref("Service", *key))]),) for key in reaching),
    )
    yield from policies.of_pod(snapshot, pod)
    yield Section("Conditions", conditions(pod.status.conditions))


def _node(snapshot: Snapshot, node: Node) -> Iterator[Section]:
    info = node.status.node_info
    yield Section(
        "Node",
        (
            labelled("state", "Ready" if node.ready else "NotReady", "ready" if node.ready else "broken"),
            *present(*((each.type, each.address) for each in node.status.addresses)),
            *present(
                ("podCIDRs", " ".join(node.spec.pod_cidrs) or node.spec.pod_cidr),
                ("zone", node.zone),
                ("taints", " ".join(f"{each.key}:{each.effect}" for each in node.spec.taints)),
                ("pods", len(snapshot.index.pods_by_node.get(node.name, EMPTY))),
                ("kubelet", info.kubelet_version),
                ("kernel", info.kernel_version),
                ("runtime", info.container_runtime_version),
            ),
        ),
    )
    yield Section("Conditions", conditions(node.status.conditions))


def _slice(snapshot: Snapshot, slice_: EndpointSlice) -> Iterator[Section]:
    service = slice_.service
    ports = " ".join(f"{p.name or '(unnamed)'}:{p.port}/{p.protocol or 'TCP'}" for p in slice_.ports)
    yield Section(
        "EndpointSlice",
        present(
            ("of Service", service.name if service else "none: no label kubernetes.io/service-name"),
            ("addressType", slice_.address_type),
            ("ports", ports or "none: a placeholder, no traffic"),
            ("managed by", slice_.metadata.labels.get("endpointslice.kubernetes.io/managed-by")),
            ("last change", slice_.metadata.annotations.last_change_trigger_time),
        ),
    )
    lines = []
    for endpoint in slice_.endpoints:
        state, words = endpoint_words(endpoint)
        target = endpoint.target_ref.name if endpoint.target_ref else "no targetRef"
        lines.append((Span(endpoint.address, "address"), Span(words, STATE_ROLE[state]), Span(target)))
    yield Section("Endpoints", tuple(lines))


def _ingress(snapshot: Snapshot, ingress: Ingress) -> Iterator[Section]:
    addresses = " ".join(each.ip or each.hostname for each in ingress.status.load_balancer.ingress)
    yield Section(
        "Ingress",
        present(
            (
                "class",
                ingress.spec.ingress_class_name or ingress.metadata.annotations.ingress_class or "none",
            ),
            ("addresses", addresses or "none: no controller has taken it"),
            *(
                ("tls", f"{' '.join(each.hosts) or '*'} by Secret {each.secret_name}")
                for each in ingress.spec.tls
            ),
        ),
    )
    yield _paths(snapshot, Ref("Ingress", ingress.namespace, ingress.name))


def _route(snapshot: Snapshot, found: Object) -> Iterator[Section]:
    yield _paths(snapshot, Ref(type(found).__name__, found.namespace, found.name))


def _paths(snapshot: Snapshot, ref: Ref) -> Section:
    return Section(
        "Leads to",
        tuple(
            (
                Span(f"{path.host or '*'}{path.path}", "address"),
                Span(target.name if target else "not a Service"),
            )
            for path, target in destinations(snapshot, ref)
        ),
    )


def _namespace(snapshot: Snapshot, namespace: Namespace) -> Iterator[Section]:
    """How many Services there are, and each that is not fine with its first reason."""
    states = {
        Ref("Service", *key): state_of(snapshot, Ref("Service", *key))
        for key in sorted(snapshot.index.services_by_namespace.get(namespace.name, EMPTY))
    }
    pods = len(snapshot.index.pods_by_namespace.get(namespace.name, EMPTY))
    phase = namespace.status.phase
    yield Section("Namespace", present(("phase", phase), ("Services", len(states)), ("pods", pods)))
    for state in ("broken", "degraded", "unknown"):
        refs = [ref for ref, each in states.items() if each == state]
        role = STATE_ROLE[state]
        lines = tuple((Span(ref.name, role), Span(first_reason(snapshot, ref))) for ref in refs)
        yield Section(f"{len(refs)} {state}", lines)


_OF: dict[str, Callable[[Snapshot, Any], Iterator[Section]]] = {
    "Service": service_sections,
    "Pod": _pod,
    "Node": _node,
    "Namespace": _namespace,
    "EndpointSlice": _slice,
    "Ingress": _ingress,
    "HTTPRoute": _route,
    "GRPCRoute": _route,
    "TLSRoute": _route,
    "TCPRoute": _route,
}
