"""Every method of the official SDKs, called as it is: what it gives is what its own types say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import groq
import openai
import pytest
import together
from pydantic import BaseModel
from sdks_walk import SdkWalk, is_known, left_out, methods, misfits, table
from walking import PLANS, Impossible

from pytest_llmcontract import simulate

TOGETHER = f"together-{together.__version__.partition('.')[0]}"
"""Two versions have methods of the same names that do other things."""


CLIENTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "groq": ("groq", lambda: groq.Groq(api_key="k", max_retries=0)),
    "openai-groq": (
        "groq",
        lambda: openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k", max_retries=0),
    ),
    "openai-together": (
        "together",
        lambda: openai.OpenAI(base_url="https://api.together.ai/v1", api_key="k", max_retries=0),
    ),
    TOGETHER: ("together", lambda: together.Together(api_key="k", max_retries=0)),
}


def with_project(client: Any, api: Any) -> Any:
    """*client*; where it wants to know its project, it is asked for, in the days when it can be."""
    if not hasattr(client, "whoami") or "whoami" not in api.edition.operations.values():
        return client
    who = client.whoami()
    return client.copy(project_id=who.project.id if hasattr(who, "project") else who.project_id)


METHODS = {name: frozenset(methods(make())) for name, (_, make) in CLIENTS.items()}
WAYS = [
    pytest.param(name, method, way, id=f"{name}-{method}-{number}")
    for name in CLIENTS
    for method, ways in table(name)["calls"].items()
    if method in METHODS[name] and not left_out(name, method)
    for number, way in enumerate(ways)
]


@pytest.mark.parametrize("name", CLIENTS)
def test_no_method_is_forgotten(name: str) -> None:
    known = table(name)["calls"].keys()

    assert [method for method in sorted(METHODS[name]) if method not in known and not left_out(name, method)] == []


@pytest.mark.parametrize("name", ["groq", "openai-groq", "openai-together"])
def test_no_call_is_of_a_method_that_is_gone(name: str) -> None:
    assert table(name)["calls"].keys() - METHODS[name] == set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a method that is old is a method
@pytest.mark.parametrize(("name", "method", "way"), WAYS)
def test_it_gives_what_its_types_say(name: str, method: str, way: dict[str, Any], tmp_path: Path) -> None:
    provider, make = CLIENTS[name]
    with simulate(provider, check=False, edition=way.get("edition"), **PLANS[provider]) as api:
        walk = SdkWalk(name, with_project(make(), api), api, tmp_path)
        try:
            if "refused" in way:
                with pytest.raises((groq.APIStatusError, openai.APIStatusError, together.APIStatusError)):
                    walk.call(method, way)
                assert api.calls.last.status == way["refused"]
                return
            result = walk.call(method, way)
        except Impossible:
            pytest.skip("no model does it")

    assert [found for found in misfits(result) if not is_known(name, method, found[0])] == []
    assert api.calls.last.status < 400
    assert [finding.message for call in api.calls for finding in call.violations] == []
    assert result if isinstance(result, list) else (result is None) == way.get("nothing", False)
    if hasattr(result, "read"):
        assert result.read()


def test_a_misfit_is_seen() -> None:
    """The judge itself: a model that was built without looking."""

    class Inner(BaseModel):
        count: int

    class Outer(BaseModel):
        id: str
        inner: Inner

    assert misfits(Outer.model_construct(id="x", inner=Inner.model_construct(count=1))) == []
    assert misfits(Outer.model_construct(inner=Inner(count=1))) != []
    assert misfits([Outer.model_construct(id="x", inner=Inner.model_construct(count="1"))]) != []
