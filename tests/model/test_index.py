"""The index after any changes equals the one built anew, and a published one is never touched again."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from kinspect.model.endpointslice import SERVICE_NAME, Endpoint, EndpointSlice
from kinspect.model.index import RELATIONS, Index, Indexer
from kinspect.model.ingress import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackend,
    IngressRule,
    IngressServiceBackend,
    IngressSpec,
)
from kinspect.model.meta import Key, Meta, Object, Ref
from kinspect.model.pod import Pod, PodSpec, PodStatus
from kinspect.model.service import Service, ServicePort, ServiceSpec

NAMES = st.sampled_from(["a", "b", "c"])
NAMESPACES = st.sampled_from(["shop", "infra"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"])
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["web", "db"]), max_size=2)


@st.composite
def metas(draw: st.DrawFn) -> Meta:
    return Meta(name=draw(NAMES), namespace=draw(NAMESPACES), labels=draw(LABELS))


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, Object]:
    meta = draw(metas())
    kind = draw(st.sampled_from(["Pod", "Service", "EndpointSlice", "Ingress"]))
    if kind == "Pod":
        spec = PodSpec(node_name=draw(NAMES))
        return kind, Pod(metadata=meta, spec=spec, status=PodStatus(pod_ip=draw(ADDRESSES)))
    if kind == "Service":
        ports = tuple(ServicePort(node_port=n) for n in draw(st.lists(st.integers(30000, 30002), max_size=2)))
        ip = draw(ADDRESSES)
        spec_ = ServiceSpec(selector=draw(LABELS), ports=ports, cluster_ip=ip, cluster_ips=(ip,))
        return kind, Service(metadata=meta, spec=spec_)
    if kind == "EndpointSlice":
        owned = Meta(name=meta.name, namespace=meta.namespace, labels={SERVICE_NAME: draw(NAMES)})
        found = draw(st.lists(st.tuples(ADDRESSES, NAMES), max_size=3))
        endpoints = tuple(Endpoint(addresses=(ip,), node_name=node) for ip, node in found)
        return kind, EndpointSlice(metadata=owned, endpoints_or_null=endpoints)
    backend = IngressBackend(service=IngressServiceBackend(name=draw(NAMES)))
    rule = IngressRule(http=HTTPIngressRuleValue(paths=(HTTPIngressPath(backend=backend),)))
    return kind, Ingress(metadata=meta, spec=IngressSpec(rules=(rule,)))


Step = tuple[str, Object, bool]
STEPS = st.lists(st.tuples(objects(), st.booleans(), st.booleans()), max_size=40)


@settings(max_examples=200)
@given(STEPS)
def test_any_changes_end_like_a_fresh_build(steps: list[tuple[tuple[str, Object], bool, bool]]) -> None:
    indexer = Indexer()
    current: dict[Ref, tuple[str, Object]] = {}
    published: list[tuple[Index, dict[str, dict[object, set[object]]]]] = []
    for (kind, each), delete, publish in steps:
        ref = Ref(kind, each.namespace, each.name)
        old = current.get(ref)
        if delete:
            indexer.apply(kind, old[1] if old else None, None)
            current.pop(ref, None)
        else:
            indexer.apply(kind, old[1] if old else None, each)
            current[ref] = (kind, each)
        if publish:
            index = indexer.publish()
            published.append((index, copy.deepcopy(_as_dicts(index))))
    fresh = Indexer()
    for kind, each in current.values():
        fresh.apply(kind, None, each)
    assert _as_dicts(indexer.publish()) == _as_dicts(fresh.publish())
    for index, before in published:
        assert _as_dicts(index) == before


def test_publishing_again_without_a_change_gives_the_same_index() -> None:
    indexer = Indexer()
    indexer.apply("Pod", None, Pod(metadata=Meta(name="a", namespace="x")))
    assert indexer.publish() is indexer.publish()


def test_a_service_is_found_under_one_label_of_its_selector() -> None:
    service = Service(
        metadata=Meta(name="web", namespace="x"), spec=ServiceSpec(selector={"b": "1", "a": "2"})
    )
    indexer = Indexer()
    indexer.apply("Service", None, service)
    assert indexer.publish().services_by_selector_label == {("x", "a", "2"): (Key("x", "web"),)}


def _as_dicts(index: Index) -> dict[str, dict[object, set[object]]]:
    """The relations with real sets, which have no order."""
    return {name: {key: set(members) for key, members in getattr(index, name).items()} for name in RELATIONS}
