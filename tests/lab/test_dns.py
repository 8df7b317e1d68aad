"""The lab's DNS answers against those of a real CoreDNS 1.15 that served the same objects."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.lab.dns import answer, reply, to_wire
from kinspect.lab.dns_zone import Zone
from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.meta import Meta
from kinspect.model.node import Namespace
from kinspect.model.service import Service, ServicePort, ServiceSpec

HERE = Path(__file__).parent
RECORDED: dict[str, dict[str, str]] = json.loads((HERE / "recorded-dns.json").read_text())
BEFORE_IT_WAS_REPLACED = "10.244.2.7"
"""A pod that was there when DNS was asked, and was replaced (by …2.8) before the objects were listed."""


class Objects(msgspec.Struct):
    services: tuple[Service, ...] = msgspec.field(name="Service")
    slices: tuple[EndpointSlice, ...] = msgspec.field(name="EndpointSlice")
    namespaces: tuple[Namespace, ...] = msgspec.field(name="Namespace")


def as_it_was(each: EndpointSlice) -> EndpointSlice:
    if not any(endpoint.address == "10.244.2.8" for endpoint in each.endpoints):
        return each
    return msgspec.structs.replace(
        each, endpoints_or_null=(*each.endpoints, Endpoint((BEFORE_IT_WAS_REPLACED,), node_name="node3"))
    )


@pytest.fixture(scope="module")
def zone() -> Zone:
    packed = (HERE / "proxy" / "recorded" / "objects.json.gz").read_bytes()
    objects = msgspec.json.decode(gzip.decompress(packed), type=Objects)
    return Zone(
        services=objects.services,
        slices=tuple(map(as_it_was, objects.slices)),
        namespaces=frozenset(each.name for each in objects.namespaces),
        serial=1_795_452_035,
        upstream=dict.fromkeys(("example.org", "www.example.org"), ("198.51.100.7",)),
    )


def ask(zone: Zone, name: str, rdtype: str = "A") -> dns.message.Message:
    return answer(dns.message.make_query(name, rdtype, use_edns=0, payload=1232), zone)


def section(rrsets: list[dns.rrset.RRset]) -> set[str]:
    return {
        f"{each.name} {each.ttl} {dns.rdatatype.to_text(each.rdtype)} {rdata}"
        for each in rrsets
        for rdata in each
    }


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_answers_as_recorded(name: str, zone: Zone) -> None:
    """Rcode, flags, EDNS and every record with its TTL; their order is shuffled there and rotated here."""
    wire = {key: bytes.fromhex(value) for key, value in RECORDED[name].items()}
    query = dns.message.from_wire(wire["query"])
    real = dns.message.from_wire(wire.get("tcp") or wire["udp"])
    ours = answer(query, zone)
    assert (ours.rcode(), ours.id, ours.edns, ours.payload) == (
        real.rcode(),
        real.id,
        real.edns,
        real.payload,
    )
    assert dns.flags.to_text(ours.flags) == dns.flags.to_text(real.flags)
    assert ours.question == real.question
    assert [str(each.name) for each in ours.question] == [str(each.name) for each in real.question]
    assert section(ours.answer) == section(real.answer)
    assert section(ours.additional) == section(real.additional)
    if name not in ("forwarded-nx", "ptr-unknown"):  # there the SOA is that of the recorded upstream
        assert section(ours.authority) == section(real.authority)


@pytest.mark.parametrize("name", ["many-headless", "srv-headless-noedns", "ptr-pod"])
def test_truncates_where_the_recorded_server_does(name: str, zone: Zone) -> None:
    query = dns.message.from_wire(bytes.fromhex(RECORDED[name]["query"]))
    real = dns.message.from_wire(bytes.fromhex(RECORDED[name]["udp"]))
    over_udp = to_wire(answer(query, zone), query, over_udp=True)
    ours = dns.message.from_wire(over_udp)
    assert len(over_udp) <= (query.payload if query.edns >= 0 else 512)
    assert ours.flags & dns.flags.TC == real.flags & dns.flags.TC
    over_tcp = to_wire(answer(query, zone), query, over_udp=False)
    assert int.from_bytes(over_tcp[:2], "big") == len(over_tcp) - 2
    assert not dns.message.from_wire(over_tcp[2:]).flags & dns.flags.TC


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "answers"),
    [
        # Each row is a row of "NXDOMAIN or NODATA", or an extra of CoreDNS over the specification.
        ("echo.shop.svc.cluster.local", "MX", "NOERROR", set()),
        ("svc.cluster.local", "A", "NOERROR", set()),
        ("pod.cluster.local", "A", "NOERROR", set()),
        ("shop.pod.cluster.local", "A", "NOERROR", set()),
        ("nope.svc.cluster.local", "A", "NXDOMAIN", set()),
        ("cluster.local", "A", "NOERROR", set()),
        ("nothing.cluster.local", "A", "NXDOMAIN", set()),
        ("dns-version.cluster.local", "A", "NOERROR", set()),
        ("a.b.c.echo.shop.svc.cluster.local", "A", "NXDOMAIN", set()),
        ("_http._udp.echo.shop.svc.cluster.local", "SRV", "NXDOMAIN", set()),
        ("cname.shop.svc.cluster.local", "SRV", "NOERROR", set()),
        ("_http._tcp.cname.shop.svc.cluster.local", "SRV", "NXDOMAIN", set()),
        ("pubnr.shop.svc.cluster.local", "SRV", "NOERROR", set()),
        ("cname.shop.svc.cluster.local", "AAAA", "NOERROR", {"example.org."}),
        ("10-244-0-2.echo.shop.svc.cluster.local", "A", "NOERROR", {"10.244.0.2"}),
        ("10-244-0-9.echo.shop.svc.cluster.local", "A", "NXDOMAIN", set()),
        ("_http._tcp.echo.shop.svc.cluster.local", "A", "NOERROR", {"10.96.100.162"}),
        ("300-1-1-1.shop.pod.cluster.local", "A", "NXDOMAIN", set()),
        ("fd00--1.shop.pod.cluster.local", "AAAA", "NOERROR", {"fd00::1"}),
        ("10-1-1-1.nope.pod.cluster.local", "A", "NXDOMAIN", set()),
        ("term.shop.svc.cluster.local", "A", "NOERROR", {"10.96.110.253"}),
        ("241.2.0.192.in-addr.arpa", "PTR", "NXDOMAIN", set()),  # only terminating: has no name
        ("162.100.96.10.in-addr.arpa", "A", "NOERROR", set()),
        ("244.10.in-addr.arpa", "PTR", "NXDOMAIN", set()),
        ("", "NS", "NXDOMAIN", set()),
    ],
)
def test_exists_or_not(name: str, rdtype: str, rcode: str, answers: set[str], zone: Zone) -> None:
    response = ask(zone, f"{name}.", rdtype)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert {str(rdata) for each in response.answer for rdata in each} == answers
    if not answers and "cluster.local" in name:
        (soa,) = response.authority
        assert (str(soa.name), soa[0].minimum) == ("cluster.local.", 30)


def test_srv_without_a_port_names_them_all(zone: Zone) -> None:
    (found,) = ask(zone, "echo.shop.svc.cluster.local.", "SRV").answer
    assert {(rdata.port, rdata.weight) for rdata in found} == {(80, 50), (443, 50)}


def test_an_alias_within_the_cluster_is_followed_and_a_circle_ends(zone: Zone) -> None:
    def alias(name: str, to: str) -> Service:
        spec = ServiceSpec(type="ExternalName", external_name=to)
        return Service(metadata=Meta(name, "shop"), spec=spec)

    there = alias("there", "echo.shop.svc.cluster.local")
    circle = alias("circle", "circle.shop.svc.cluster.local")
    digits = alias("digits", "192.0.2.9")
    wrong = alias("wrong", "a..b")
    zone = replace(zone, services=(*zone.services, there, circle, digits, wrong))
    chain = ask(zone, "there.shop.svc.cluster.local.")
    assert section(chain.answer) == {
        "there.shop.svc.cluster.local. 30 CNAME echo.shop.svc.cluster.local.",
        "echo.shop.svc.cluster.local. 30 A 10.96.100.162",
    }
    assert ask(zone, "circle.shop.svc.cluster.local.").rcode() == dns.rcode.NOERROR
    assert ask(zone, "digits.shop.svc.cluster.local.").rcode() == dns.rcode.NXDOMAIN
    assert ask(zone, "wrong.shop.svc.cluster.local.").rcode() == dns.rcode.SERVFAIL


def test_dual_stack_answers_each_family(zone: Zone) -> None:
    spec = ServiceSpec(
        cluster_ip="10.96.0.77", cluster_ips=("10.96.0.77", "fd00::77"), ports=(ServicePort(port=80),)
    )
    zone = replace(zone, services=(*zone.services, Service(metadata=Meta("dual", "shop"), spec=spec)))
    for rdtype, expected in (("A", "10.96.0.77"), ("AAAA", "fd00::77")):
        (found,) = ask(zone, "dual.shop.svc.cluster.local.", rdtype).answer
        assert str(found[0]) == expected
    (srv,) = ask(zone, "dual.shop.svc.cluster.local.", "SRV").answer
    assert len(srv) == 1
    (ptr,) = ask(
        zone, "7.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", "PTR"
    ).answer
    assert str(ptr[0]) == "dual.shop.svc.cluster.local."


def test_the_first_address_changes_with_the_message_id(zone: Zone) -> None:
    first = set()
    for number in range(8):
        query = dns.message.make_query("echo-headless.shop.svc.cluster.local.", "A", id=number)
        first.add(str(answer(query, zone).answer[0][0]))
    assert len(first) == 5


def test_what_it_refuses(zone: Zone) -> None:
    assert ask(zone, "cluster.local.", "AXFR").rcode() == dns.rcode.REFUSED
    chaos = dns.message.make_query("version.bind.", "TXT", "CH")
    assert answer(chaos, zone).rcode() == dns.rcode.REFUSED
    newer = dns.message.make_query("cluster.local.", "A", use_edns=1)
    assert answer(newer, zone).rcode() == dns.rcode.BADVERS
    without = dns.message.Message()
    assert answer(without, zone).rcode() == dns.rcode.FORMERR
    status = dns.message.make_query("cluster.local.", "A")
    status.set_opcode(dns.opcode.STATUS)
    assert answer(status, zone).rcode() == dns.rcode.NOTIMP


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_answered_or_not_but_never_raise(data: st.DataObject, zone: Zone) -> None:
    """Recorded queries with bytes changed, and bytes of any kind."""
    wire = bytearray.fromhex(RECORDED[data.draw(st.sampled_from(sorted(RECORDED)))]["query"])
    for _ in range(data.draw(st.integers(0, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    for message in (bytes(wire), data.draw(st.binary(max_size=80))):
        for over_udp in (True, False):
            said = reply(message, zone, over_udp)
            assert said is None or (not over_udp or len(said) <= 1232)
