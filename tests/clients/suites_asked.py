"""A plugin of pytest for the SDKs' own suites: notes on each test which addresses it asked of the server.

What a fixture of respx answers never reaches the server: such a test asks nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

ASKED = "asked"
"""The name of the notes: ``GET /openai/v1/models``."""

_asked: list[str] = []


def pytest_configure() -> None:
    for library in ("httpx", "httpx2"):
        with suppress(ImportError):
            module = import_module(library)
            for client in (module.Client, module.AsyncClient):
                client.send = _noting(client.send)


def _noting(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def noting(client: Any, request: Any, **options: Any) -> Any:
        _asked.append(f"{request.method} {request.url.path}")
        return send(client, request, **options)

    return noting


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    _asked.clear()
    try:
        yield
    finally:
        if not any(name.startswith("respx") for name in item.fixturenames):
            item.user_properties += [(ASKED, line) for line in dict.fromkeys(_asked)]
