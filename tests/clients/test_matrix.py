"""Every client does here what it does at its provider: the table of docs/clients.md, cell by cell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from declared import CLIENTS
from declared.client import Client, statuses_of
from declared.judged import JUDGED
from declared.table import COLUMNS, PAGE, unknown_columns, written

from pytest_llmcontract import simulate

# What clients warn of, on their own account.
pytestmark = pytest.mark.filterwarnings("ignore")

QUIET = {
    "AGNO_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
}
"""Clients tell nobody that they are used, and ask nobody for tables."""

WEATHER = {"town": "Ulm", "degrees": 21}
PIECES = ["It is ", "21 ", "degrees."]
ENVIRONMENT = os.environ.get("LLMCONTRACT_CLIENTS")
"""Which environment of tox.ini this is: a client that it should have and has not is an error there."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def chats(client: Client, api: Any) -> None:
    api.reply("".join(PIECES))
    assert client.chat() == "".join(PIECES)
    assert api.calls.statuses == [200]


def chats_async(client: Client, api: Any) -> None:
    api.reply("".join(PIECES))
    assert asyncio.run(client.chat_async()) == "".join(PIECES)
    assert api.calls.statuses == [200]


def streams(client: Client, api: Any) -> None:
    api.reply(PIECES)
    came_in_pieces(client.stream(), api)


def streams_async(client: Client, api: Any) -> None:
    api.reply(PIECES)
    came_in_pieces(asyncio.run(client.stream_async()), api)


def came_in_pieces(pieces: list[str], api: Any) -> None:
    assert "".join(pieces) == "".join(PIECES)
    assert len([piece for piece in pieces if piece]) >= len(PIECES)
    assert api.calls.last.stream
    assert api.calls.statuses == [200]


def calls_a_tool(client: Client, api: Any) -> None:
    api.reply(tool_calls=[{"name": client.tool, "arguments": {"town": "Ulm"}}])
    api.reply("".join(PIECES))
    assert client.tools() == {"town": "Ulm"}
    assert set(api.calls.statuses) == {200}


def answers_in_a_schema(client: Client, api: Any) -> None:
    api.reply(structured=WEATHER)
    assert client.structured() == WEATHER
    assert api.calls.statuses == [200]


def waits_and_tries_again(client: Client, api: Any) -> None:
    api.fail(429, retry_after=30)
    api.reply("".join(PIECES))
    assert client.patient() == "".join(PIECES)
    assert api.calls.statuses == [429, 200]
    waited = api.clock.slept
    assert waited >= 30 or "429" in client.notes


def fails_with(status: int) -> Callable[[Client, Any], None]:
    def fails(client: Client, api: Any) -> None:
        api.fail(status, times=None)
        with pytest.raises(Exception) as raised:
            client.chat() if "chat" not in client.without else asyncio.run(client.chat_async())
        assert set(api.calls.statuses) == {status}
        assert status in statuses_of(raised.value) or tells(raised.value, api.calls.last.reply)

    return fails


def tells(error: BaseException, reply: Any) -> bool:
    """Are the status or the provider's own words in the text of *error*?"""
    return str(reply.status) in str(error) or reply.json["error"]["message"] in str(error)


def lacks_capacity(client: Client, api: Any) -> None:
    """Groq's 498; Together says 503."""
    fails_with(498 if client.provider == "groq" else 503)(client, api)


CHECKS = dict(
    zip(
        COLUMNS,
        (
            chats,
            chats_async,
            streams,
            streams_async,
            calls_a_tool,
            answers_in_a_schema,
            waits_and_tries_again,
            lacks_capacity,
            fails_with(401),
        ),
        strict=True,
    )
)
CELLS = [
    pytest.param(client, column, id=f"{client.name}-{client.provider}-{column}".replace(" ", "-"))
    for client in CLIENTS
    for column in COLUMNS
    if column not in client.without
]


@pytest.mark.parametrize(("client", "column"), CELLS)
def test_what_a_client_offers_works(client, column, request):
    if not client.installed:
        expected = ENVIRONMENT is not None and client.environment == ENVIRONMENT
        (pytest.fail if expected else pytest.skip)(f"{client.name} is not installed")
    if client.redirected and request.config.getoption("llmcontract_redirect") != "on":
        pytest.skip("only with --llmcontract-redirect=on")
    with simulate(client.provider, check=False) as api:
        CHECKS[column](client, api)
        found = {
            (finding.code, finding.severity) for finding in api.findings() if not finding.code.startswith("LLM207")
        }
    assert {code for code, _ in found} - NOTED == client.habits.get(column, set())
    measured(request.config, client, column, found)


NOTED = {"LLM305"}
"""Notes, no alarms: of a refusal that the test itself brought about."""


def measured(config: pytest.Config, client: Client, column: str, found: set[tuple[str, str]]) -> None:
    """For the lines in the end: which rules fired in this cell."""
    config.stash.setdefault(JUDGED, {})[client.name, client.provider, column] = sorted(found)


# The page.


def test_the_page_shows_what_is_declared():
    page = PAGE.read_text("utf-8")

    assert page == written(page, CLIENTS), "run: python tests/clients/write_table.py"


def test_what_is_declared_is_about_columns_that_there_are():
    assert not {client.name: unknown for client in CLIENTS if (unknown := unknown_columns(client))}


def test_every_environment_that_is_declared_runs():
    """A client in no environment of tox.ini would be a row that nobody ever tried."""
    tox = (PAGE.parents[1] / "tox.ini").read_text("utf-8")

    for name in {client.environment for client in CLIENTS}:
        assert f"[testenv:{name}]" in tox
