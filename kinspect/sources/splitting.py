"""Cuts the items out of a list answer while it arrives, so that 400 MB of pods are never held at once. Pure.

1. An answer is an envelope around `"items":[…]`. Built-in kinds have their metadata before the items, others
   behind them.
2. Items of one answer begin alike: `{"metadata":{"name":"` or `{"apiVersion":"`. So a new item may begin
   wherever the marker `},{…` stands. Inside a string it cannot stand: its quotes would be escaped.
3. The same marker may stand deeper, in a list inside an item. So what is cut off must be a whole JSON value,
   else the cut is tried at the next marker. Nothing is guessed: an answer in another order is one item list
   that is cut at its end only.
"""

from __future__ import annotations

import msgspec

OPENING = b'"items":['
BEGINNINGS = (b'{"metadata":{"name":"', b'{"apiVersion":"')


class Splitter:
    """Feed it the pieces of the answer; it returns the items that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: bytes | None = None
        self._marker: bytes | None = None
        self._looked = 0  # how far in the buffer no cut is

    def feed(self, piece: bytes) -> list[bytes]:
        """The items that are complete with this piece, but for the last one of the answer."""
        self._buffer += piece
        if not self._find_head():
            return []
        if self._marker is None:
            return []
        items, start = [], 0
        at = self._buffer.find(self._marker, self._looked)
        while at >= 0:
            item = bytes(self._buffer[start : at + 1])
            if _whole(item):
                items.append(item)
                start = at + 2
            at = self._buffer.find(self._marker, at + 2)
        del self._buffer[:start]
        self._looked = max(len(self._buffer) - len(self._marker), 0)
        return items

    def end(self) -> tuple[list[bytes], bytes]:
        """The last item, or all of an answer that could not be cut; and the envelope without items."""
        if self._head is None:
            return [], bytes(self._buffer)
        body = bytes(self._buffer)
        if not body.startswith(b"]"):
            at = body.find(b"}]")
            while at >= 0:
                items = _items(b"[" + body[: at + 2])
                if items is not None:
                    return items, self._head + body[at + 1 :]
                at = body.find(b"}]", at + 1)
        return [], self._head + body

    def _find_head(self) -> bool:
        """Whether the first item, or the end of an empty list, has come."""
        if self._head is None:
            at = self._buffer.find(OPENING)
            if at < 0:
                return False
            self._head = bytes(self._buffer[: at + len(OPENING)])
            del self._buffer[: len(self._head)]
        if self._marker is None:
            begin = next((each for each in BEGINNINGS if self._buffer.startswith(each)), None)
            self._marker = b"}," + begin if begin else None
        return True


def _whole(item: bytes) -> bool:
    return _items(b"[" + item + b"]") is not None


def _items(array: bytes) -> list[bytes] | None:
    """The elements of a JSON array, each as its text; None = it is not one."""
    try:
        return [bytes(each) for each in msgspec.json.decode(array, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        return None
