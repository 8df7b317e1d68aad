"""Who selects whom, in the Store: the pods of a Service, and the Services of a pod."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.lab.selectors import label_selector_test
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of


def pods_of(store: Store, service: Json) -> list[Json]:
    """The pods that the Service's selector takes; it must have one."""
    chosen = label_selector_test({"matchLabels": service["spec"]["selector"]})
    pods = store.list("Pod", service["metadata"]["namespace"])
    return [pod for pod in pods if chosen(pod["metadata"].get("labels", {}))]


def services_of(store: Store, event: Event) -> Iterator[Name]:
    """The Services that select the pod of an event, or did before it."""
    namespace = event.object["metadata"]["namespace"]
    states = [event.object] if event.before is None else [event.object, event.before]
    labels = [state["metadata"].get("labels", {}) for state in states]
    for service in store.list("Service", namespace):
        selector = service["spec"].get("selector")
        if selector and any(all(each.get(k) == v for k, v in selector.items()) for each in labels):
            yield name_of(service)


def has_pods(service: Json) -> bool:
    """Whether controllers write the Service's endpoints: it has a selector, and is more than a name."""
    return bool(service["spec"].get("selector")) and service["spec"]["type"] != "ExternalName"
