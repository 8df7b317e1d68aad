"""Label selectors as API objects have them: whom they select, and how they are told.

Source: apimachinery's meta/v1 types.go (LabelSelector) and labels/selector.go (Requirement.Matches).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.meta import Labels
from kinspect.model.pod import LabelSelector, LabelSelectorRequirement


def matches(selector: LabelSelector, labels: Labels) -> bool | None:
    """Whether an object with these labels is selected, by all pairs and all expressions; {} selects all.

    None = an expression has an operator that nobody knows, and everything else fits.
    """
    if not selector.match_labels.items() <= labels.items():
        return False
    answers = [_holds(each, labels) for each in selector.match_expressions]
    return False if False in answers else None if None in answers else True


def _holds(requirement: LabelSelectorRequirement, labels: Labels) -> bool | None:
    """An object without the key is not In, and is NotIn."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return None


def keys_of(selector: LabelSelector) -> set[str]:
    """The label keys that it looks at."""
    return {*selector.match_labels, *(each.key for each in selector.match_expressions)}


def selector_text(selector: LabelSelector) -> str:
    """The selector as kubectl writes one: "app=web,tier in (a,b),!old"; "" selects everything."""
    return ",".join(_parts(selector))


def _parts(selector: LabelSelector) -> Iterator[str]:
    yield from (f"{key}={value}" for key, value in sorted(selector.match_labels.items()))
    for each in selector.match_expressions:
        match each.operator:
            case "Exists":
                yield each.key
            case "DoesNotExist":
                yield f"!{each.key}"
            case operator:
                yield f"{each.key} {operator.lower()} ({','.join(each.values)})"
