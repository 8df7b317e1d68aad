"""Through which proxy a server is reached: the kubeconfig's, else what the environment says. Pure.

The environment is read as kubectl reads it (golang.org/x/net/http/httpproxy): HTTPS_PROXY or HTTP_PROXY by
the server's scheme; NO_PROXY lists hosts, `.domains`, addresses and networks, each with or without a port;
and no proxy is ever asked for this machine itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from kinspect.errors import Unreachable

PORTS = {"http": 80, "https": 443}


def proxy_of(server: str, configured: str | None, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy for this server's URL; None = straight. `configured`: the kubeconfig's proxy-url.

    Raises: Unreachable for a proxy that does not speak HTTP.
    """
    said = configured or _from_environment(server, environ)
    if not said:
        return None
    proxy = said if "://" in said else f"http://{said}"
    if not proxy.startswith(("http://", "https://")):
        where = "the kubeconfig's proxy-url" if configured else "the environment's proxy"
        raise Unreachable(f"{where} {proxy} is no HTTP proxy", "kinspect speaks to HTTP proxies only.")
    return proxy


def _from_environment(server: str, environ: Mapping[str, str]) -> str:
    url = urlsplit(server)
    host = (url.hostname or "").rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return ""
    excepted = (each.strip().lower() for each in _either(environ, "no_proxy").split(","))
    port = url.port or PORTS.get(url.scheme, 0)
    if any(_matches(each, host, address, port) for each in excepted if each):
        return ""
    return _either(environ, f"{url.scheme}_proxy")


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name.upper()) or environ.get(name) or ""


def _matches(
    excepted: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int
) -> bool:
    """Whether one entry of NO_PROXY means this host (lower case) and port."""
    if excepted == "*":
        return True
    if "/" in excepted:
        try:
            return address is not None and address in ipaddress.ip_network(excepted, strict=False)
        except ValueError:
            return False
    name, of_port = _split(excepted)
    if of_port and of_port != str(port):
        return False
    if address is not None:
        return _address(name) == address
    domain = name.removeprefix("*")
    return host.endswith(domain) if domain.startswith(".") else f".{host}".endswith(f".{domain}")


def _split(entry: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[v6]`, `[v6]:port` or bare v6; "" = no port."""
    if _address(entry) is not None:
        return entry, ""
    name, colon, port = entry.rpartition(":")
    if not colon or entry.endswith("]"):
        name, port = entry, ""
    return name.strip("[]"), port


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
