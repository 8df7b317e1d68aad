"""Discovery documents: each entry as a real server has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kinspect.lab.api import discovery
from kinspect.lab.resources import RESOURCES

RECORDED = json.loads((Path(__file__).parent / "recorded-discovery.json").read_text())


def named(each: dict) -> str:
    resource = each["resource"]
    return f"{each['group'] or 'core'}-{resource.get('name') or resource.get('resource')}"


@pytest.mark.parametrize("recorded", RECORDED["plain"], ids=named)
def test_a_resource_in_the_list_of_its_group(recorded):
    entries = discovery.resource_list(RESOURCES, recorded["group"])["resources"]
    assert recorded["resource"] in entries


@pytest.mark.parametrize("recorded", RECORDED["aggregated"], ids=named)
def test_a_resource_in_the_document_of_all_groups(recorded):
    found = discovery.aggregated(RESOURCES, core=not recorded["group"])
    (group,) = (g for g in found["items"] if g["metadata"].get("name", "") == recorded["group"])
    assert recorded["resource"] in group["versions"][0]["resources"]


def test_every_resource_is_compared():
    assert len(RECORDED["aggregated"]) == len(RESOURCES)
