"""The words that the list/watch machine (`watcher`) and its transport (`kube`) exchange. Pure data."""

from __future__ import annotations

from typing import NamedTuple

from kinspect.model.decoding import Malformed
from kinspect.model.meta import Object


class List(NamedTuple):
    """Ask for a page. `namespace` None = all; `limit` 0 = everything at once; texts "" = left out."""

    version: str
    namespace: str | None
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""


class Watch(NamedTuple):
    """Open a watch from this resourceVersion on. The server ends it after `timeout_s`."""

    version: str
    namespace: str | None
    resource_version: str
    timeout_s: int


class Read(NamedTuple):
    """Read what the open watch, or the open answer, has next."""


class Wait(NamedTuple):
    """Do nothing for a while."""

    seconds: float


class Refresh(NamedTuple):
    """Get new credentials: the server does not take the old ones."""


Request = List | Watch | Read | Wait | Refresh


class Page(NamedTuple):
    """A page came. `continue_` "" = it was the last; `remaining` None = the server did not say.

    `partial`: more of this very answer is on its way, to be had by Read.
    """

    objects: tuple[Object, ...]
    malformed: tuple[Malformed, ...] = ()
    resource_version: str = ""
    continue_: str = ""
    remaining: int | None = None
    took_s: float = 0.0
    partial: bool = False


class Opened(NamedTuple):
    """The server accepted the watch; events may take their time."""


class Put(NamedTuple):
    """ADDED or MODIFIED."""

    object: Object


class Delete(NamedTuple):
    """DELETED, with the last state."""

    object: Object


class Odd(NamedTuple):
    """ADDED, MODIFIED or DELETED of something that does not decode."""

    malformed: Malformed
    resource_version: str
    deleted: bool = False


class Bookmark(NamedTuple):
    """Nothing happened up to here. Its object means nothing but the resourceVersion."""

    resource_version: str


class Failed(NamedTuple):
    """The request did not succeed. `status` None = no HTTP answer; in a watch also an ERROR event."""

    status: int | None
    message: str
    retry_after_s: float | None = None


WatchEvent = Put | Delete | Odd | Bookmark | Failed


class Batch(NamedTuple):
    """What the watch had, in order."""

    events: tuple[WatchEvent, ...]


class Ended(NamedTuple):
    """The server ended the watch properly."""


class Waited(NamedTuple):
    """The time is over."""


class Refreshed(NamedTuple):
    """The credentials are new; or, with a `problem`, could not be had."""

    problem: str = ""


Event = Page | Opened | Batch | Ended | Failed | Waited | Refreshed
