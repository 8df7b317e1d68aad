"""Asks a DNS server from where it is started. stdin: {"server", "questions": ["NAME TYPE", …]}.

stdout: one JSON object, question → {"code", "answer": [[owner, type, data], …]}. No search list, no cache.
"""

from __future__ import annotations

import json
import sys

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename

TIMEOUT_S = 5.0


def reversed_name(address: str) -> str:
    """The name under which an address is looked up."""
    return dns.reversename.from_address(address).to_text(omit_final_dot=True)


def ask(server: str, name: str, kind: str) -> dict[str, object]:
    """What the server answers by UDP."""
    answer = dns.query.udp(dns.message.make_query(name, kind), server, timeout=TIMEOUT_S)
    records = [
        [rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), data.to_text()]
        for rrset in answer.answer
        for data in rrset
    ]
    authoritative = bool(answer.flags & dns.flags.AA)
    return {"code": dns.rcode.to_text(answer.rcode()), "authoritative": authoritative, "answer": records}


def main() -> None:
    """All questions, one after another."""
    asked = json.load(sys.stdin)
    print(json.dumps({each: ask(asked["server"], *each.split()) for each in asked["questions"]}))


if __name__ == "__main__":
    main()
