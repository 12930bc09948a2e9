"""What would leave this machine is noted at the bottom, and stopped there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_llmcontract.core.hosts import is_loopback

_watching: list[list[str]] = []


def _hook(event: str, args: Any) -> None:
    if event == "socket.getaddrinfo" and _watching:
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        if host is not None and not is_loopback(host):
            _watching[-1].append(host)
            raise OSError("stopped by the test")


sys.addaudithook(_hook)  # below every function that somebody could replace, and for ever


@pytest.fixture
def left() -> Iterator[list[str]]:
    """The hosts that were looked up; none, when the test is over."""
    _watching.append([])
    yield _watching[-1]
    assert _watching.pop() == []
