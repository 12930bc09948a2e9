"""Where two requests differ, for a person with ten seconds: the place, what was recorded, what was sent.

Lists are laid side by side first, so that one message more is one difference and not twenty. Of a long text only the
words around the change are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Any

from pytest_llmcontract.core.secrets import excerpt

MOST = 6
"""Differences that are shown."""
_SHORT = 60
"""Characters of a value that is shown whole."""
_AROUND = 5
"""Words before and after a change."""
_MOST_WORDS = 400
"""Of a changed stretch that is compared word by word."""
_MOST_PAIRS = 400
"""Of list elements that are compared each with each."""


_ONLY_SPACE = "differs in its white space only"


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
"""In place of a value that one side does not have."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs."""

    path: str
    """``$.messages[1].content``: in the request that was sent, or in the recorded one where it is gone."""
    recorded: Any
    sent: Any

    def __str__(self) -> str:
        """One line: ``$.temperature 0.2 → 0.3``."""
        if self.recorded is ABSENT:
            return f"{self.path} is new: {_short(self.sent)}"
        if self.sent is ABSENT:
            return f"{self.path} is gone, was {_short(self.recorded)}"
        if _is_long(self.recorded) and isinstance(self.sent, str):
            return f"{self.path} {_in_few_words(self.recorded, self.sent)}"
        return f"{self.path} {_short(self.recorded)} → {_short(self.sent)}"


def compared(recorded: Any, sent: Any) -> list[Change]:
    """Every place where two bodies differ, in the order in which they are written."""
    return list(_changes("$", recorded, sent))


def rendered(changes: Sequence[Change]) -> str:
    """*changes*, the first few of many, a block each."""
    lines = []
    for change in changes[:MOST]:
        lines.append(change.path)
        if (
            isinstance(change.recorded, str)
            and isinstance(change.sent, str)
            and _is_long(change.recorded + change.sent)
        ):
            lines.append(f"  {_in_words(change.recorded, change.sent)}")
        else:
            lines.append(f"  recorded  {_short(change.recorded, 100)}")
            lines.append(f"  sent      {_short(change.sent, 100)}")
    more = len(changes) - MOST
    if more > 0:
        lines.append(f"… and {more} more {'place' if more == 1 else 'places'}")
    return "\n".join(lines)


def weight(changes: Sequence[Change]) -> float:
    """How far two bodies lie apart: a place counts one, a text as much as of it is other."""
    return sum(_weight(change) for change in changes)


def _weight(change: Change) -> float:
    if isinstance(change.recorded, str) and isinstance(change.sent, str):
        before, after = change.recorded.split()[:_MOST_WORDS], change.sent.split()[:_MOST_WORDS]
        return 1 - 0.9 * SequenceMatcher(None, before, after, autojunk=False).quick_ratio()
    return 1.0 if change.path != "$.model" else 1.5


# Finding


def _changes(path: str, recorded: Any, sent: Any) -> Iterator[Change]:
    if isinstance(recorded, dict) and isinstance(sent, dict):
        for name in (*sent, *(name for name in recorded if name not in sent)):
            yield from _changes(f"{path}.{name}", recorded.get(name, ABSENT), sent.get(name, ABSENT))
    elif isinstance(recorded, list) and isinstance(sent, list):
        yield from _list_changes(path, recorded, sent)
    elif _text(recorded) != _text(sent):
        yield Change(path, recorded, sent)


def _list_changes(path: str, recorded: list[Any], sent: list[Any]) -> Iterator[Change]:
    matcher = SequenceMatcher(None, list(map(_text, recorded)), list(map(_text, sent)), autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        at = b
        for old, new in _side_by_side(recorded[a:a_end], sent[b:b_end]):
            yield from _changes(f"{path}[{at}]", old, new)
            at += new is not ABSENT


def _side_by_side(old: list[Any], new: list[Any]) -> list[tuple[Any, Any]]:
    """Each of *old* beside the one of *new* that it probably became; what has none stands alone."""
    if len(old) == len(new) or not old or not new or len(old) * len(new) > _MOST_PAIRS:
        return list(zip_longest(old, new, fillvalue=ABSENT))
    near = max(
        ((_likeness(before, after), -abs(i - j), i, j) for i, before in enumerate(old) for j, after in enumerate(new)),
        key=lambda found: found[:2],
    )
    _, _, i, j = near
    return [*_side_by_side(old[:i], new[:j]), (old[i], new[j]), *_side_by_side(old[i + 1 :], new[j + 1 :])]


def _likeness(before: Any, after: Any) -> float:
    words = (_text(before).split()[:_MOST_WORDS], _text(after).split()[:_MOST_WORDS])
    return SequenceMatcher(None, *words, autojunk=False).quick_ratio()


# Showing


def _text(value: Any) -> str:
    return repr(value) if value is ABSENT else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > _SHORT or "\n" in value)


def _short(value: Any, most: int = _SHORT) -> str:
    text = repr(value) if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
    return excerpt(text, most)


def _in_words(recorded: str, sent: str) -> str:
    """``… weather in [-Paris-] {+Rome+} at noon …``: recorded in square brackets, sent in braces."""
    before, old, new, after = _apart(recorded.split(), sent.split())
    if not old and not new:
        return _ONLY_SPACE
    lead = ["…", *before[-_AROUND:]] if len(before) > _AROUND else before
    trail = [*after[:_AROUND], "…"] if len(after) > _AROUND else after
    return " ".join([*lead, *_marked(old, new), *trail])


def _in_few_words(recorded: str, sent: str) -> str:
    """As :func:`_in_words`, the changed ones alone."""
    _, old, new, _ = _apart(recorded.split(), sent.split())
    return " ".join(_marked(old, new)) if old or new else _ONLY_SPACE


def _apart(recorded: list[str], sent: list[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """What both begin with, what each has between, and what both end with."""
    least = min(len(recorded), len(sent))
    head = next((place for place in range(least) if recorded[place] != sent[place]), least)
    tail = next((back for back in range(least - head) if recorded[-1 - back] != sent[-1 - back]), least - head)
    return (
        recorded[:head],
        recorded[head : len(recorded) - tail],
        sent[head : len(sent) - tail],
        sent[len(sent) - tail :],
    )


def _marked(old: list[str], new: list[str]) -> Iterator[str]:
    if max(len(old), len(new)) > _MOST_WORDS:
        yield from _replaced(old, new)
        return
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    shown = 0
    for (kind, a, a_end, b, b_end), following in pairwise([*codes, ("end", 0, 0, 0, 0)]):
        if kind != "equal":
            yield from _replaced(old[a:a_end], new[b:b_end])
            shown += 1
        else:
            yield from _shortened(old[a:a_end])
        if shown == 3 and following[0] != "end":
            yield "…"
            return


def _replaced(old: list[str], new: list[str]) -> Iterator[str]:
    if old:
        yield f"[-{' '.join(_shortened(old))}-]"
    if new:
        yield f"{{+{' '.join(_shortened(new))}+}}"


def _shortened(words: list[str]) -> list[str]:
    return words if len(words) <= 2 * _AROUND else [*words[:_AROUND], "…", *words[-_AROUND:]]
