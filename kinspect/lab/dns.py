"""DNS answers of the lab's cluster, as CoreDNS gives them: a query and a zone in, a response out. Pure.

1. A name that does not exist is NXDOMAIN; one that exists without a record of the asked type is NODATA:
   NOERROR, no answer. Both carry the SOA, whose minimum says how long to remember that.
2. An ExternalName is a CNAME; its target is looked up too, and may fail without changing the outcome.
3. SRV answers bring the addresses of their targets along.
4. A and AAAA records of one name start at a place that the message id picks, so that clients that take the
   first one spread (CoreDNS shuffles).
5. Over UDP an answer fits the client's buffer, or says TC: ask again over TCP.

Source: Kubernetes DNS specification 1.1.0, CoreDNS's kubernetes plugin, RFC 1035, 2308, 6891.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset
from dns.rdatatype import RdataType

from kinspect.lab.dns_zone import Found, Target, Zone

OWN_PAYLOAD = 1232
"""The largest UDP message that this server offers (the DNS flag day's number)."""

_SMALLEST_PAYLOAD = 512
_LONGEST_ALIAS_CHAIN = 8
_ADDRESS_TYPES = {RdataType.A: 4, RdataType.AAAA: 6}
_TRANSFERS = (RdataType.AXFR, RdataType.IXFR)

_Records = list[dns.rrset.RRset]


def reply(wire: bytes, zone: Zone, over_udp: bool) -> bytes | None:
    """The answer to a message as it comes in; None = not a query, so it gets none."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if query.flags & dns.flags.QR:
        return None  # answers to answers could go round in circles
    return to_wire(answer(query, zone), query, over_udp)


def answer(query: dns.message.Message, zone: Zone) -> dns.message.Message:
    """The response to a query, complete; `to_wire` fits it to the transport."""
    response = dns.message.make_response(query, our_payload=OWN_PAYLOAD)
    refusal = _refusal(query)
    if refusal is not None:
        response.set_rcode(refusal)
        return response
    response.flags |= dns.flags.AA
    question = query.question[0]
    answers = _Answers(zone, response, query.id)
    answers.resolve(question.name, question.rdtype)
    return response


def to_wire(response: dns.message.Message, query: dns.message.Message, over_udp: bool) -> bytes:
    """The response as sent: cut to the client's buffer over UDP, with its length in front over TCP."""
    if not over_udp:
        return response.to_wire(max_size=0xFFFF, prepend_length=True)
    client = query.payload if query.edns >= 0 else 0
    limit = min(max(client, _SMALLEST_PAYLOAD), OWN_PAYLOAD)
    return response.to_wire(max_size=limit, prefer_truncation=True)


def _refusal(query: dns.message.Message) -> dns.rcode.Rcode | None:
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if query.edns > 0:
        return dns.rcode.BADVERS
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN or question.rdtype in _TRANSFERS:
        return dns.rcode.REFUSED
    return None


class _Answers:
    """Fills one response."""

    def __init__(self, zone: Zone, response: dns.message.Message, turn: int) -> None:
        self.zone = zone
        self.response = response
        self.turn = turn
        self.origin = dns.name.from_text(zone.domain)

    def resolve(self, name: dns.name.Name, rdtype: RdataType, depth: int = 0) -> None:
        """Adds the records of this name, and of those that it is an alias of."""
        if not name.is_subdomain(self.origin):
            self._foreign(name, rdtype, depth)
            return
        found = self.zone.find(_labels(name.relativize(self.origin)))
        if found is None:
            self._negative(dns.rcode.NXDOMAIN, depth)
        elif found.alias and rdtype in (RdataType.CNAME, *_ADDRESS_TYPES):
            self._alias(name, rdtype, found.alias, depth)
        else:
            self._own(name, rdtype, found)
            if not self.response.answer:
                self._negative(dns.rcode.NOERROR, depth)

    def _own(self, name: dns.name.Name, rdtype: RdataType, found: Found) -> None:
        records = self.response.answer
        if rdtype in _ADDRESS_TYPES:
            self._addresses(records, name, rdtype, [each.address for each in found.targets], self.turn)
        elif rdtype == RdataType.SRV:
            self._services(name, found.targets)
        elif rdtype == RdataType.TXT and found.text:
            self._add(records, name, rdtype, f'"{found.text}"')
        elif name == self.origin and rdtype == RdataType.SOA:
            self._soa(records)
        elif name == self.origin and rdtype == RdataType.NS:
            self._nameserver(name)

    def _addresses(
        self, records: _Records, name: dns.name.Name, rdtype: RdataType, addresses: list[str], turn: int
    ) -> None:
        of_family = [ip for ip in addresses if ip_address(ip).version == _ADDRESS_TYPES[rdtype]]
        unique = list(dict.fromkeys(of_family))
        first = turn % len(unique) if unique else 0
        self._add(records, name, rdtype, *unique[first:], *unique[:first])

    def _services(self, name: dns.name.Name, targets: Iterable[Target]) -> None:
        ports = list(dict.fromkeys((each.port, each.host) for each in targets if each.port))
        weight = max(1, 100 // len(ports)) if ports else 0
        texts = [f"0 {weight} {port} {self._full(host)}" for port, host in ports]
        self._add(self.response.answer, name, RdataType.SRV, *texts)
        for host in dict.fromkeys(host for _, host in ports):
            self._additional(host, [each.address for each in targets if each.host == host])

    def _nameserver(self, name: dns.name.Name) -> None:
        host = f"{self.zone.nameserver.name}.{self.zone.nameserver.namespace}.svc"
        self._add(self.response.answer, name, RdataType.NS, str(self._full(host)))
        found = self.zone.find(tuple(host.split(".")))
        self._additional(host, [each.address for each in found.targets] if found else [])

    def _additional(self, host: str, addresses: list[str]) -> None:
        for rdtype in _ADDRESS_TYPES:
            self._addresses(self.response.additional, self._full(host), rdtype, addresses, turn=0)

    def _alias(self, name: dns.name.Name, rdtype: RdataType, alias: str, depth: int) -> None:
        try:
            target = dns.name.from_text(alias)
        except dns.exception.DNSException:  # the API takes names that DNS does not
            self.response.set_rcode(dns.rcode.SERVFAIL)
            return
        self._add(self.response.answer, name, RdataType.CNAME, str(target))
        if rdtype != RdataType.CNAME and depth < _LONGEST_ALIAS_CHAIN:
            self.resolve(target, rdtype, depth + 1)

    def _foreign(self, name: dns.name.Name, rdtype: RdataType, depth: int) -> None:
        """Reverse names of the cluster's addresses, and what the resolver upstream would say of the rest."""
        hosts = self.zone.names_of(_reversed(name))
        addresses = self.zone.upstream.get(".".join(_labels(name)))
        if hosts and rdtype == RdataType.PTR:
            self._add(self.response.answer, name, rdtype, *(str(self._full(host)) for host in hosts))
        elif addresses and rdtype in _ADDRESS_TYPES:
            self._addresses(self.response.answer, name, rdtype, list(addresses), self.turn)
        elif not (hosts or addresses) and depth == 0:
            # Without an SOA: this server has no authority over the name, so nobody may remember the answer.
            self.response.set_rcode(dns.rcode.NXDOMAIN)

    def _negative(self, rcode: dns.rcode.Rcode, depth: int) -> None:
        if depth == 0:  # behind an alias, the alias itself is the answer
            self.response.set_rcode(rcode)
            self._soa(self.response.authority)

    def _soa(self, records: _Records) -> None:
        domain, ttl = self.origin, self.zone.ttl_s
        text = f"ns.dns.{domain} hostmaster.{domain} {self.zone.serial} 7200 1800 86400 {ttl}"
        self._add(records, domain, RdataType.SOA, text)

    def _full(self, host: str) -> dns.name.Name:
        return dns.name.from_text(host, self.origin)

    def _add(self, records: _Records, name: dns.name.Name, rdtype: RdataType, *texts: str) -> None:
        if texts:
            made = dns.rrset.from_text_list(name, self.zone.ttl_s, dns.rdataclass.IN, rdtype, texts)
            records.append(made)


def _labels(name: dns.name.Name) -> tuple[str, ...]:
    """The labels in lower case without the root; bytes that are no letters become characters of their own."""
    return tuple(label.decode("latin-1").lower() for label in name.labels if label)


def _reversed(name: dns.name.Name) -> str:
    """The address that a reverse name spells, "" if it is none."""
    try:
        return dns.reversename.to_address(name)
    except dns.exception.DNSException:
        return ""
