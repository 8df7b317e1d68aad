"""The details of each kind of object in the bundled story, as a person would read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinspect.judge import judged
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.details import details
from kinspect.sources import open_file
from tests.golden import check_golden

STORY = Path(__file__).parents[2] / "snapshots" / "service-apis" / "objects.yaml"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def story() -> Snapshot:
    return judged(open_file([str(STORY)]))


def text_of(snapshot: Snapshot, ref: Ref) -> str:
    lines = []
    for section in details(snapshot, ref):
        lines.append(section.title)
        lines += ["  " + "  ".join(span.text for span in line) for line in section.lines]
    return "\n".join([*lines, ""])


@pytest.mark.parametrize(
    "ref",
    [
        Ref("Service", "shop", "edge"),
        Ref("Service", "shop", "db"),
        Ref("Service", "shop", "cart"),
        Ref("Service", "shop", "payments"),
        Ref("Service", "shop", "sticky"),
        Ref("Pod", "shop", "toolbox"),
        Ref("Node", "", "node2"),
        Ref("Ingress", "shop", "lost"),
        Ref("EndpointSlice", "shop", "cache-by-hand"),
        Ref("Namespace", "", "shop"),
    ],
    ids=str,
)
def test_details_of_an_object(story: Snapshot, ref: Ref) -> None:
    check_golden(GOLDEN / f"{ref.kind.lower()}-{ref.name}.txt", text_of(story, ref))


def test_an_object_that_is_not_there_is_told_from_one_that_is_not_known(story: Snapshot) -> None:
    assert "there is no Service shop/nobody" in text_of(story, Ref("Service", "shop", "nobody"))
    assert "is not known: not given" in text_of(story, Ref("HTTPRoute", "shop", "nobody"))
