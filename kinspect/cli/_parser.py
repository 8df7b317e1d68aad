"""argparse as the commands have it: usage errors are ours, and help reads the same with every Python."""

from __future__ import annotations

import argparse
from typing import NoReturn

from kinspect.errors import UsageError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"See {self.prog} --help")


class Help(argparse.HelpFormatter):
    def _format_action_invocation(self, action: argparse.Action) -> str:
        """As Python has it from 3.13 on, with every Python: the value is named once."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"
