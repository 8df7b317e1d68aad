"""The filter line: `cart ns:shop type:LoadBalancer state:broken node:node1 label:app=web`.

Words without a known prefix are matched fuzzily on namespace/name and addresses: their letters in this order.
All terms must match. A term of an unknown prefix is an ordinary word, so nothing that is typed is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import state_of
from kinspect.outline.words import address_words, type_words

PREFIXES = ("ns", "type", "state", "node", "label")


class Filter(NamedTuple):
    """A parsed filter line; `terms` are (prefix, lower-case value), prefix "" = fuzzy."""

    terms: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.terms)


def parse(text: str) -> Filter:
    """The filter that a person typed. A prefix without a value yet is still being typed, and ignored."""
    terms = []
    for word in text.split():
        prefix, colon, value = word.partition(":")
        if colon and prefix.lower() in PREFIXES:
            if value:
                terms.append((prefix.lower(), value.lower()))
        else:
            terms.append(("", word.lower()))
    return Filter(tuple(terms))


def services(snapshot: Snapshot, wanted: Filter) -> Iterator[Key]:
    """The Services that match all terms, in the order of the snapshot."""
    on_nodes = {value: _services_on(snapshot, value) for prefix, value in wanted.terms if prefix == "node"}
    for key in snapshot.services:
        if all(_matches(snapshot, key, prefix, value, on_nodes) for prefix, value in wanted.terms):
            yield key


def fuzzy(needle: str, text: str) -> bool:
    """Whether the letters of `needle` stand in `text` in this order, ignoring case."""
    rest = iter(text.lower())
    return all(letter in rest for letter in needle.lower())


def _matches(snapshot: Snapshot, key: Key, prefix: str, value: str, on_nodes: dict[str, set[Key]]) -> bool:
    service = snapshot.services[key]
    if prefix == "ns":
        return value in key.namespace.lower()
    if prefix == "type":
        return value in type_words(service).lower()
    if prefix == "state":
        return state_of(snapshot, Ref("Service", *key)).startswith(value)
    if prefix == "node":
        return key in on_nodes[value]
    if prefix == "label":
        return any(value in f"{label}={text}".lower() for label, text in service.metadata.labels.items())
    return fuzzy(value, f"{key.namespace}/{key.name}") or value in address_words(service).lower()


def _services_on(snapshot: Snapshot, node: str) -> set[Key]:
    """The Services with an endpoint on a node whose name contains this text."""
    return {
        slice_.service
        for name, members in snapshot.index.slices_by_node.items()
        if node in name.lower()
        for key in members
        if (slice_ := snapshot.slices.get(key)) and slice_.service
    }
