"""`kinspect complete`: candidates for the word being typed, one a line, then kubectl's directive.

kubectl calls `kubectl_complete-kinspect` with the words so far and the one being typed (may be ""); the last
line `:4` tells it not to offer files. Nothing here asks a cluster: it must be fast and silent.
"""

from __future__ import annotations

from kinspect.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = ""

_NO_FILES = 4
_FILES = 0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*")


def run(args: argparse.Namespace) -> int:
    words = args.words or [""]
    for candidate in candidates(words):
        print(candidate)
    takes_file = len(words) > 1 and words[-2] in ("-f", "--filename", "--kubeconfig", "--log")
    print(f":{_FILES if takes_file else _NO_FILES}")
    return EXIT_OK


def candidates(words: list[str]) -> list[str]:
    """What the last word could become."""
    from kinspect.cli import DEFAULT, load, names, parser_of

    before, typed = words[:-1], words[-1]
    known = [name for name in names() if load(name).HELP]
    command = next((word for word in before if word in known), None)
    if typed.startswith("-"):
        actions = parser_of(command or DEFAULT)._actions
        return sorted(
            {flag for action in actions for flag in action.option_strings if flag.startswith(typed)}
        )
    if command is None:
        return [f"{name}\t{load(name).HELP}" for name in known if name.startswith(typed) and name != DEFAULT]
    if command == "explain":
        from kinspect.rules import load as rules

        return [f"{rule.code}\t{rule.title}" for rule in rules() if rule.code.startswith(typed.upper())]
    if command in ("tree", "check"):
        return [kind for kind in ("svc/", "pod/", "node/", "ing/") if kind.startswith(typed)]
    return []
