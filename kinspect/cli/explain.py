"""`kinspect explain`: the manual of a rule, with an example that it catches; without a code, all rules."""

from __future__ import annotations

from kinspect.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "the manual of a rule, or the list of all rules"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="a rule code, as in SVC101")


def run(args: argparse.Namespace) -> int:
    from kinspect.rules import load
    from kinspect.trace.causes import codes

    rules = load()
    causes = codes()
    if args.code is None:
        for rule in rules:
            print(f"{rule.code}  {rule.severity:<8} {rule.title}")
        for code, cause in sorted(causes.items()):
            print(f"{code}  {'trace':<8} {cause.title}")
        return EXIT_OK
    if args.code.upper() in causes:
        cause = causes[args.code.upper()]
        print(f"{args.code.upper()}: {cause.title}. A cause that only a trace can find.\n\n{cause.fix}")
        return EXIT_OK
    found = [rule for rule in rules if rule.code == args.code.upper()]
    if not found:
        raise UsageError(f"there is no rule {args.code}", "kinspect explain lists them all.")
    rule = found[0]
    print(f"{rule.code} {rule.name} ({rule.severity}; judges {', '.join(rule.subjects)})\n")
    print(rule.manual.strip())
    print("\nAn example that it catches:\n")
    print(rule.broken.strip())
    print("\nThe healthy twin:\n")
    print(rule.healthy.strip())
    return EXIT_OK
