"""What can be copied of an object: names, addresses, and commands about it, quoted for the shell. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from kinspect.model.kinds import KINDS
from kinspect.model.meta import Ref
from kinspect.model.node import Node
from kinspect.model.pod import Pod
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.names import DEFAULT_ZONE, name_of


class Copyable(NamedTuple):
    """`text` is what goes to the clipboard; `what` names it in a sentence."""

    what: str
    text: str


def copies(snapshot: Snapshot, ref: Ref, context: str | None) -> Iterator[Copyable]:
    """What can be copied, the likeliest first. `context` None = kubectl's current one."""
    yield Copyable("the name", ref.name)
    found = snapshot.get(ref)
    if isinstance(found, Service):
        yield from _service(found)
    elif isinstance(found, Pod):
        yield from (Copyable("the address", ip) for ip in found.ips)
    elif isinstance(found, Node):
        yield from (Copyable("the address", ip) for ip in found.internal_ips)
    if ref.kind in KINDS:
        yield Copyable("kubectl get", kubectl("get", ref, context, "-o", "yaml"))
        yield Copyable("kubectl describe", kubectl("describe", ref, context))
    judgment = snapshot.judgments.get(ref)
    for finding in judgment.findings if judgment else ():
        if finding.reproduce:
            yield Copyable(f"the command behind {finding.code}", shlex.join(finding.reproduce))


def _service(service: Service) -> Iterator[Copyable]:
    spec, (namespace, name) = service.spec, service.key
    fqdn = name_of(service)  # no API object tells the real domain, so it is said which is assumed
    if spec.type == "ExternalName":
        yield Copyable("the name it is an alias of", spec.external_name)
    balancer = (each.ip or each.hostname for each in service.status.load_balancer.ingress)
    addresses = [*service.virtual_ips, *balancer, *spec.external_ips]
    yield from (Copyable("the address", address) for address in addresses)
    yield Copyable("the name in the cluster", f"{name}.{namespace}.svc")
    yield Copyable(f"the full name (in {DEFAULT_ZONE})", fqdn)
    for port in spec.ports:
        if port.protocol == "TCP":
            host = next(iter(service.virtual_ips), f"{name}.{namespace}.svc")
            yield Copyable(f"curl, port {port.port}", curl(host, port))
    yield Copyable("dig, its addresses", shlex.join(("dig", "+noall", "+answer", fqdn, "A", fqdn, "AAAA")))
    for port in spec.ports:
        if port.name:
            service_name = f"_{port.name}._{port.protocol.lower()}.{fqdn}"
            yield Copyable(
                f"dig, SRV of {port.name}", shlex.join(("dig", "+noall", "+answer", service_name, "SRV"))
            )


def curl(host: str, port: ServicePort) -> str:
    """A request to this port; https where the number or appProtocol says so."""
    secure = port.port in (443, 8443) or port.app_protocol == "https"
    bracketed = f"[{host}]" if ":" in host else host
    url = f"{'https' if secure else 'http'}://{bracketed}:{port.port}/"
    return shlex.join(("curl", "-v", "--max-time", "5", *(("-k",) if secure else ()), url))


def kubectl(verb: str, ref: Ref, context: str | None, *more: str) -> str:
    kind = KINDS[ref.kind]
    resource = f"{kind.plural}.{kind.group}" if "." in kind.group else kind.plural
    where = ("-n", ref.namespace) if ref.namespace else ()
    named = ("--context", context) if context else ()
    return shlex.join(("kubectl", *named, verb, resource, *where, *more, "--", ref.name))
