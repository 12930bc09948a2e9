"""A plugin of pytest's for ``llmcontract verify --orphans``: writes down which tests there are.

``pytest -p pytest_llmcontract.collecting --collect-only`` with the file in ``$LLMCONTRACT_COLLECTED``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

FILE = "LLMCONTRACT_COLLECTED"


@pytest.hookimpl(tryfirst=True)  # before -k, -m and --deselect take some away
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    tests = [{"id": item.nodeid, "module": str(item.path), "name": item.name} for item in items]
    Path(os.environ[FILE]).write_text(json.dumps({"failed": session.testsfailed, "tests": tests}), "utf-8")
