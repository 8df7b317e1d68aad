"""Text from a cluster made safe to show: what a terminal would obey is shown as an escape instead.

Control characters (C0, C1), bidirectional and other format characters, line and paragraph separators, private
use, surrogates and unassigned code points become `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`; all else stays.
Every face calls this last, on every text that it did not write itself.
"""

from __future__ import annotations

import re
import unicodedata

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -~]*")


def visible(text: str) -> str:
    """The same text with everything that a terminal could obey as a visible escape, on one line."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _OBEYED else c for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
