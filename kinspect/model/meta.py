"""What every API object carries: names, labels, ages, owners, conditions.

Facts are the API's own shape with only the fields that a rule or a view names, spelled as the API spells them
(camelCase on the wire, snake_case here). They are frozen and never changed in place, so one may be shared by
many snapshots. Unknown fields are skipped by the decoder and never become Python objects.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Fact(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The root of all facts. A field left out on the wire has the API's own default, or None."""


class Key(NamedTuple):
    """The name of an object within its kind; `namespace` is "" for kinds that have none."""

    namespace: str
    name: str


class Ref(NamedTuple):
    """The name of an object among all kinds. `kind` is the API's kind, as in "EndpointSlice"."""

    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> Key:
        return tuple.__new__(Key, self[1:])  # see Object.key

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


Labels = dict[str, str]
"""Label or selector pairs. Shared between facts: never change one in place."""


class OwnerReference(Fact, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Annotations(Fact, frozen=True, rename=None):
    """The annotations that the product reads, and no others; None = not set."""

    topology_mode: str | None = msgspec.field(default=None, name="service.kubernetes.io/topology-mode")
    topology_aware_hints: str | None = msgspec.field(
        default=None, name="service.kubernetes.io/topology-aware-hints"
    )
    source_ranges: str | None = msgspec.field(
        default=None, name="service.beta.kubernetes.io/load-balancer-source-ranges"
    )
    last_change_trigger_time: str | None = msgspec.field(
        default=None, name="endpoints.kubernetes.io/last-change-trigger-time"
    )
    ingress_class: str | None = msgspec.field(default=None, name="kubernetes.io/ingress.class")
    is_default_class: str | None = msgspec.field(
        default=None, name="ingressclass.kubernetes.io/is-default-class"
    )


class Meta(Fact, frozen=True):
    """ObjectMeta. Times are RFC 3339 text as the server wrote it; `deletion_timestamp` set = terminating."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: Labels = {}
    annotations: Annotations = Annotations()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str = ""
    generation: int | None = None
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class Condition(Fact, frozen=True):
    """A condition of any kind of object; `status` is True, False or Unknown, always looked up by `type`."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int | None = None


def condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of this type, or None. The first one, should a server send two."""
    return next((each for each in conditions if each.type == type_), None)


class Object(Fact, frozen=True):
    """An API object: its identity. Every kind of `kinds.py` is a subclass with the rest."""

    metadata: Meta = Meta()

    @property
    def key(self) -> Key:
        # As Key(…) does it, in a third of the time: a large cluster has it made some hundred thousand times.
        return tuple.__new__(Key, (self.metadata.namespace, self.metadata.name))

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace
