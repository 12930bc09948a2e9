"""A plugin of pytest for the SDKs' own suites: which kind of operation each test asks for, as a property of its result.

What is not answered here is not asked: such a test is skipped. What a fixture of respx answers never reaches the
server: such a test asks nothing.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.recordings.providers import operation_of
from pytest_llmcontract.serving.paths import home_of, place_of

PROVIDER = "SUITES_PROVIDER"
"""The variable that says whom the suite asks."""
KIND = "kind"
"""The property's name."""
ANSWERED, NOT_SIMULATED, LACKING = "answered", "not simulated", "lacking"

_asked: list[str] = []


def kind_of(provider: str, method: str, path: str) -> str:
    """What our registry says of an address: the provider's operation is answered, or not simulated, or it has none."""
    operation = operation_of(provider, method, place_of(path, (home_of(provider),)).path)
    return LACKING if operation == UNKNOWN else ANSWERED if operation in OPERATIONS else NOT_SIMULATED


def pytest_configure() -> None:
    for library in ("httpx", "httpx2"):
        with suppress(ImportError):
            module = import_module(library)
            for client in (module.Client, module.AsyncClient):
                client.send = _noting(client.send)


def _noting(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def noting(client: Any, request: Any, **options: Any) -> Any:
        _asked.append(kind_of(os.environ[PROVIDER], request.method, request.url.path))
        if _asked[-1] != ANSWERED and not _mocked:
            pytest.skip(_asked[-1])
        return send(client, request, **options)

    return noting


_mocked = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    global _mocked
    _mocked = any(name.startswith("respx") for name in item.fixturenames)
    _asked.clear()
    try:
        yield
    finally:
        if _asked and not _mocked:
            item.user_properties.append((KIND, _asked[-1]))
