"""Nothing that a node may print makes the readers, the walk or the entries raise, or run for long."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.ruleset import conntrack, iptables_save, ipvsadm, nft_json
from kinspect.ruleset.entries import entries
from kinspect.ruleset.faults import Expectation, faults
from kinspect.ruleset.hooks import lost_jumps
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.walk import journey

HEADERS = Headers("tcp", "192.0.2.100", 40_000, "192.0.2.11", 30092)
NODE = Node(frozenset(("192.0.2.11",)))

WORDS = st.one_of(
    st.sampled_from(
        ("*nat", "*filter", "-A", "COMMIT", "!", ":", "[", '"', "nan", "tcp", "0.5", "0x4000/0x0")
    ),
    st.sampled_from(
        ("PREROUTING", "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-SVC-AAAAAAAAAAAAAAAA", "NEW", "30092")
    ),
    st.sampled_from(("ACCEPT", "DROP", "REJECT", "RETURN", "MASQUERADE", "MARK", "DNAT", "10.0.0.1:80")),
    st.sampled_from(
        ("-s", "-d", "-p", "-m", "-j", "-g", "--dport", "--ctstate", "--probability", "--comment")
    ),
    st.sampled_from(("--set-xmark", "--to-destination", "--name", "--rcheck", "--seconds", "192.0.2.11")),
)
LINE = st.one_of(st.text(max_size=20), st.lists(WORDS, max_size=12).map(" ".join))
LINES = st.lists(LINE, max_size=25)

LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
JSON = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def use(ruleset: Ruleset) -> None:
    """Everything that may be asked of a Ruleset."""
    ways = journey(ruleset, HEADERS, NODE)
    assert abs(sum(way.share for way in ways) - 1) < 1e-6
    entries(ruleset)
    lost_jumps(ruleset)
    faults(ruleset, Expectation(HEADERS, frozenset({("10.0.0.1", 80)}), masquerade=True), NODE)
    faults(ruleset, Expectation(HEADERS, refusal="reject"), NODE)


@settings(deadline=None)
@given(LINES)
def test_iptables_reader_on_any_lines(lines: list[str]) -> None:
    use(iptables_save.read("\n".join(lines)))


@settings(deadline=None)
@given(st.one_of(st.text(), JSON.map(str)))
def test_conntrack_and_ipvsadm_readers_on_any_text(text: str) -> None:
    conntrack.read(text)
    ipvsadm.read(text)


@settings(deadline=None)
@given(JSON)
def test_nft_reader_on_any_json(document: object) -> None:
    for shape in (document, {"nftables": document}, {"nftables": [document]}):
        use(nft_json.read(json.dumps(shape)))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_nft_reader_on_any_bytes(data: bytes) -> None:
    use(nft_json.read(data))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_recordings(data: st.DataObject, recorded: Mapping[str, str]) -> None:
    """Recorded dumps with pieces cut out, doubled or replaced."""
    name = data.draw(st.sampled_from(["node1-iptables-save.txt", "node3-nft.json", "node1-conntrack.txt"]))
    text = recorded[name]
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 400)))
        put = data.draw(st.one_of(st.just(""), st.just(text[start:end] * 2), st.text(max_size=10)))
        text = text[:start] + put + text[end:]
    if name.endswith("conntrack.txt"):
        conntrack.read(text)
    else:
        use(nft_json.read(text) if name.endswith("json") else iptables_save.read(text))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_recorded_json_with_other_values(data: st.DataObject, recorded: Mapping[str, str]) -> None:
    """The shape of nft's JSON with some value replaced by any other."""
    document = json.loads(recorded["node3-nft.json"])
    kept = document["nftables"][: data.draw(st.integers(20, 120))]
    for _ in range(data.draw(st.integers(1, 6))):
        replace_somewhere(data, kept)
    use(nft_json.read(json.dumps({"nftables": kept})))


def replace_somewhere(data: st.DataObject, document: object) -> None:
    """Walks down to some place in the document and puts another value there."""
    while True:
        keys = list(document) if isinstance(document, dict) else range(len(document))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        inside = document[key]  # type: ignore[index]
        if not (isinstance(inside, dict | list) and inside) or data.draw(st.integers(0, 5)) == 0:
            document[key] = data.draw(JSON)  # type: ignore[index]
            return
        document = inside


def test_numbers_that_make_no_sense_are_noted() -> None:
    for modulus, keys in ((0, [0]), (-1, [0]), (1, [0, 0]), (2, [0])):
        choice = {"key": {"numgen": {"mode": "random", "mod": modulus, "offset": 0}}}
        choice["data"] = {"set": [[key, {"concat": ["10.0.0.1", 80]}] for key in keys]}
        expression = {"dnat": {"addr": {"map": choice}}}
        hook = {"type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}
        chain = {"family": "ip", "table": "t", "name": "c", **hook}
        rule = {"family": "ip", "table": "t", "chain": "c", "expr": [expression]}
        use(nft_json.read(json.dumps({"nftables": [{"chain": chain}, {"rule": rule}]})))


def test_deeply_nested_json_is_refused() -> None:
    assert nft_json.read('{"nftables":' + "[" * 100_000).notes
    deep = '{"elem":{"val":' * 400 + '"1"' + "}}" * 400
    nested = f'{{"set":{{"family":"ip","table":"t","name":"s","elem":[{deep}]}}}}'
    use(nft_json.read(f'{{"nftables":[{nested}]}}'))


def test_a_hundred_thousand_rules_are_read_and_walked_in_seconds() -> None:
    rules = "\n".join(
        f"-A KUBE-SERVICES -d 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/32 -p tcp -m tcp --dport 80 -j C{n}"
        for n in range(100_000)
    )
    head = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n"
    started = time.monotonic()
    ways = journey(iptables_save.read(f"{head}{rules}\nCOMMIT\n"), HEADERS, NODE)
    assert time.monotonic() - started < 30
    assert [way.end for way in ways] == ["accept"]
