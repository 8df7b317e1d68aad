"""A traced path as lines: a drawing with the places as boxes, and one line per hop. Shared by all faces.

Glyph and word always stand together, so that colour is never needed to read a state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from kinspect.model.path import Address, At, Hop, Large, Path, Predicted, Trace
from kinspect.outline.visible import visible

LONGEST_NAME = 32
MOST_PORTS = 4
"""So many interfaces of one place a packet may leave by, through bridge and tunnel, without being flooded."""

_STATE = {True: ("✓", "as predicted"), False: ("✗", "not as predicted"), None: ("·", "")}


class Line(NamedTuple):
    """A line of text and its role: "head", "hop", "parted", "predicted", "note" or "box"."""

    text: str
    role: str


def headline(trace: Trace) -> list[Line]:
    """The verdict in a line, and where prediction and observation part."""
    lines = [Line(visible(_verdict(trace)), "head")]
    if trace.large is not None:
        role = "parted" if trace.large.verdict == "dropped" else "note"
        lines.append(Line(visible(f"  {_large(trace.large)}"), role))
    if trace.divergence is not None:
        parting = trace.divergence
        where = f"path {parting.path + 1}, " if len(trace.paths) > 1 else ""
        lines.append(Line(f"  {where}hop {parting.hop + 1}: expected: {visible(parting.expected)}", "parted"))
        lines.append(Line(f"  {' ' * len(where)}seen: {visible(parting.seen)}", "parted"))
        if not trace.causes:
            lines.append(Line("  no cause was found in what could be read", "note"))
    for cause in trace.causes:
        lines.append(Line(visible(f"  {cause.code} {name(cause.place)}: {cause.message}"), "parted"))
        if cause.fix:
            lines.append(Line(visible(f"      {cause.fix}"), "note"))
    lines += [Line(visible(f"  {note}"), "note") for note in trace.notes if _is_reason(note)]
    return lines


def _is_reason(note: str) -> bool:
    """Whether a note says why the prediction was no better either: it belongs to the verdict."""
    return note.startswith("as predicted: ")


def _verdict(trace: Trace) -> str:
    way = f"{trace.vantage} to {trace.target}"
    if trace.method == "prediction":
        return f"predicted: {way}: {trace.verdict}"
    if trace.verdict != "delivered" or trace.backend is None:
        arrived = sum(path.share for path in trace.paths if _arrived(path))
        some = f": {1 - arrived:.0%} of the attempts did not arrive" if 0 < arrived < 0.995 else ""
        return f"{trace.verdict}: {way}{some} ({trace.method})"
    served, several = trace.backend, len(_reached(trace))
    if several > 1:
        return f"delivered: {way} to {several} backends ({trace.method})"
    address = f"{served.address}:{served.port}"
    if served.pod:
        way += f" to pod {served.pod} at {address}"
    elif trace.target != address:
        way += f" to {address}"
    return f"delivered: {way}{f' on {served.node}' if served.node else ''} ({trace.method})"


def _arrived(path: Path) -> bool:
    """Whether what took this path was delivered: seen there, or answered by other than a refusal."""
    answered = any(hop.direction == "reply" and hop.matched_by for hop in path.hops)
    return (answered and not _refused(path)) or any("delivered" in hop.actions for hop in path.hops)


def _refused(path: Path) -> bool:
    return any("rejected" in hop.actions or hop.icmp for hop in path.hops)


def _reached(trace: Trace) -> set[str]:
    """The addresses that the paths led to."""
    ends = ([hop.dst.address for hop in _request(path.hops) if hop.dst] for path in trace.paths)
    return {addresses[-1] for addresses in ends if addresses}


def _large(large: Large) -> str:
    """What became of the large packet, and who said that it is too large."""
    packet = f"a packet of {large.size} bytes"
    last = f"seen last at {name(large.place)} {large.interface}"
    if large.verdict == "delivered":
        return f"{packet} got through too, {last}"
    told = ""
    if large.told_by is not None:
        allows = f", which lets {large.mtu} bytes pass" if large.mtu else ""
        told = f"{name(large.told_by)} had an ICMP message that it is too large{allows}"
    if large.verdict == "refused":
        return f"{packet} was too large, and the sender was told so, which mends it: {told}"
    told = f"{told}, which did not come back" if told else "no ICMP message about it was seen"
    return f"{packet} did not get through: {last if large.interface else 'it never left'}; {told}"


def hop_lines(path: Path) -> list[Line]:
    """One line per hop: number, time, place, interface, addresses, what was done, and what was predicted."""
    told = [(number, hop, more) for number, hop, more in _without_floods(path.hops)]
    rows = [_row(number, hop, more) for number, hop, more in told]
    widths = [max((len(row[column]) for row, _ in rows), default=0) for column in range(6)]
    lines: list[Line] = []
    title = {"original": "request", "reply": "answer"}
    before: Hop | None = None
    for (row, role), (_, hop, _) in zip(rows, told, strict=True):
        if (
            before
            and hop.direction == "original"
            and ("proxied" in before.actions or before.direction == "reply")
        ):
            title = {"original": f"request of the proxy, {visible(name(hop.place))}", "reply": "answer to it"}
            before = None
        if before is None or hop.direction != before.direction:
            lines.append(Line(title[hop.direction], "note"))
        before = hop
        cells = [
            cell.rjust(width) if column in (0, 1) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append(Line("  ".join([*cells, row[6]]).rstrip(), role))
    return lines


def _without_floods(hops: Sequence[Hop]) -> Iterator[tuple[int, Hop, int]]:
    """(number, hop, how many more such). A bridge that knows no better sends a packet out of every port."""
    numbered = enumerate(hops, 1)
    for _, group in groupby(
        numbered, lambda each: (each[1].place, each[1].way, each[1].src, each[1].dst, each[1].ttl)
    ):
        same = list(group)
        if len(same) > MOST_PORTS and same[0][1].way == "out":
            yield (*same[-1], len(same) - 1)
        else:
            yield from ((number, hop, 0) for number, hop in same)


def _row(number: int, hop: Hop, more: int) -> tuple[tuple[str, ...], str]:
    glyph, _ = _STATE[hop.agrees]
    predicted_only = hop.matched_by is None
    role = "predicted" if predicted_only else "parted" if hop.agrees is False else "hop"
    place = _short(visible(name(hop.place)))
    flooded = f" and {more} more" if more else ""
    link = visible(f"{hop.interface or '?'}{flooded} {hop.way or ''}".strip())
    if predicted_only:
        ends, done = _predicted_ends(hop.predicted), " ".join(hop.predicted.actions if hop.predicted else ())
        return (str(number), "", "?", place, link, ends, f"{done} (predicted)"), role
    time = f"{hop.time_ns / 1000:.0f} µs" if hop.time_ns is not None else ""
    ends = f"{_end(hop.src)} → {_end(hop.dst)}"
    return (str(number), time, glyph, place, link, ends, _done(hop)), role


def _done(hop: Hop) -> str:
    parts = [" ".join(hop.actions)]
    if hop.encapsulation is not None:
        wrap = hop.encapsulation
        parts.append(f"in {wrap.type} {wrap.id} {wrap.src} → {wrap.dst}")
    if hop.icmp is not None:
        parts.append(f"ICMP {hop.icmp}")
    if hop.ttl is not None:
        parts.append(f"ttl {hop.ttl}")
    if hop.because is not None and "dnat" in hop.actions and hop.direction == "original":
        rule = f" [{hop.because.rule}]" if hop.because.rule else ""
        parts.append(visible(f"by {hop.because.object} {hop.because.field}".rstrip() + rule))
    if hop.agrees is False:
        parts.append(f"predicted {_predicted_ends(hop.predicted)}")
    return "  ".join(parts)


def _predicted_ends(predicted: Predicted | None) -> str:
    return f"{_end(predicted.src)} → {_end(predicted.dst)}" if predicted else ""


def _end(end: Address | None) -> str:
    if end is None:
        return "?"
    address = end.address or "*"
    return f"{address}:{end.port}" if end.port is not None else address


def name(place: At) -> str:
    """A place in short: a pod by namespace/name, a node and a declared place by name."""
    return place.name if place.kind != "pod" else f"pod {place.name}"


def _short(text: str) -> str:
    """A long name without its middle: what tells pods apart is at both ends. The drawing has all of it."""
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME // 2]}…{text[-(LONGEST_NAME // 2) + 1 :]}"


def drawing(path: Path, width: int = 100) -> list[Line]:
    """The request's way as boxes, one place a box, with the links and translations in it."""
    refusing = {hop.place for hop in path.hops if "rejected" in hop.actions}
    stays = [list(group) for _, group in groupby(_request(path.hops), lambda hop: hop.place)]
    boxes = [_box(stay, stay[0].place in refusing) for stay in stays]
    lines: list[Line] = []
    row: list[list[str]] = []
    used = 0
    for box in boxes:
        if row and used + len(box[0]) + 5 > width:
            lines += [Line(text, "box") for text in _beside(row)]
            lines.append(Line("  ↓", "box"))
            row, used = [], 0
        row.append(box)
        used += len(box[0]) + (5 if used else 0)
    return lines + [Line(text, "box") for text in _beside(row)]


def _request(hops: Sequence[Hop]) -> Iterator[Hop]:
    return (hop for hop in hops if hop.direction == "original")


def _box(hops: Sequence[Hop], refuses: bool) -> list[str]:
    """A place: its name, its interfaces in order, and what it did to the packet."""
    inside = [visible(name(hops[0].place))]
    links = [visible(hop.interface) for hop in hops if hop.interface]
    unlinked = "in its kernel's table" if any(hop.matched_by for hop in hops) else "predicted"
    inside.append(" ▸ ".join(links) if links else unlinked)
    done = [action for hop in hops for action in hop.actions if action not in ("received", "sent", "routed")]
    last = hops[-1]
    if "dnat" in done and last.dst is not None:
        inside.append(f"dnat {_end(last.dst)}")
        done.remove("dnat")
    if done:
        inside.append(" ".join(dict.fromkeys(done)))
    if refuses:
        inside.append("✗ rejected")
    if any(hop.agrees is False for hop in hops):
        inside.append("✗ not as predicted")
    width = max(len(text) for text in inside)
    body = [f"│ {text.ljust(width)} │" for text in inside]
    return [f"┌{'─' * (width + 2)}┐", *body, f"└{'─' * (width + 2)}┘"]


def _beside(boxes: Sequence[list[str]]) -> list[str]:
    """Boxes in a row, joined by arrows at their first line of text."""
    height = max((len(box) for box in boxes), default=0)
    padded = [box + [" " * len(box[0])] * (height - len(box)) for box in boxes]
    return [
        (" ──▶ " if line == 1 else "     ").join(box[line] for box in padded).rstrip()
        for line in range(height)
    ]


def lines(trace: Trace, width: int = 100) -> list[Line]:
    """The whole answer as text."""
    return [*headline(trace), *body(trace, width)]


def body(trace: Trace, width: int = 100) -> list[Line]:
    """All that the headline does not say: every path, drawn and hop by hop, and what is to be noted."""
    found: list[Line] = []
    for number, path in enumerate(trace.paths, 1):
        if len(trace.paths) > 1:
            lost = trace.method != "prediction" and trace.verdict != "delivered" and not _arrived(path)
            word = f", {'refused' if _refused(path) else trace.verdict}" if lost else ""
            found.append(Line(f"\npath {number}: {path.share:.0%}{word}", "head"))
        found += [Line("", "note"), *drawing(path, width), Line("", "note"), *hop_lines(path)]
    found += [Line(visible(f"unseen: {name(each.place)}: {each.reason}"), "note") for each in trace.unseen]
    if trace.lost:
        found.append(Line(f"lost: {trace.lost} captured packets; silence proves nothing here", "parted"))
    found += [Line(visible(f"note: {note}"), "note") for note in trace.notes if not _is_reason(note)]
    return found
