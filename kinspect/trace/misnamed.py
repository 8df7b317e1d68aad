"""What is said of a name, port or place that is not there: what is near it, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from kinspect.errors import UsageError
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key
from kinspect.model.pod import Pod
from kinspect.model.service import Service
from kinspect.resolve.ports import port_text, target_of

MOST_NAMED = 6


def missing(kind: str, key: Key, there: Iterable[Key]) -> UsageError:
    """There is no such object; those of a like name in its namespace, or of its very name in another."""
    keys = sorted(there)
    beside = [each.name for each in keys if each.namespace == key.namespace]
    elsewhere = [_name(each) for each in keys if each.name == key.name and each.namespace != key.namespace]
    near = get_close_matches(key.name, beside, MOST_NAMED, 0.5) or elsewhere
    told = f"Near it: {_few(near)}." if near else f"There are: {_few(beside)}." if beside else ""
    return UsageError(f"There is no {kind} {_name(key)}.", told)


def no_port(service: Service, wanted: str, protocol: str) -> UsageError:
    """A Service has no such port, or several, of which none was named."""
    ports = service.spec.ports
    told = f"Service {service.name} has {_few(map(port_text, ports)) or 'no port'}"
    if not wanted and not protocol:
        return UsageError(f"{told}: which is meant?", f"Write svc/{service.name}:PORT, by number or name.")
    what = " ".join(each for each in ("no", protocol, "port", wanted) if each)
    behind = next((each for each in ports if wanted and str(target_of(each)) == wanted), None)
    if behind is None:
        return UsageError(f"{told}, and {what}.", f"Write svc/{service.name}:PORT, by number or name.")
    hint = f"{wanted} is the targetPort of {port_text(behind)}: write svc/{service.name}:{behind.port}."
    return UsageError(f"{told}, and {what}.", hint)


def no_cluster_ip(service: Service) -> UsageError:
    """A Service that packets are never sent to: headless, or an alias."""
    if service.spec.type == "ExternalName":
        name = service.spec.external_name
        return UsageError(
            f"Service {_name(service.key)} is an alias: its name leads to {name}, and no packet to it.",
            f"Trace to what {name} stands for: svc/NAME:PORT or ADDRESS:PORT.",
        )
    return UsageError(
        f"Service {_name(service.key)} has no cluster IP to trace to (spec.clusterIP).",
        "Trace to one of its pods: pod/NAME:PORT.",
    )


def no_ingress(name: str, found: Ingress | None) -> UsageError:
    """An Ingress is traced by what it serves."""
    urls = (
        f"http://{rule.host}{path.path or '/'}"
        for rule in (found.spec.rules if found else ())
        if rule.host and rule.http is not None
        for path in rule.http.paths
    )
    served = next(urls, "http://HOST/PATH")
    return UsageError(f"Ingress {name} is traced by what it serves.", f"Write {served} instead.")


def no_pod_port(pod: Pod, wanted: str) -> UsageError:
    """A pod declares no port of this name; or none was named."""
    declared = [
        f"{each.container_port}/{each.protocol} {each.name}".rstrip()
        for container in pod.spec.serving_containers
        for each in container.ports
    ]
    what = f"declares no port {wanted}" if wanted else "is to be reached at a port"
    hint = f"It declares {_few(declared)}." if declared else "It declares none: any number will do."
    return UsageError(f"Pod {_name(pod.key)} {what}.", f"{hint} Write pod/{pod.name}:PORT.")


def no_pod_address(pod: Pod) -> UsageError:
    """A pod that nothing can be sent to or from, since it does not run."""
    phase = pod.status.phase or "in no phase yet"
    ended = " It has ended: its address is another's, or nobody's." if pod.terminal else ""
    return UsageError(f"Pod {_name(pod.key)} is {phase} and has no address of its own.{ended}", "")


def _name(key: Key) -> str:
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def _few(names: Iterable[str]) -> str:
    told = list(names)
    more = [f"and {len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else []
    return ", ".join([*told[:MOST_NAMED], *more])
