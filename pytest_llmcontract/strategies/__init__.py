"""Hypothesis strategies for whatever travels between an application and a provider, to fuzz a client with.

They need the extra ``hypothesis``: ``pip install 'pytest-llmcontract[hypothesis]'``.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis
except ImportError:
    raise ImportError(
        "pytest_llmcontract.strategies draws with Hypothesis: pip install 'pytest-llmcontract[hypothesis]'"
    ) from None

from pytest_llmcontract.strategies.bodies import replies, requests
from pytest_llmcontract.strategies.faults import Fault, Faults, faults
from pytest_llmcontract.strategies.sent import ErrorReply, Stream, errors, streams

del _hypothesis

__all__ = ["ErrorReply", "Fault", "Faults", "Stream", "errors", "faults", "replies", "requests", "streams"]
