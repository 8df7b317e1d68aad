"""`kinspect lab`: a small real Kubernetes network on this machine, to try, to break and to learn on."""

from __future__ import annotations

import sys

from kinspect.errors import EXIT_OK, EXIT_UNREACHABLE, UsageError, VantageLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from kinspect.lab.supervisor import Lab, Wishes

HELP = "a real Kubernetes network in namespaces of this machine: up, run, exec, break, heal, down"

_MOST_NODES = 9


def add(parser: argparse.ArgumentParser) -> None:
    from argparse import REMAINDER

    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    up = verbs.add_parser("up", help="boot a lab; it ends with this command")
    _add_wishes(up)
    up.add_argument("--detach", action="store_true", help="leave it running; `lab down` ends it")
    run_ = verbs.add_parser("run", help="boot a lab, run a command with KUBECONFIG set, end the lab")
    _add_wishes(run_)
    run_.add_argument("command", nargs=REMAINDER, metavar="-- CMD")
    exec_ = verbs.add_parser("exec", help="run a command in a place of a running lab")
    _add_lab(exec_)
    exec_.add_argument("place", metavar="PLACE", help="node/NAME, pod/NAMESPACE/NAME, or client")
    exec_.add_argument("command", nargs=REMAINDER, metavar="-- CMD")
    for verb, help_ in (("down", "end a running lab"), ("status", "the labs that run")):
        _add_lab(verbs.add_parser(verb, help=help_))
    break_ = verbs.add_parser("break", help="break something in a running lab; see `lab faults`")
    _add_lab(break_)
    break_.add_argument("fault", metavar="NAME")
    heal = verbs.add_parser("heal", help="undo a fault, or all of them")
    _add_lab(heal)
    heal.add_argument("fault", nargs="?", metavar="NAME")
    verbs.add_parser("faults", help="what can be broken, and what each teaches")


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lab", type=int, metavar="NUMBER", help="which lab, where several run")


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--filename", metavar="FILE", action="append", default=[], help="manifests to apply"
    )
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="how many nodes (default 3)")
    parser.add_argument("--cni", choices=("vxlan", "routed"), help="how pods are joined (default vxlan)")
    parser.add_argument("--proxy", choices=("iptables", "nftables"), help="whose rules (default iptables)")


def run(args: argparse.Namespace) -> int:
    verbs = {
        "up": _up,
        "run": _run,
        "exec": _exec,
        "down": _down,
        "status": _status,
        "break": _break,
        "heal": _heal,
        "faults": _faults,
    }
    return verbs[args.verb](args)


def _up(args: argparse.Namespace) -> int:
    import asyncio

    from kinspect.lab import session

    if args.detach:
        from kinspect.lab.detached import start

        return start(_wishes(args), _announce)
    asyncio.run(session.keep(_wishes(args), _announce))
    return EXIT_OK


def _run(args: argparse.Namespace) -> int:
    import asyncio

    from kinspect.lab import session

    return asyncio.run(session.run_beside(_wishes(args), _command(args), lambda lab: None))


def _exec(args: argparse.Namespace) -> int:
    from kinspect.lab import control, entering

    lab = control.the_lab(args.lab)
    entering.become(control.ask(lab, {"do": "place", "name": args.place}), _command(args))


def _down(args: argparse.Namespace) -> int:
    from kinspect.lab import control

    lab = control.the_lab(args.lab)
    control.ask(lab, {"do": "down"})
    control.wait_until_gone(lab)
    _say(f"lab {lab} has ended")
    return EXIT_OK


def _status(args: argparse.Namespace) -> int:
    from kinspect.lab import control

    running = control.labs() if args.lab is None else [control.the_lab(args.lab)]
    if not running:
        _say("no lab is running")
        return EXIT_UNREACHABLE
    for lab in running:
        try:
            told = control.ask(lab, {"do": "status"})
        except VantageLost as error:
            _say(error.message)
            continue
        nodes, pods = len(told["nodes"]), told["pods"]
        print(f"lab {lab}: {nodes} nodes, {pods} pods, {told['cni']}, {told['proxy']}")
        print(f"  KUBECONFIG={told['kubeconfig']}")
        for name, where in told["broken"].items():
            print(f"  broken: {name}: {where}")
    return EXIT_OK


def _break(args: argparse.Namespace) -> int:
    from kinspect.lab import control, faults

    fault = faults.named(args.fault)
    print(control.ask(control.the_lab(args.lab), {"do": "break", "name": fault.name}))
    _say(fault.teaches)
    return EXIT_OK


def _heal(args: argparse.Namespace) -> int:
    from kinspect.lab import control

    healed = control.ask(control.the_lab(args.lab), {"do": "heal", "name": args.fault})
    _say("nothing was broken" if not healed else f"healed: {', '.join(healed)}")
    return EXIT_OK


def _faults(args: argparse.Namespace) -> int:
    import textwrap

    from kinspect.lab import faults

    for fault in faults.load().values():
        print(fault.name)
        print(textwrap.indent(textwrap.fill(fault.teaches, 90), "  "))
    return EXIT_OK


def _wishes(args: argparse.Namespace) -> Wishes:
    from kinspect.lab import manifests
    from kinspect.lab.supervisor import Wishes

    if not 1 <= args.nodes <= _MOST_NODES:
        raise UsageError(f"--nodes {args.nodes} is not between 1 and {_MOST_NODES}")
    return Wishes(args.nodes, args.cni, args.proxy, manifests.read(args.filename))


def _command(args: argparse.Namespace) -> list[str]:
    command: list[str] = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("there is no command to run", f"kinspect lab {args.verb} … -- CMD")
    return command


def _announce(lab: Lab) -> None:
    """Words for the person, and on stdout what a shell can eval."""
    means = lab.means
    pods = len(lab.kubelet.running)
    _say(f"the lab is ready: {len(lab.nodes)} nodes, {pods} pods, {means.cni}, {means.proxy}")
    if means.note:
        _say(means.note)
    print(f"export KUBECONFIG={lab.kubeconfig}", flush=True)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
