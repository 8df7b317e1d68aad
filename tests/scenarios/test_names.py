"""S8, S9, S20, S21: the records that `resolve` says a Service has are what the cluster's DNS answers."""

from __future__ import annotations

import json
import sys
from collections import defaultdict

from kinspect.model.meta import Key
from kinspect.resolve.names import name_of, records

from . import asker
from .ground import Ground, run, snapshot
from .scenarios import NAMESPACES

CLIENT = "pod/scenarios/box1"


def test_the_predicted_records_are_answered_and_no_others(ground: Ground) -> None:
    now = snapshot(ground)
    services = [service for service in now.services.values() if service.namespace in NAMESPACES]
    expected: dict[str, set[str]] = defaultdict(set)
    for service in services:
        for record in records(now, service):
            expected[f"{record.name} {record.type}"].add(record.value)
    absent = [f"{name_of(service)} A" for service in services if not records(now, service)]
    server = now.services[Key("kube-system", "kube-dns")].spec.cluster_ip
    asked = json.dumps({"server": server, "questions": [*expected, *absent]})
    told = json.loads(run(ground, CLIENT, [sys.executable, str(asker.__file__)], asked))
    answered = {
        question: {_value(kind, data) for _, kind, data in answer["answer"]}
        for question, answer in told.items()
    }
    wrong = {
        question: (sorted(values), sorted(answered[question]))
        for question, values in expected.items()
        if not _agrees(question, values, answered[question])
    }
    assert not wrong
    assert {told[question]["code"] for question in absent} == {"NXDOMAIN"}
    kinds = {question.rpartition(" ")[2] for question in expected}
    assert kinds == {"A", "CNAME", "SRV", "PTR"}


def _agrees(question: str, expected: set[str], told: set[str]) -> bool:
    """Equal; a reverse name may have more: CoreDNS gives one for every Service that lists the address."""
    return expected <= told if question.endswith(" PTR") else expected == told


def _value(kind: str, data: str) -> str:
    """The data of a record as `resolve` writes it: without a final dot, of SRV port and target."""
    return " ".join(data.removesuffix(".").split()[2:]) if kind == "SRV" else data.removesuffix(".")
