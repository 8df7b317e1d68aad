"""Documents in which a name tries to command the terminal: it is shown, and means the same to a machine."""

from __future__ import annotations

import json

import pytest

from kinspect.export import encode
from kinspect.export.tree import HiddenKind, Tree
from kinspect.model import yaml
from kinspect.outline.visible import visible

HOSTILE = 'a\x1b]52;c;aGk=\x07\x9b31m\x7f\u202e\u200b\ufeff\U000e0001 é 💥 \\u202e "q"\n\u2028'


@pytest.mark.parametrize("reason", [HOSTILE, "é 💥", "plain"])
def test_nothing_is_obeyed_and_nothing_is_lost(reason: str) -> None:
    document = Tree("kinspect/tree/v1", "2026-01-01T00:00:00Z", (), (HiddenKind("Pod", reason),))
    line, indented, block = (
        encode.json_line(document),
        encode.json_bytes(document),
        encode.yaml_bytes(document),
    )
    for text in (line, indented, block):
        assert all(visible(each) == each for each in text.decode().split("\n"))
    for read in (json.loads(line), json.loads(indented), next(iter(yaml.documents(block, "f")))):
        assert read["hidden"] == [{"kind": "Pod", "reason": reason}]


def test_what_is_harmless_stays_readable() -> None:
    document = Tree("kinspect/tree/v1", "2026-01-01T00:00:00Z", (), (HiddenKind("Pod", "é 💥"),))
    assert "é 💥" in encode.json_line(document).decode()
