"""A stage begins whole or not at all: whatever fails, everything is as before, and the next one works."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Any

import aiohttp
import httpcore
import httpcore2
import httpx
import httpx2
import pytest
import requests
import urllib3
import vcr

from pytest_llmcontract import simulate
from pytest_llmcontract.adapters import exits, patches, wire
from pytest_llmcontract.adapters import time as time_adapter
from pytest_llmcontract.adapters.respx import Interception, TransportMocker
from pytest_llmcontract.adapters.respx.patching import _Patch
from pytest_llmcontract.simulation import current_stage

MODELS = "https://api.groq.com/openai/v1/models"
HEADERS = {"authorization": "Bearer k"}

pytestmark = pytest.mark.usefixtures("left")


class Broke(Exception):
    """The step that was made to fail."""


def everything() -> dict[str, Any]:
    """All that a simulation puts something else in place of."""
    owners = [
        httpx.HTTPTransport, httpx.AsyncHTTPTransport, httpx.Client, httpx.AsyncClient,
        httpx2.HTTPTransport, httpx2.AsyncHTTPTransport, httpx2.Client, httpx2.AsyncClient,
        httpcore.ConnectionPool, httpcore.AsyncConnectionPool, httpcore.SyncBackend, httpcore.AnyIOBackend,
        httpcore2.ConnectionPool, httpcore2.SyncBackend, aiohttp.TCPConnector, vcr.cassette.Cassette,
        *_with_subclasses(wire.patching._defined(sys.modules["http.client"], "HTTPConnection")), socket.socket,
    ]  # fmt: skip
    there = {
        f"{owner.__module__}.{owner.__qualname__}.{name}": value
        for owner in owners
        for name, value in vars(owner).items()
    }
    there |= {f"socket.{name}": getattr(socket, name) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")}
    there |= {f"environment {name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**there, "meta_path": list(sys.meta_path), "time": time_adapter._driver, "stage": current_stage()}


def _with_subclasses(root: Any) -> list[Any]:
    """Without those that vcrpy makes for each cassette, and forgets."""
    children = [child for child in root.__subclasses__() if not child.__module__.startswith("vcr")]
    return [root, *(kind for child in children for kind in _with_subclasses(child))]


def changed(before: dict[str, Any]) -> list[str]:
    now = everything()
    return sorted(
        name for name in before | now if before.get(name) is not now.get(name) and before.get(name) != now.get(name)
    )


@pytest.fixture(autouse=True)
def _used_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once something was simulated, the guard stays for the session: not what is looked for here."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with simulate("groq"):
        pass


def _works() -> None:
    with simulate("groq") as api:
        assert httpx.get(MODELS, headers=HEADERS).status_code == 200
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        assert len(api.calls) == 2


def _fail(*args: object, **kwargs: object) -> Any:
    raise Broke


STEPS = [
    (time_adapter, "_enter"),
    (exits.Interception, "install"),
    (Interception, "install"),
    (wire.Interception, "install"),
    (TransportMocker, "register"),
    (TransportMocker, "start"),
]


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=lambda part: getattr(part, "__qualname__", part))
def test_a_step_that_fails_takes_the_others_back(owner, name):
    before = everything()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, _fail)
        with pytest.raises(Broke), simulate("groq"):
            pass

    assert changed(before) == []
    _works()
    assert changed(before) == []


def _patched_names() -> int:
    """How many names a simulation replaces, in all ways in."""
    count = 0

    with pytest.MonkeyPatch.context() as patch:

        def counted(below: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal count
                count += 1
                return below(*args, **kwargs)

            return call

        patch.setattr(patches.Patches, "replace", counted(patches.Patches.replace))
        patch.setattr(_Patch, "start", counted(_Patch.start))
        with simulate("groq"):
            pass
    return count


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_name_that_cannot_be_replaced_takes_the_others_back(when):
    """Each of them in turn, before or after it was replaced."""
    names = _patched_names()
    assert names > 15
    before = everything()
    for broken in range(names):
        left = [broken]

        def failing(below: Any, left: list[int] = left) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if left[0] == 0 and when == "before":
                    raise Broke
                below(*args, **kwargs)
                left[0] -= 1
                if left[0] < 0:
                    raise Broke

            return call

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(patches.Patches, "replace", failing(patches.Patches.replace))
            patch.setattr(_Patch, "start", failing(_Patch.start))
            with pytest.raises(Broke), simulate("groq"):
                pass
        assert changed(before) == [], f"the name number {broken}"
    _works()


def test_what_fails_within_a_wider_simulation_leaves_it_standing():
    with simulate("together") as outer:
        before = everything()
        with pytest.raises(Exception, match="unknown plan"), simulate("groq", plan="gold"):
            pass
        assert changed(before) == []
        assert current_stage() is not None
        assert outer.calls.statuses == []


# A user's cassette, opened before, after and around.


@pytest.fixture
def cassette(tmp_path):
    return lambda: vcr.use_cassette(str(tmp_path / "theirs.yaml"))


def test_a_cassette_around_the_simulation(cassette):
    before = everything()
    with cassette(), simulate("groq") as api:
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        assert urllib3.PoolManager().request("GET", MODELS, headers=HEADERS).status == 200
        assert len(api.calls) == 2
    assert changed(before) == []


def test_a_cassette_within_it(cassette):
    before = everything()
    with simulate("groq") as api, cassette():
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        assert len(api.calls) == 1
    assert changed(before) == []


def test_a_cassette_that_is_opened_before_and_closed_before(cassette):
    before = everything()
    theirs = cassette()
    theirs.__enter__()
    with simulate("groq") as api:
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        theirs.__exit__(None, None, None)
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        assert len(api.calls) == 2
    assert changed(before) == []


def test_a_cassette_that_is_opened_within_and_closed_after(cassette):
    """What it had covered, it lays bare again: that only passes calls on."""
    theirs = cassette()
    with simulate("groq") as api:
        theirs.__enter__()
        assert requests.get(MODELS, headers=HEADERS).status_code == 200
        assert httpx.get(MODELS, headers=HEADERS).status_code == 200
        assert len(api.calls) == 2
    theirs.__exit__(None, None, None)
    _works()


@pytest.mark.vcr
def test_the_marker_of_pytest_recording(groq_api):
    assert requests.get(MODELS, headers=HEADERS).status_code == 200
    assert groq_api.calls.statuses == [200]


def test_time_is_real_again_after_a_beginning_that_failed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire.Interception, "install", _fail)
        with pytest.raises(Broke), simulate("groq"):
            pass
    began = time.perf_counter()
    time.sleep(0.02)
    assert time.perf_counter() - began >= 0.02
