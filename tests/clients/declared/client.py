"""What a client of the matrix is: how it chats, streams and the rest, and what of that it does not do."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Iterator
from typing import Any

import pydantic

MODEL = "openai/gpt-oss-120b"
ASKED = "How warm is it in Ulm? Answer in JSON."
MESSAGES = [{"role": "user", "content": ASKED}]
URLS = {"groq": "https://api.groq.com/openai/v1", "together": "https://api.together.xyz/v1"}


class Weather(pydantic.BaseModel):
    """The weather in a town."""

    town: str
    degrees: int


SCHEMA = {
    "type": "object",
    "properties": {"town": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["town", "degrees"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "Weather", "schema": SCHEMA, "strict": True}}


class Client:
    """One client at one provider. A row is a subclass with the methods that the client has.

    Each method asks :data:`ASKED` of a client made anew, and raises what the client raises.
    """

    package = ""
    """As it is installed."""
    versions = ""
    """Which of its versions, where others are a row of their own: ``3``, the number before the first dot."""
    also = ()
    """Packages beside it, of ours or theirs, without which it does not talk to this provider."""
    tool = "weather"
    """What the client calls the tool ``weather``."""
    sends_by = ""
    """The library that sends its requests."""
    environment = "clients"
    """The environment of tox.ini that has it."""
    redirected = False
    """Whether only the redirect reaches it."""
    without: dict[str, str] = {}
    """Columns that the client does not offer, and why."""
    notes: dict[str, str] = {}
    """Columns for which it takes something more."""
    habits: dict[str, set[str]] = {}
    """Rules of behaviour that it breaks in a column, as it really does."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.url = URLS[provider]

    @property
    def name(self) -> str:
        return f"{self.package} {self.versions}".strip()

    @property
    def installed(self) -> bool:
        return all(_version(name) for name in (self.package, *self.also) if name) and (
            not self.versions or _version(self.package).startswith(f"{self.versions}.")
        )

    # The columns.

    def chat(self) -> str:
        """The text of an answer."""
        raise NotImplementedError

    async def chat_async(self) -> str:
        raise NotImplementedError

    def stream(self) -> list[str]:
        """The text of an answer in the pieces in which the client hands it on."""
        raise NotImplementedError

    async def stream_async(self) -> list[str]:
        raise NotImplementedError

    def tools(self) -> dict[str, Any]:
        """The arguments with which the model calls the tool ``weather``."""
        raise NotImplementedError

    def structured(self) -> dict[str, Any]:
        """A :class:`Weather`, as the client hands it on."""
        raise NotImplementedError

    def patient(self) -> str:
        """As :meth:`chat`; waits where it is told to."""
        return self.chat()


class AsyncClient(Client):
    """A client all of whose methods are async: those that a row calls sync run in a loop."""

    def stream(self) -> list[str]:
        return asyncio.run(self.stream_async())

    def patient(self) -> str:
        return asyncio.run(self.chat_async())


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def statuses_of(error: BaseException) -> set[int]:
    """Every status that an error, or one that it came of, tells the application."""
    return {status for one in _chain(error) for status in _told(one)}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _told(error: BaseException) -> Iterator[int]:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code", "status"):
            if isinstance(value := getattr(holder, name, None), int):
                yield value
