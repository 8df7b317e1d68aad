"""The packet that is built without Scapy is the one that Scapy would build."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP

from kinspect.trace.segment import OLD_DATA, segment

PORTS, NUMBERS = st.integers(1, 65_535), st.integers(0, 2**32 - 1)
ADDRESSES = st.ip_addresses(v=4).map(str)


@settings(max_examples=50, deadline=None)
@given(ADDRESSES, PORTS, ADDRESSES, PORTS, NUMBERS, NUMBERS, st.integers(1, 9_000))
def test_it_is_what_scapy_builds(
    src: str, sport: int, dst: str, dport: int, sequence: int, acknowledged: int, length: int
) -> None:
    data = (OLD_DATA * length)[:length]
    header = TCP(sport=sport, dport=dport, flags="A", seq=sequence, ack=acknowledged, window=502)
    built = bytes(IP(src=src, dst=dst, ttl=64, flags="DF", id=0) / header / data)
    assert segment(src, sport, dst, dport, sequence, acknowledged, length) == built
