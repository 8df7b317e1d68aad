"""What the user wants to reach: the words of a target, and the address, Service and port that they mean.

svc/NAME[:PORT]   svc/NAMESPACE/NAME[:PORT]   a Service's cluster IP; PORT by number or name
pod/NAME:PORT     pod/NAMESPACE/NAME:PORT     a pod's own address; PORT by number or a declared name
node/NAME:PORT                                a node's own address, a NodePort mostly
http(s)://HOST[:PORT]/PATH                    through an Ingress that serves HOST, or straight to a Service
ADDRESS:PORT      NAME.NAMESPACE.svc…:PORT    an IPv4 address, a Service's DNS name

Packets of IPv6 are not followed: where an object has addresses of both families, the IPv4 one is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from kinspect.errors import UsageError
from kinspect.model.index import EMPTY
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key
from kinspect.model.pod import Pod
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.load_balancer import balancer_of
from kinspect.resolve.routes import ingress_backends, port_meant
from kinspect.resolve.traffic import Traffic
from kinspect.trace.misnamed import missing, no_cluster_ip, no_ingress, no_pod_address, no_pod_port, no_port

_SERVICE_NAME = re.compile(r"^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?\.?$")


class Request(NamedTuple):
    """The HTTP request to send. `host` is what the Host header and SNI say."""

    scheme: Literal["http", "https"]
    host: str
    path: str


class Target(NamedTuple):
    """Where packets are sent. `service` and `port` None = no Service is known to own this address and port.

    `traffic`: how the Service is entered there. `upstream`: the Service behind the Ingress that `request`
    goes through, with its port; None = no Ingress is on the way. `proxied`: a balancer of mode Proxy has
    the address, and the nodes know nothing of it.
    """

    text: str
    address: str
    number: int
    protocol: str
    service: Key | None
    port: ServicePort | None
    traffic: Traffic
    request: Request | None
    upstream: tuple[Key, ServicePort] | None
    node: str
    proxied: bool = False


def resolve(text: str, snapshot: Snapshot, namespace: str, protocol: str = "") -> Target:
    """The target that these words mean. Raises UsageError with what to write instead.

    `protocol` "" = the Service port's own, TCP where there is none.
    """
    if "://" in text:
        return _of_url(text, snapshot, namespace)
    kind, _, rest = text.partition("/")
    if rest and kind in ("svc", "service", "services"):
        name, port = _split_port(rest)
        return _of_service(text, snapshot, _key(name, namespace), port, protocol)
    if rest and kind in ("pod", "po", "pods"):
        name, port = _split_port(rest)
        return _of_pod(text, snapshot, _key(name, namespace), port, protocol)
    if rest and kind in ("node", "no", "nodes"):
        name, port = _split_port(rest)
        return _of_node(text, snapshot, name, port, protocol)
    name, port = _split_port(text)
    if _is_address(name):
        return at_address(text, snapshot, name, _number(port, text), protocol)
    if rest and kind in ("ing", "ingress", "ingresses"):
        raise no_ingress(rest, snapshot.ingresses.get(_key(rest, namespace)))
    found = _SERVICE_NAME.match(name)
    if found and Key(found[2], found[1]) in snapshot.services:
        return _of_service(text, snapshot, Key(found[2], found[1]), port, protocol)
    meant = f"svc/{text} is a Service. " if Key(namespace, name) in snapshot.services else ""
    raise UsageError(
        f"{text!r} is no target",
        f"{meant}Targets: svc/NAME[:PORT], pod/NAME:PORT, node/NAME:PORT, http(s)://HOST/PATH, ADDRESS:PORT.",
    )


def at_address(text: str, snapshot: Snapshot, address: str, number: int, protocol: str = "") -> Target:
    """What owns this address and port: a Service, by any of its addresses or node ports, or none known."""
    for key in snapshot.index.services_by_ip.get(address, EMPTY):
        service = snapshot.services[key]
        for port in service.spec.ports:
            if port.port == number and protocol in ("", port.protocol):
                traffic: Traffic = "internal" if address in service.virtual_ips else "external"
                proxied = _is_proxied(service, address)
                node = next((each.name for each in snapshot.index.nodes_by_ip.get(address, EMPTY)), "")
                return Target(
                    text, address, number, port.protocol, key, port, traffic, None, None, node, proxied
                )
    node = next((each.name for each in snapshot.index.nodes_by_ip.get(address, EMPTY)), "")
    if node:
        for key in snapshot.index.services_by_node_port.get(number, EMPTY):
            for port in snapshot.services[key].spec.ports:
                if port.node_port == number and protocol in ("", port.protocol):
                    return Target(
                        text, address, number, port.protocol, key, port, "external", None, None, node
                    )
    return Target(text, address, number, protocol or "TCP", None, None, "internal", None, None, node)


def _is_proxied(service: Service, address: str) -> bool:
    balancer = balancer_of(service)
    return balancer is not None and any(
        each.text == address and each.mode == "Proxy" for each in balancer.addresses
    )


def _of_service(text: str, snapshot: Snapshot, key: Key, port: str, protocol: str) -> Target:
    service = snapshot.services.get(key)
    if service is None:
        raise missing("Service", key, snapshot.services)
    if not service.virtual_ips:
        raise no_cluster_ip(service)
    found = _service_port(service, port, protocol)
    address = _ipv4(service.virtual_ips, f"Service {key.namespace}/{key.name}")
    return Target(text, address, found.port, found.protocol, key, found, "internal", None, None, "")


def _service_port(service: Service, wanted: str, protocol: str) -> ServicePort:
    ports = [each for each in service.spec.ports if protocol in ("", each.protocol)]
    matching = [each for each in ports if wanted in ("", each.name, str(each.port))]
    if len(matching) == 1 or (matching and wanted):
        return matching[0]
    raise no_port(service, wanted, protocol)


def _of_pod(text: str, snapshot: Snapshot, key: Key, port: str, protocol: str) -> Target:
    pod = snapshot.pods.get(key)
    if pod is None:
        raise missing("pod", key, snapshot.pods)
    if not pod.ips or pod.terminal:
        raise no_pod_address(pod)
    address = _ipv4(pod.ips, f"Pod {key.namespace}/{key.name}")
    number, spoken = _pod_port(pod, port, protocol, text)
    return Target(text, address, number, spoken, None, None, "internal", None, None, "")


def _pod_port(pod: Pod, wanted: str, protocol: str, text: str) -> tuple[int, str]:
    """A pod's port by number, or by the name that it declares, and its protocol."""
    for container in pod.spec.serving_containers:
        for each in container.ports:
            if wanted and wanted == each.name and protocol in ("", each.protocol):
                return each.container_port, each.protocol
    if not wanted or not wanted.isdecimal():
        raise no_pod_port(pod, wanted)
    return _number(wanted, text), protocol or "TCP"


def _of_node(text: str, snapshot: Snapshot, name: str, port: str, protocol: str) -> Target:
    node = snapshot.nodes.get(Key("", name))
    if node is None:
        raise missing("node", Key("", name), snapshot.nodes)
    if not node.internal_ips:
        raise UsageError(f"Node {name} has no InternalIP (status.addresses).", "Write ADDRESS:PORT.")
    return at_address(text, snapshot, _ipv4(node.internal_ips, f"Node {name}"), _number(port, text), protocol)


def _of_url(text: str, snapshot: Snapshot, namespace: str) -> Target:
    """The way in for a URL: the address that an Ingress for its host publishes, or the host's own."""
    try:
        parts = urlsplit(text)
        number = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UsageError(f"{text!r} is no URL: {error}", "Write http://HOST/PATH.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{text!r} is no http or https URL", "Write http://HOST/PATH.")
    request = Request("https" if parts.scheme == "https" else "http", parts.hostname, parts.path or "/")
    if _is_address(parts.hostname):
        return at_address(text, snapshot, parts.hostname, number, "TCP")._replace(request=request)
    through = _through_ingress(text, snapshot, request, number, named=True)
    if through is not None:
        return through
    found = _SERVICE_NAME.match(parts.hostname)
    if found and Key(found[2], found[1]) in snapshot.services:
        key = Key(found[2], found[1])
        return _of_service(text, snapshot, key, str(number), "TCP")._replace(request=request)
    by_default = _through_ingress(text, snapshot, request, number, named=False)
    if by_default is not None:
        return by_default
    raise UsageError(
        f"No Ingress with an address serves {parts.hostname}, and no Service has that name.",
        "An Ingress shows its addresses in status.loadBalancer; a Service is NAME.NAMESPACE.",
    )


def _through_ingress(
    text: str, snapshot: Snapshot, request: Request, number: int, named: bool
) -> Target | None:
    """The first Ingress with an address that serves the request; `named`: that names its host in a rule."""
    for ingress in snapshot.ingresses.values():
        if named and not any(_serves(rule.host, request.host) for rule in ingress.spec.rules if rule.host):
            continue
        upstream = _upstream(snapshot, ingress, request)
        addresses = [each.ip for each in ingress.status.load_balancer.ingress if each.ip]
        if upstream is not None and addresses:
            entry = at_address(text, snapshot, addresses[0], number, "TCP")
            return entry._replace(request=request, upstream=upstream)
    return None


def _upstream(snapshot: Snapshot, ingress: Ingress, request: Request) -> tuple[Key, ServicePort] | None:
    """The Service and port that this Ingress sends the request to: the longest path that matches its host."""
    best: tuple[int, Key, ServicePort] | None = None
    for _, host, path, backend in ingress_backends(ingress):
        fits = (not host or _serves(host, request.host)) and _prefix(path, request.path)
        if not fits or backend.service is None:
            continue
        key = Key(ingress.namespace, backend.service.name)
        service = snapshot.services.get(key)
        port = port_meant(service, backend.service.port) if service else None
        if port is not None and (best is None or len(path) > best[0]):
            best = (len(path), key, port)
    return best[1:] if best else None


def _serves(pattern: str, host: str) -> bool:
    """Whether a rule is for this host: `*.suffix` covers exactly one more label (IngressRule.Host)."""
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])


def _prefix(path: str, requested: str) -> bool:
    """Whether a path covers the requested one, element by element (PathType Prefix)."""
    wanted = path.rstrip("/")
    return requested == wanted or requested.startswith(f"{wanted}/")


def _key(name: str, namespace: str) -> Key:
    first, _, second = name.partition("/")
    return Key(first, second) if second else Key(namespace, first)


def _is_address(text: str) -> bool:
    """Whether this is an IPv4 address. Raises UsageError for one that is none, or of IPv6."""
    try:
        found = ip_address(text)
    except ValueError:
        if text.replace(".", "").isdecimal():
            raise UsageError(f"{text} is no IPv4 address", "Write ADDRESS:PORT.") from None
        return False
    if isinstance(found, IPv6Address):
        raise UsageError(f"{text} is an IPv6 address", _ONLY_IPV4)
    return True


_ONLY_IPV4 = "Only packets of IPv4 are followed."


def _ipv4(addresses: Iterable[str], whose: str) -> str:
    """The first IPv4 address. Raises UsageError where there is none."""
    for address in addresses:
        try:
            if isinstance(ip_address(address), IPv4Address):
                return address
        except ValueError:
            continue
    raise UsageError(f"{whose} has no IPv4 address, only {', '.join(addresses)}.", _ONLY_IPV4)


def _split_port(text: str) -> tuple[str, str]:
    if text.startswith("["):  # as IPv6 addresses are written beside a port
        name, _, port = text[1:].partition("]")
        return name, port.removeprefix(":")
    name, _, port = text.partition(":") if text.count(":") < 2 else (text, "", "")
    return name, port


def _number(port: str, text: str) -> int:
    if not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        wrong = f"{port} is no port, in {text!r}" if port else f"{text!r} lacks a port"
        raise UsageError(wrong, f"Write {text.partition(':')[0]}:PORT, a number from 1 to 65535.")
    return int(port)
