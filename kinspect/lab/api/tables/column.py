"""What a column is, the words that many columns share, and ages as Kubernetes writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kinspect.lab.status import Json

Cell = Callable[[Json, datetime], Any]

NONE = "<none>"
UNKNOWN = "<unknown>"


class Column(NamedTuple):
    """A column; `wide` ones are shown by `-o wide` only."""

    name: str
    cell: Cell
    wide: bool = False
    type: str = "string"
    format: str = ""

    def definition(self) -> Json:
        told: Json = {"name": self.name, "type": self.type, "format": self.format}
        return told | {"description": "", "priority": 1 if self.wide else 0}


def at(*path: str, default: Any = "") -> Cell:
    """The value of a field, or `default` where it is missing or empty."""

    def cell(item: Json, now: datetime) -> Any:
        value: Any = item
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return default if value in (None, "") else value

    return cell


def since(timestamp: str | None, now: datetime) -> str:
    """The time since an API timestamp, in a few letters: 45s, 3m12s, 2d4h."""
    if not timestamp:
        return UNKNOWN
    then = datetime.fromisoformat(timestamp).astimezone(UTC)
    return duration((now - then).total_seconds())


def duration(seconds_passed: float) -> str:
    """Source: apimachinery's util/duration.HumanDuration."""
    seconds = int(seconds_passed)
    if seconds < -1:
        return "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 120:
        return f"{max(0, seconds)}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2_920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def labels(pairs: Mapping[str, str] | None) -> str:
    """Labels or an equality selector: `app=web,tier=front`."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or NONE


def selector(given: Mapping[str, Any] | None) -> str:
    """A LabelSelector in one line: `app=web,tier in (a,b),!old`."""
    given = given or {}
    parts = [f"{key}={value}" for key, value in sorted((given.get("matchLabels") or {}).items())]
    for each in given.get("matchExpressions") or ():
        values = ",".join(sorted(each.get("values") or ()))
        parts.append(
            {
                "In": f"{each['key']} in ({values})",
                "NotIn": f"{each['key']} notin ({values})",
                "Exists": each["key"],
                "DoesNotExist": f"!{each['key']}",
            }[each["operator"]]
        )
    return ",".join(parts) or NONE


def some(values: Iterable[Any], most: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    listed = list(map(str, values))
    if not listed:
        return NONE
    told = ",".join(listed[:most])
    return told if len(listed) <= most else f"{told} + {len(listed) - most} more..."


NAME = Column("Name", at("metadata", "name"), format="name")
AGE = Column("Age", lambda item, now: since(item["metadata"].get("creationTimestamp"), now))
