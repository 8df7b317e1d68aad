"""EndpointSlice (discovery.k8s.io/v1): the addresses behind a Service. Source: discovery/v1/types.go.

Belongs to its Service by the label `kubernetes.io/service-name`, never by name or owner.
"""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Fact, Key, Object

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


class EndpointConditions(Fact, frozen=True):
    """As written; None = not written. The properties of Endpoint know the nil rules."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Fact, frozen=True):
    name: str = ""


class ForNode(Fact, frozen=True):
    name: str = ""


class EndpointHints(Fact, frozen=True):
    for_zones: tuple[ForZone, ...] = ()
    for_nodes: tuple[ForNode, ...] = ()


class ObjectReference(Fact, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Endpoint(Fact, frozen=True):
    """One backend. Only `addresses[0]` is ever used by a proxy; `node_name` None = local to no node."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: ObjectReference | None = None
    hints: EndpointHints | None = None

    @property
    def address(self) -> str:
        """The address that proxies use; "" in a malformed slice."""
        return self.addresses[0] if self.addresses else ""

    @property
    def ready(self) -> bool:
        """Nil means true (EndpointConditions.Ready)."""
        return self.conditions.ready is not False

    @property
    def serving(self) -> bool:
        """Nil means true (EndpointConditions.Serving), also where `ready` is false."""
        return self.conditions.serving is not False

    @property
    def terminating(self) -> bool:
        """Nil means false (EndpointConditions.Terminating)."""
        return self.conditions.terminating is True


class EndpointPort(Fact, frozen=True):
    """`name` None or "" = the unnamed Service port; `port` None = unusable for a Service."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None
    app_protocol: str | None = None


class EndpointSlice(Object, frozen=True):
    """A slice. The API writes null for empty lists; `endpoints` and `ports` read it as ()."""

    address_type: str = "IPv4"
    endpoints_or_null: tuple[Endpoint, ...] | None = field(default=(), name="endpoints")
    ports_or_null: tuple[EndpointPort, ...] | None = field(default=(), name="ports")

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return self.endpoints_or_null or ()

    @property
    def ports(self) -> tuple[EndpointPort, ...]:
        """() = a placeholder, a headless Service without ports, or an unresolved named port: no traffic."""
        return self.ports_or_null or ()

    @property
    def service(self) -> Key | None:
        """The Service that this slice belongs to, or None: an orphan that no proxy reads."""
        name = self.metadata.labels.get(SERVICE_NAME)
        return tuple.__new__(Key, (self.metadata.namespace, name)) if name else None  # see Object.key
