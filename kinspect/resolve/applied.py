"""Whether an object was read from an API server, or is a wish in a file that nobody has applied yet.

Controllers answer applied objects only: a Deployment in a file makes no pods, a LoadBalancer has no address
and is not waiting for one. What is missing there proves nothing.
"""

from __future__ import annotations

from kinspect.model.meta import Object
from kinspect.model.pod import Pod, PodStatus

_NO_STATUS = PodStatus()


def applied(each: Object) -> bool:
    """Whether an API server has given it a uid, as it does to every object that it stores."""
    return bool(each.metadata.uid)


def has_status(pod: Pod) -> bool:
    """Whether somebody says how the pod is: its kubelet, or whoever wrote the file."""
    return pod.status != _NO_STATUS
