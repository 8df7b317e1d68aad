"""Parts of a rule in words, close to how nft prints them: for rules whose own text is not at hand."""

from __future__ import annotations

from kinspect.ruleset.terms import (
    ALL_BITS,
    AddressIs,
    AddressIsLocal,
    Chance,
    DeviceIs,
    Field,
    Jump,
    Lookup,
    MarkIs,
    Masquerade,
    Member,
    Opaque,
    Part,
    Pick,
    PortIs,
    ProtocolIs,
    Remember,
    Remembered,
    SetMark,
    StateIs,
    Target,
    Translate,
    Unknown,
    Verdict,
)

_FIELDS: dict[Field, str] = {
    "src": "ip saddr",
    "dst": "ip daddr",
    "protocol": "meta l4proto",
    "sport": "th sport",
    "dport": "th dport",
}
_SHOWN = 4
"""Of many alternatives only the first few are named."""


def told(parts: tuple[Part, ...]) -> str:
    """The whole rule."""
    return " ".join(_told(part) for part in parts)


def _told(part: Part) -> str:  # noqa: C901  one case for each kind of part, nothing else
    match part:
        case AddressIs(side, networks, negated):
            return f"{_FIELDS[side]} {_values([str(each) for each in networks], negated)}"
        case AddressIsLocal(side, negated):
            return f"fib {side[0]}addr type {'!= ' * negated}local"
        case ProtocolIs(names, negated):
            return f"meta l4proto {_values(list(names), negated)}"
        case PortIs(side, ranges, negated):
            texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
            return f"th {side[0]}port {_values(texts, negated)}"
        case StateIs(names, negated):
            return f"ct {'status' if names == ('dnat',) else 'state'} {_values(list(names), negated)}"
        case MarkIs(value, mask, negated):
            return f"meta mark & {mask:#x} {'!=' if negated else '=='} {value:#x}"
        case DeviceIs(side, name, negated):
            return f"{'i' if side == 'src' else 'o'}ifname {'!= ' * negated}{name}"
        case Member(fields, container, negated):
            return f"{_keys(fields)} {'!= ' * negated}@{container}"
        case Chance(probability):
            return f"with probability {probability:.6g}"
        case Remembered(name, timeout_s):
            return f"if the client is in {name} since less than {timeout_s} s"
        case Jump(chain, returns):
            return f"{'jump' if returns else 'goto'} {chain}"
        case Verdict(name, detail):
            return f"{name} {detail}".strip()
        case Translate(targets):
            return f"dnat to {_values([_target(each) for each in targets], False)}"
        case Masquerade(address):
            return f"snat to {address}" if address else "masquerade"
        case SetMark(keep, flip):
            if keep & flip == 0 and keep | flip == ALL_BITS:
                return f"meta mark set meta mark | {flip:#x}"
            kept = "" if keep == ALL_BITS else f" & {keep:#x}"
            return f"meta mark set meta mark{kept} ^ {flip:#x}"
        case Remember(name):
            return f"update @{name} {{ ip saddr }}"
        case Pick(options):
            return f"at random {_values([_told(each) for _, each in options], False)}"
        case Lookup(fields, container):
            return f"{_keys(fields)} vmap @{container}"
        case Opaque(text) | Unknown(text):
            return text


def _keys(fields: tuple[Field, ...]) -> str:
    return " . ".join(_FIELDS[each] for each in fields)


def _target(target: Target) -> str:
    return target.address if target.port is None else f"{target.address}:{target.port}"


def _values(texts: list[str], negated: bool) -> str:
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    shown = ", ".join([*texts[:_SHOWN], *more])
    return f"{'!= ' * negated}{shown if len(texts) == 1 else f'{{ {shown} }}'}"
