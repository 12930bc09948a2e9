"""Strategies of whole requests and replies are slow to draw: never a health check by the clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("LLMCONTRACT_EXAMPLES", "10"))
"""Of each operation; by hand 1,000."""

drawn = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="LLMCONTRACT_EXAMPLES" not in os.environ,  # what has not changed does not fail one day
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def _clock(llm_clock):
    """Clients wait in virtual time."""
