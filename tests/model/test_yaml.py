"""The YAML door: Kubernetes' scalars, the line of an error, and every limit."""

from __future__ import annotations

from typing import Any

import pytest

from kinspect.errors import Unreadable
from kinspect.model import yaml


def read(text: str) -> list[Any]:
    return list(yaml.documents(text.encode(), "f.yaml"))


def test_scalars_are_those_of_kubernetes() -> None:
    text = "time: 2020-01-01\nclock: 12:30\nequal: =\nmode: 0644\nflag: on\nsize: -7\nhex: 0x10\nempty:"
    assert read(text) == [
        {
            "time": "2020-01-01",
            "clock": "12:30",
            "equal": "=",
            "mode": 0o644,
            "flag": True,
            "size": -7,
            "hex": 16,
            "empty": None,
        }
    ]


def test_documents_are_separate() -> None:
    assert read("a: 1\n---\n---\n- b\n") == [{"a": 1}, None, ["b"]]


def test_dump_reads_back_in_order() -> None:
    value = {"b": "yes", "a": ["1", 2, None, "täxt\nzwei"], "c": {}}
    assert list(yaml.documents(yaml.dump(value).encode(), "f")) == [value]
    assert yaml.dump(value).index("b:") < yaml.dump(value).index("a:")


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: [", "f.yaml, line 3: not YAML"),
        ("a: 1\nb: c: d\n", "f.yaml, line 2: not YAML: mapping values are not allowed"),
        ("a: !!python/object:os.system x", "not YAML: could not determine a constructor"),
        ("[" * 101, "line 1: not read: nested deeper than 100 levels"),
        ("&a [*a]", "line 1: not read: the alias *a"),
        (LAUGHS, "line 7: not read: more than 5000000 values"),
        ("a: !!bool maybe", "not YAML: a value is not what its tag says"),
        ("a: !!timestamp soon", "not YAML: a value is not what its tag says"),
        ("a: {b: 1}\nc: {b: 1}\na: 2", "line 3: not read: the key 'a' is already set in line 1"),
        ("- {a: 1, b: [{a: 2}], a: 3}", "line 1: not read: the key 'a' is already set in line 1"),
        (
            "spec:\n  ports: []\n  type: x\n  ports: []",
            "line 4: not read: the key 'ports' is already set in line 2",
        ),
        ("a: \x00", "not YAML: control characters are not allowed"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert says in caught.value.message


def test_aliases_within_the_limits_are_read() -> None:
    assert read("a: &x {p: 1}\nb: *x\n---\nc: &x 2\nd: *x") == [
        {"a": {"p": 1}, "b": {"p": 1}},
        {"c": 2, "d": 2},
    ]


def test_keys_are_repeated_only_within_one_mapping() -> None:
    assert read("a: {a: a}\nb: [a, a, {a: a}, {a: a}]\n---\na: 1") == [
        {"a": {"a": "a"}, "b": ["a", "a", {"a": "a"}, {"a": "a"}]},
        {"a": 1},
    ]
    assert read("x: &x {a: 1}\ny: &y {b: 2}\nz: {<<: *x, <<: *y, a: 3}")[0]["z"] == {"a": 3, "b": 2}


def test_where_the_last_value_wins_it_does() -> None:
    """A kubeconfig is read as kubectl reads it."""
    assert list(yaml.documents(b"a: 1\na: 2", "f.yaml", last_wins=True)) == [{"a": 2}]


def test_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_BYTES", 10)
    with pytest.raises(Unreadable, match="more than is read"):
        read("a: 1234567890")
