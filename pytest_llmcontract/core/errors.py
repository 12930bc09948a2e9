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
    """``unknown plan 'fre'; accepted: developer, free. Did you mean 'free'? (tests/test_x.py:3)``"""
    import difflib  # takes longer than all the rest of this module, and pytest's start waits for it

    names = sorted(str(name) for name in accepted)
    near = difflib.get_close_matches(str(given), names, n=1)
    hint = f". Did you mean {near[0]!r}?" if near else ""
    place = f" ({where})" if where else ""
    return BadInput(f"unknown {what} {given!r}; accepted: {', '.join(names)}{hint}{place}")
