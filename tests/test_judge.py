"""Judging only what a change touched ends where judging everything ends; budget, order, crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kinspect.judge import Judge, judged, judgment_of
from kinspect.model.coverage import Coverage
from kinspect.model.finding import Finding
from kinspect.model.index import Indexer
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key, Object, Ref
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.rules import CRASH, Rule, load

# --- a small world, so small that changes meet each other -------------------------------------------------

NAMESPACES, APPS = st.sampled_from(["a", "a", "b"]), st.sampled_from(["web", "web", "api"])
NODES, PODS = st.sampled_from(["n1", "n2"]), ("p1", "p2", "p3")
LABELS = st.fixed_dictionaries({"app": APPS}, optional={"tier": st.sampled_from(["front", "back"])})
CLUSTER_IPS = st.sampled_from(["10.96.0.1", "10.96.0.2", "10.200.0.1", "None"])
PORTS = st.lists(
    st.sampled_from(
        [
            {"port": 80},
            {"name": "http", "port": 81, "targetPort": "http"},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
        ]
    ),
    max_size=2,
    unique_by=lambda port: port["port"],
)
POLICY = st.sampled_from(["Cluster", "Local"])


def address(namespace: str, pod: str) -> str:
    return f"10.{'ab'.index(namespace)}.0.{pod[1:]}"


@st.composite
def services(draw: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": draw(NAMESPACES), "name": draw(APPS)},
        "spec": {
            "type": draw(st.sampled_from(["ClusterIP", "NodePort", "ExternalName"])),
            "selector": draw(st.none() | LABELS),
            "clusterIP": draw(CLUSTER_IPS),
            "externalIPs": draw(st.sampled_from([[], ["192.0.2.1"]])),
            "internalTrafficPolicy": draw(POLICY),
            "externalTrafficPolicy": draw(POLICY),
            "ports": draw(PORTS),
        },
    }


@st.composite
def endpoints(draw: Any, namespace: str) -> dict[str, Any]:
    pod = draw(st.sampled_from(PODS))
    body = {
        "addresses": [draw(st.sampled_from([address(namespace, pod), "10.96.0.1"]))],
        "conditions": {"ready": draw(st.booleans()), "terminating": draw(st.booleans())},
    }
    if body["addresses"] != ["10.96.0.1"] and draw(st.booleans()):
        uid = draw(st.sampled_from(["1", "1", "2"]))
        body["targetRef"] = {"kind": "Pod", "namespace": namespace, "name": pod, "uid": uid}
    if draw(st.booleans()):
        body["nodeName"] = draw(NODES)
    if draw(st.booleans()):
        body["hints"] = {"forZones": [{"name": "a"}]}
    return body


@st.composite
def slices(draw: Any) -> dict[str, Any]:
    namespace = draw(NAMESPACES)
    return {
        "metadata": {
            "namespace": namespace,
            "name": draw(st.sampled_from(["web-1", "web-2", "api-1"])),
            "labels": draw(st.just({}) | st.builds(lambda app: {"kubernetes.io/service-name": app}, APPS)),
        },
        "ports": draw(st.sampled_from([None, [{"port": 80}], [{"name": "http", "port": 8080}]])),
        "endpoints": draw(st.lists(endpoints(namespace), max_size=3)),
    }


@st.composite
def pods(draw: Any) -> dict[str, Any]:
    namespace, name = draw(NAMESPACES), draw(st.sampled_from(PODS))
    port = {"name": draw(st.sampled_from(["http", "dns"])), "containerPort": 80}
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": draw(st.sampled_from(["1", "1", "2"]))}
        | {"labels": draw(LABELS)},
        "spec": {"nodeName": draw(NODES), "containers": [{"name": "app", "ports": [port]}]}
        | {"hostNetwork": draw(st.booleans())},
        "status": {
            "podIP": address(namespace, name),
            "phase": draw(st.sampled_from(["Running", "Succeeded"])),
            "conditions": [{"type": "Ready", "status": draw(st.sampled_from(["True", "False"]))}],
        },
    }


@st.composite
def ingresses(draw: Any) -> dict[str, Any]:
    backend = {"service": {"name": draw(APPS), "port": {"number": draw(st.sampled_from([80, 81]))}}}
    return {
        "metadata": {"namespace": draw(NAMESPACES), "name": "ing", "uid": "1"},
        "spec": {"defaultBackend": backend, "ingressClassName": draw(st.sampled_from([None, "nginx"]))},
    }


def nodes() -> st.SearchStrategy[dict[str, Any]]:
    def node(name: str, ready: str, ip: str) -> dict[str, Any]:
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        return {
            "metadata": {"name": name},
            "status": {**status, "addresses": [{"type": "InternalIP", "address": ip}]},
        }

    return st.builds(
        node, NODES, st.sampled_from(["True", "False"]), st.sampled_from(["192.0.2.1", "192.0.2.2"])
    )


def deployments() -> st.SearchStrategy[dict[str, Any]]:
    def deployment(namespace: str, labels: dict[str, str], replicas: int) -> dict[str, Any]:
        template = {"metadata": {"labels": labels}}
        return {
            "metadata": {"namespace": namespace, "name": "web"},
            "spec": {"replicas": replicas, "template": template},
        }

    return st.builds(deployment, NAMESPACES, LABELS, st.integers(0, 1))


MAKERS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Service": services(),
    "EndpointSlice": slices(),
    "Pod": pods(),
    "Ingress": ingresses(),
    "Node": nodes(),
    "Deployment": deployments(),
    "StatefulSet": st.builds(
        lambda ns, app: {"metadata": {"namespace": ns, "name": "db"}, "spec": {"serviceName": app}},
        NAMESPACES,
        APPS,
    ),
    "HTTPRoute": st.builds(
        lambda ns, to, app: {
            "metadata": {"namespace": ns, "name": "route"},
            "spec": {"rules": [{"backendRefs": [{"namespace": to, "name": app, "port": 80}]}]},
        },
        NAMESPACES,
        NAMESPACES,
        APPS,
    ),
    "ReferenceGrant": st.just(
        {
            "metadata": {"namespace": "b", "name": "grant"},
            "spec": {
                "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a"}],
                "to": [{"group": "", "kind": "Service"}],
            },
        }
    ),
    "IngressClass": st.just({"metadata": {"name": "nginx"}}),
}
LEAST = {
    "Service": 3,
    "EndpointSlice": 3,
    "Pod": 4,
    "Ingress": 1,
    "Node": 1,
    "Deployment": 0,
    "StatefulSet": 1,
}
COVERAGES = st.sampled_from(
    [Coverage("given"), Coverage("loading"), Coverage("denied", "no"), Coverage("given", namespaces=("a",))]
)


class World:
    """What an inspection does: folds changes, tells the judge, keeps the snapshot."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
        self.coverage = {kind: Coverage("given") for kind in KINDS}
        self.indexer = Indexer()
        self.judge = Judge()

    @property
    def snapshot(self) -> Snapshot:
        objects = {kind: dict(of_kind) for kind, of_kind in self.objects.items()}
        return Snapshot(objects=objects, coverage=dict(self.coverage), index=self.indexer.publish())

    def fold(self, kind: str, body: dict[str, Any], gone: bool) -> None:
        each = msgspec.convert(body, KINDS[kind].type)
        before = self.indexer.publish()
        old = self.objects[kind].get(each.key)
        new = None if gone else each
        self.indexer.apply(kind, old, new)
        if new is None:
            self.objects[kind].pop(each.key, None)
        else:
            self.objects[kind][each.key] = new
        if self.coverage[kind].state == "given" or kind in self.judge.subjects:
            # What is still being read is not noted: whoever reads it is judged again when it is given.
            self.judge.note(kind, old, new, before)

    def cover(self, kind: str, coverage: Coverage) -> None:
        self.coverage[kind] = coverage
        self.judge.note_coverage(kind)


CHANGES = st.one_of(
    *(
        st.tuples(st.just(kind), maker, st.sampled_from([False, False, True]))
        for kind, maker in MAKERS.items()
    )
)
FILLED = st.tuples(
    *(st.lists(MAKERS[kind], min_size=least, max_size=8) for kind, least in LEAST.items()),
)
"""A world to begin with, in which most things meet something."""
ACTIONS = st.lists(
    CHANGES | st.tuples(st.sampled_from(sorted(MAKERS)), COVERAGES) | st.integers(0, 3),
    min_size=1,
    max_size=6,
)


def stopping_after(count: int) -> Callable[[], bool]:
    """A budget of so many subjects."""
    left = iter(range(count))
    return lambda: next(left, None) is None


@settings(max_examples=200, deadline=None)
@given(FILLED, ACTIONS)
def test_ends_where_judging_everything_ends(filled: tuple[list[Any], ...], actions: list[Any]) -> None:
    world = World()
    for kind, bodies in zip(LEAST, filled, strict=True):
        for body in bodies:
            world.fold(kind, body, gone=False)
    world.judge.step(world.snapshot, lambda: False)
    for action in actions:
        match action:
            case int():
                world.judge.step(world.snapshot, stopping_after(action))
            case (kind, Coverage() as coverage):
                world.cover(kind, coverage)
            case (kind, body, gone):
                world.fold(kind, body, gone)
    last = world.snapshot
    world.judge.step(last, lambda: False)
    assert world.judge.pending == 0
    ended = world.judge.publish()
    assert dict(ended) == dict(judged(last).judgments)
    assert CRASH not in {finding.code for each in ended.values() for finding in each.findings}


# --- budget, order, publishing ----------------------------------------------------------------------------


def many(count: int) -> Snapshot:
    bodies = [
        {"metadata": {"namespace": "a", "name": f"s{n}"}, "spec": {"clusterIP": "1.1.1.1"}}
        for n in range(count)
    ]
    return snapshot_of([("Service", msgspec.convert(body, Service)) for body in bodies], {})


def noted(snapshot: Snapshot) -> Judge:
    judge = Judge()
    judge.note_all(snapshot)
    return judge


def test_stops_when_told_and_says_what_is_pending() -> None:
    snapshot = many(10)
    judge = noted(snapshot)
    judge.step(snapshot, stopping_after(3))
    assert judge.pending == 6
    assert len(judge.publish()) == 4


def test_a_step_gets_one_further_without_any_time() -> None:
    snapshot = many(2)
    judge = noted(snapshot)
    judge.step(snapshot, lambda: True)
    assert judge.pending == 1


def test_watched_subjects_come_first() -> None:
    snapshot = many(10)
    judge = noted(snapshot)
    judge.watch([Ref("Service", "a", "s7"), Ref("Service", "a", "nobody"), Ref("Service", "a", "s5")])
    judge.step(snapshot, stopping_after(1))
    assert [ref.name for ref in judge.publish()] == ["s7", "s5"]


def test_publishes_the_same_mapping_until_an_answer_changes() -> None:
    snapshot = many(2)
    judge = noted(snapshot)
    judge.step(snapshot, lambda: False)
    first = judge.publish()
    judge.note_all(snapshot)
    judge.step(snapshot, lambda: False)
    assert judge.publish() is first
    fewer = replace(snapshot, objects={"Service": {}})
    judge.note_all(snapshot)
    judge.step(fewer, lambda: False)
    assert judge.publish() == {}
    assert len(first) == 2


def test_change_of_one_service_judges_no_other() -> None:
    snapshot = many(10)
    judge = noted(snapshot)
    judge.step(snapshot, lambda: False)
    (service,) = (each for each in snapshot.services.values() if each.name == "s3")
    judge.note("Service", service, service, snapshot.index)
    assert judge.pending == 1


def counting(rule: Rule, ran: list[str]) -> Rule:
    def check(subject: Any, snapshot: Snapshot) -> Iterator[Any]:
        ran.append(rule.code)
        yield from rule.check(subject, snapshot)

    return msgspec.structs.replace(rule, check=check)


def test_change_of_coverage_runs_only_the_rules_that_read_the_kind() -> None:
    ran: list[str] = []
    judge = Judge(tuple(counting(rule, ran) for rule in load()))
    snapshot = many(1)
    known = replace(snapshot, coverage={kind: Coverage("given") for kind in KINDS})
    judge.note_all(known)
    judge.step(known, lambda: False)
    ran.clear()
    judge.note_coverage("Pod")
    judge.step(known, lambda: False)
    assert ran == [
        rule.code
        for rule in load()
        if "Pod" in rule.reads and rule.applies(snapshot.services[Key("a", "s0")])
    ]
    ran.clear()
    counted = {
        **known.coverage,
        "Pod": Coverage("given", "reconnecting: reset", count=7, as_of="2026-01-01T00:00:00Z"),
    }
    judge.note_coverage("Pod")
    judge.step(replace(known, coverage=counted), lambda: False)
    assert ran == []  # a count and an age change no answer


def test_crashing_rule_takes_no_other_with_it() -> None:
    def check(_subject: Any, _snapshot: Snapshot) -> Iterator[Finding]:
        raise RuntimeError("no")
        yield

    broken = msgspec.structs.replace(
        load()[0], code="SVC199", subjects=("Service",), needs=(), applies=lambda _: True, check=check
    )
    judge = Judge((*load(), broken))
    snapshot = many(1)
    judge.note_all(snapshot)
    judge.step(snapshot, lambda: False)
    (judgment,) = judge.publish().values()
    codes = {each.code for each in judgment.findings}
    assert {CRASH, "SVC102"} <= codes
    assert "SVC199" in {each.code for each in judgment.unknowns}


def test_one_subject_can_be_judged_alone() -> None:
    snapshot = many(3)
    everything = judged(snapshot).judgments
    assert {ref: judgment_of(snapshot, ref) for ref in everything} == everything
    assert judgment_of(snapshot, Ref("Service", "a", "nobody")) is None


def test_worst_findings_come_first() -> None:
    body = {
        "metadata": {"namespace": "a", "name": "s"},
        "spec": {"clusterIP": "1.1.1.1", "externalIPs": ["2.2.2.2"]},
    }
    snapshot = judged(snapshot_of([("Service", msgspec.convert(body, Service))], {}))
    (judgment,) = snapshot.judgments.values()
    assert [each.severity for each in judgment.findings] == ["error", "info"]
