"""The exceptions this project raises on purpose.

LlmContractError
├── BadInput             what a person wrote does not parse or is not known (also a ValueError)
├── DataError            a file of provider facts is broken: a defect of ours or of an overlay
├── ContractViolation    findings nobody handled (also an AssertionError)
├── SimulationEnded      a sleep or call outlived the simulation it began in
├── Deadlock             a wait that never ends in virtual time
└── PaymentDeclined      a purchase that the card's bank refused
"""

from __future__ import annotations

from collections.abc import Iterable


class LlmContractError(Exception):
    """Base of all of them."""


class BadInput(LlmContractError, ValueError):
    """Something a person wrote is not accepted. The message says what, where and what is accepted."""


class DataError(LlmContractError):
    """A file of provider facts does not load. The message names the file and the place."""


class ContractViolation(LlmContractError, AssertionError):
    """Findings of a simulation outside pytest, rendered. ``violations`` holds them as values."""

    def __init__(self, message: str, violations: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.violations = violations

    def __reduce__(self) -> tuple[type[ContractViolation], tuple[str, tuple[object, ...]]]:
        # pytest-xdist pickles exceptions; the default would lose the values.
        return type(self), (str(self), self.violations)


class SimulationEnded(LlmContractError):
    """A thread slept or called on after its simulation had been left."""


class Deadlock(LlmContractError):
    """Somebody waits for what never comes, while others sleep again and again. The message says who waits where."""


class PaymentDeclined(LlmContractError):
    """The card was declined; the event is in ``account.events`` too."""


def unknown(what: str, given: object, accepted: Iterable[str], *, where: str = "") -> BadInput:
    """``unknown plan 'fre'; accepted: developer, free. Did you mean 'free'? (tests/test_x.py:3)``

    A list too long to be read comes last, and may be cut:
    ``unknown model 'b'. Did you mean 'ab'? (tests/test_x.py:3) Near it too: 'bc'; accepted: …``.
    """
    from pytest_llmcontract.core.words import LONG_LIST, cut_list, nearest

    names = sorted(str(name) for name in accepted)
    near = nearest(given, names)
    hint = f". Did you mean {near[0]!r}?" if near else ""
    place = f" ({where})" if where else ""
    listed = ", ".join(names)
    if len(listed) <= LONG_LIST:
        return BadInput(f"unknown {what} {given!r}; accepted: {listed}{hint}{place}")
    others = f" Near it too: {', '.join(map(repr, near[1:]))}" if near[1:] else ""
    so_far = f"unknown {what} {given!r}{hint}{place}{others}"
    return BadInput(f"{so_far}{'' if so_far.endswith('?') else ';'} accepted: {cut_list(names)}")
