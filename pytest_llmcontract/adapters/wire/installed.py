"""Who answers on this way in."""

from __future__ import annotations

from pytest_llmcontract.adapters.interception import Installed

INSTALLED = Installed()
