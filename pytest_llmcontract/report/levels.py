"""Which levels of limits are not what calls made them, but the test's own doing."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmcontract.core.ledger import Call

_TOLERANCE = 0.001
"""Of a limit, by which a level may be off."""


def staged_limits(calls: Sequence[Call]) -> list[list[str]]:
    """Of each of *calls*, all of one test, the limits that the test had filled by itself.

    Levels only fall between calls, so one that is higher before a call than after the one before it was raised by
    somebody else: by ``exhaust()`` or ``use()``. From then on it says nothing about the application.
    """
    after: dict[tuple[str, str, str], float] = {}
    raised: set[tuple[str, str, str]] = set()
    found: list[list[str]] = []
    for call in calls:
        own = call.taken
        for kind, (used, limit) in call.limits.items():
            key = (call.provider, call.model, kind)
            if used - own.get(kind, 0) > after.get(key, 0.0) + _TOLERANCE * limit:
                raised.add(key)
            after[key] = used
        found.append([kind for kind in call.limits if (call.provider, call.model, kind) in raised])
    return found
