"""Whether all that stands behind a Service is as it should be: one look in the place of fourteen questions.

Nearly every Service of a cluster that works is sound, and the rules that hold where all is sound need not be
asked about it: judging it then takes two thirds of the time. False proves nothing: somebody has to ask.
"""

from __future__ import annotations

from kinspect.model.endpointslice import Endpoint
from kinspect.resolve.backends import Behind
from kinspect.resolve.ports import joined_by
from kinspect.resolve.service_class import families_of


def is_sound(found: Behind) -> bool:
    """Whether the pods that the Service selects, and no others, are ready at each of its ports, by the
    slices and by the names of their own ports."""
    return _ports_are_those_of_the_service(found) and _pods_are_listed(found) and found.undeclared == []


def _ports_are_those_of_the_service(found: Behind) -> bool:
    """In every slice, with a number; and its addresses are of a family that clients use."""
    families = families_of(found.service)
    wanted = {(port.name, port.protocol) for port in found.service.spec.ports}
    return all(
        slice_.address_type in families
        and {each.port is not None and joined_by(each) for each in slice_.ports} == wanted
        for slice_ in found.slices
    )


def _pods_are_listed(found: Behind) -> bool:
    """Each selected one and no other; each address once and ready; with hints everywhere or nowhere."""
    endpoints = [endpoint for _, endpoint, _ in found.entries]
    addresses = {each.address for each in endpoints}
    return (
        {pod for _, _, pod in found.entries} == found.pods.keys()
        and len(addresses) == len(endpoints)
        and "" not in addresses
        and all(each.ready for each in endpoints)
        and len({_is_hinted(each) for each in endpoints}) == 1
    )


def _is_hinted(endpoint: Endpoint) -> bool:
    return endpoint.hints is not None and bool(endpoint.hints.for_zones or endpoint.hints.for_nodes)
