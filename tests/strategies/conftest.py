"""Clients wait in virtual time."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _clock(llm_clock):
    """For every test here."""
