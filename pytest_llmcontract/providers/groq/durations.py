"""Durations as Go prints them, because Groq's servers do: ``1m26.4s``, ``720ms``, ``2.5µs``, ``0s``."""

from __future__ import annotations

_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def go_duration(nanoseconds: int) -> str:
    """*nanoseconds* (not negative) as ``time.Duration.String()`` of Go gives them.

    Below a second the largest unit that fits, with decimals; from a second on hours, minutes and seconds.
    """
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 1_000_000_000:
        size, unit = next((size, unit) for size, unit in _UNITS[1:] if nanoseconds >= size)
        return _decimal(nanoseconds, size) + unit
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, 1_000_000_000) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def wait_text(seconds: float) -> str:
    """A wait as refusals print it: whole nanoseconds, cut and not rounded (``6.780999999s``)."""
    return go_duration(int(seconds * 1e9))


def reset_text(seconds: float, *, whole_milliseconds: bool, least_ms: int = 0) -> str:
    """A reset as headers print it; from December 2025 on cut to whole milliseconds, *least_ms* at least."""
    nanoseconds = max(int(seconds * 1e9), least_ms * 1_000_000)
    if whole_milliseconds:
        nanoseconds = nanoseconds // 1_000_000 * 1_000_000
    return go_duration(nanoseconds)


def _decimal(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    digits = len(str(size)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
