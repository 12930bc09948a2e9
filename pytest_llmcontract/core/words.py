"""Words for figures, long texts cut short, and texts from outside shown as they are, for messages and reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

LONG_LIST = 120
"""Characters of a list of names above which the nearest stand before it."""
_LONGEST_LIST = 400
"""Characters of a list that is shown whole."""


def counted(amount: int, noun: str, plural: str = "") -> str:
    """``1 call``, ``2,000 calls``, ``3 retries``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def percent(share: float | Decimal) -> str:
    """``64%``, ``4.2%``, ``0.05%``: what is little is not shown as nothing."""
    if share >= 0.1:
        return f"{share:.0%}"
    return f"{share:.1%}" if share >= 0.001 or not share else f"{float(share) * 100:.1g}%"


def shortened(text: str, most: int) -> str:
    """*text*, or the beginning of it, in at most *most* characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


# What a terminal obeys (C0 but line break and tab, DEL, C1), what turns or hides the letters beside it (marks of
# direction, of no width, tags), line breaks that are none to a reader of lines, and halves of surrogate pairs.
# The joiners that scripts and emoji need stay.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_NOT_SHOWN = re.compile(f"[{_HIDDEN}]")
# Lines that a CI takes for commands: ::error …, ##[error] … (GitHub, Azure), ##teamcity[…].
_COMMAND = re.compile(r"(?m)^([ \t]*):(?=:)|#(?=#(?:\[|teamcity\[|vso\[))")


def visible(text: str) -> str:
    """*text* with whatever would be obeyed rather than read spelled out: ``\\u001b`` for an escape.

    The one function for it. Line breaks stay; what must be one line goes through :func:`in_line`. JSON stays JSON
    with the same values.
    """
    shown = text if text.isascii() and text.isprintable() else _NOT_SHOWN.sub(_spelled, text)
    return _COMMAND.sub(_spelled_command, shown) if "::" in shown or "##" in shown else shown


def in_line(text: str) -> str:
    """*text* as :func:`visible` has it, in one line: for what stands in the middle of one."""
    return visible(text).replace("\t", "\\t").replace("\n", "\\n") if not text.isprintable() else visible(text)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _spelled_command(found: re.Match[str]) -> str:
    return f"{found[1] or ''}\\u{ord(found[0][-1]):04x}"


_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\[bfr])")


def visible_json(text: str) -> str:
    """JSON whose texts hold, once they are read, what :func:`visible` makes of them: for documents from outside."""
    return _ESCAPED.sub(_kept_escaped, _NOT_SHOWN.sub(lambda found: "\\" + _spelled(found), text))


def _kept_escaped(found: re.Match[str]) -> str:
    means = "\x1b" if found[2][1] in "bfr" else _meant(found[2])
    if not _NOT_SHOWN.search(means):
        return found[0]
    long = {"b": "\\u0008", "f": "\\u000c", "r": "\\u000d"}.get(found[2][1], found[2])
    return found[1] + long.replace("\\", "\\\\")


def _meant(escapes: str) -> str:
    halves = [int(code, 16) for code in escapes.split("\\u")[1:]]
    return b"".join(half.to_bytes(2, "big") for half in halves).decode("utf-16-be", "surrogatepass")


def nearest(given: object, names: Iterable[str]) -> list[str]:
    """Up to three of *names* that *given* may have meant, the nearest first."""
    import difflib  # takes longer than all of pytest's start may

    known = {name.casefold(): name for name in names}
    return [known[near] for near in difflib.get_close_matches(str(given).casefold(), known, n=3)]


def listed(given: object, names: Iterable[str]) -> str:
    """*names* with commas; of a long list those first that are near *given*."""
    names = list(names)
    if len(", ".join(names)) > LONG_LIST:
        near = nearest(given, names)
        names = [*near, *(name for name in names if name not in near)]
    return cut_list(names)


def cut_list(names: Sequence[str]) -> str:
    """*names* with commas; of very many the first, and how many there are."""
    whole = ", ".join(names)
    if len(whole) <= _LONGEST_LIST:
        return whole
    return f"{whole[: whole.rindex(', ', 0, _LONGEST_LIST)]}, … ({len(names)} in all)"
