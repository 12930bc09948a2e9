"""pytest-llmcontract: Groq and Together AI, simulated offline, for the tests of applications that call them.

Public names load when they are asked for by name, so that importing the package costs nothing at pytest's start.
``dir()`` tells those that are loaded, no others: freezegun, ``inspect.getmembers`` and their like read every name that
``dir()`` tells of every module, and must not import half of us at a moment of their choice.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pytest_llmcontract import loading as _loading

if TYPE_CHECKING:
    from pytest_llmcontract.battery.contract import ClientContract
    from pytest_llmcontract.calibrate import limits_from
    from pytest_llmcontract.core.call.script import Script
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.errors import BadInput, ContractViolation, PaymentDeclined, SimulationEnded
    from pytest_llmcontract.core.exchange import ApiRequest
    from pytest_llmcontract.core.ledger import Call, Calls
    from pytest_llmcontract.core.limits.rules import LimitState
    from pytest_llmcontract.core.workload.costs import cost
    from pytest_llmcontract.core.workload.fit import fit
    from pytest_llmcontract.recordings.verify import verify
    from pytest_llmcontract.simulated_provider import SimulatedProvider
    from pytest_llmcontract.simulation import simulate

__version__ = "0.1.0"

__all__ = [
    "ApiRequest",
    "BadInput",
    "Call",
    "Calls",
    "ClientContract",
    "ContractViolation",
    "LimitState",
    "PaymentDeclined",
    "Script",
    "SimulatedProvider",
    "SimulationEnded",
    "VirtualClock",
    "cost",
    "fit",
    "limits_from",
    "simulate",
    "verify",
]

_HOMES = {
    "ApiRequest": "core.exchange",
    "BadInput": "core.errors",
    "Call": "core.ledger",
    "Calls": "core.ledger",
    "ClientContract": "battery.contract",
    "ContractViolation": "core.errors",
    "LimitState": "core.limits.rules",
    "PaymentDeclined": "core.errors",
    "Script": "core.call.script",
    "SimulatedProvider": "simulated_provider",
    "SimulationEnded": "core.errors",
    "VirtualClock": "core.clock",
    "cost": "core.workload.costs",
    "fit": "core.workload.fit",
    "limits_from": "calibrate",
    "simulate": "simulation",
    "verify": "recordings.verify",
}

_loading.install()


def __getattr__(name: str) -> object:
    # No __dir__ tells of these names: freezegun gets whatever a module lists, and would import them half frozen.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
