"""`kinspect explain`: the manual of a rule, with an example that it catches; without a code, all rules."""

from __future__ import annotations

from kinspect.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from kinspect.rules import Rule
    from kinspect.trace.causes import Code

HELP = "the manual of a rule, or the list of all rules"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="a rule code, as in SVC101")


def run(args: argparse.Namespace) -> int:
    from kinspect.rules import load

    rules = load()
    if args.code is None:
        for rule in rules:
            print(f"{rule.code}  {rule.severity:<8} {rule.title}")
        for code, told in sorted(_causes().items()):
            print(f"{code}  {'trace':<8} {told.title}")
        return EXIT_OK
    wanted = args.code.upper()
    found = next((rule for rule in rules if rule.code == wanted), None)
    if found is not None:
        _explain(found)
    elif cause := _causes().get(wanted):
        print(f"{wanted}: {cause.title}. A cause that only a trace can find.\n\n{cause.fix}")
    else:
        raise UsageError(f"there is no rule {args.code}", "kinspect explain lists them all.")
    return EXIT_OK


def _causes() -> dict[str, Code]:
    """What traces find. With them comes all that a trace needs: not for a rule."""
    from kinspect.trace.causes import codes

    return codes()


def _explain(rule: Rule) -> None:
    print(f"{rule.code} {rule.name} ({rule.severity}; judges {', '.join(rule.subjects)})\n")
    print(rule.manual.strip())
    print("\nAn example that it catches:\n")
    print(rule.broken.strip())
    print("\nThe healthy twin:\n")
    print(rule.healthy.strip())
