"""The ASGI application: a request in, the provider's reply out, piece by piece, as slow or broken as it is scripted.

The time of a scope is real, or moves only when it is told to: then nothing here waits either.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from pytest_llmcontract.core.errors import LlmContractError, SimulationEnded
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Forward, StreamEvent, heard
from pytest_llmcontract.core.facts.registry import api_of
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.serving.connections import Connections, too_late
from pytest_llmcontract.serving.control import answered
from pytest_llmcontract.serving.paths import CONTROL, Place, place_of, scope_of
from pytest_llmcontract.serving.scopes import Client, Scope, Worlds

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Wait = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass before the client hears more."""

LARGEST = 256 * 1024 * 1024
"""Bytes of a request. Providers refuse less; this is for who sends without end."""
_GOODBYE_SECONDS = 1.0
SCOPE = b"x-llmcontract-test"
"""The header that names a scope."""
_OF_THE_WIRE = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"})
"""Headers that the server writes itself, or that speak of another connection."""


class TooLarge(Exception):
    """A request without end."""


class Gone(Exception):
    """The client left: before it had sent all of its request, and no provider has heard a call, or within a stream."""


class App:
    """The simulation, as an application of ASGI.

    Args:
        worlds: Whom it answers for.
        hosts: Names that a request may call the server by; a page that a browser was lured to names another.
        connections: Those that requests come by.
    """

    def __init__(self, worlds: Worlds, hosts: Iterable[str], connections: Connections) -> None:
        self._worlds = worlds
        self._hosts = frozenset(host.lower() for host in hosts)
        self._connections = connections

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._http(scope, receive, send)
            except TooLarge:
                await _plain(send, 413, f"more than {LARGEST // 1024 // 1024} MB")
            except Gone:
                pass
            except asyncio.CancelledError:  # the server ends before the answer does
                await self._broken(scope, receive)

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        headers, address = _fields(scope["headers"]), _address(scope)
        if provider := self._worlds.at_home(host := _name(headers.get("host", ""))):
            place = Place(provider, address, host=host)
            await self._provider(self._worlds.named(""), place, scope, headers, await _body(receive), receive, send)
            return
        if not self._is_ours(headers.get("host", "localhost")):  # HTTP/1.0 names none, and no browser speaks it
            await _plain(send, 403, "this server answers to 127.0.0.1 and localhost; --allow-host names others")
            return
        named, path = scope_of(address)
        name = headers.get(SCOPE.decode(), "") or named
        body = await _body(receive)
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            query = scope["query_string"].decode("latin-1")
            status, said = answered(self._worlds, name, scope["method"], path[len(CONTROL) :], query, body)
            await _json(send, status, said)
            return
        place = place_of(path, self._worlds.homes)
        if not place.provider:
            roots = ", ".join(f"{home.base}/… or /{home.name}/…" for home in self._worlds.homes)
            await _plain(send, 404, f"{path} is no address of any provider; there are {roots}; see {CONTROL}")
            return
        try:
            world = self._worlds.named(name)
        except LlmContractError as problem:
            await _plain(send, 429, str(problem))
            return
        await self._provider(world, place, scope, headers, body, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return name in self._hosts or name.endswith(".localhost") or _is_loopback(name)

    async def _provider(
        self,
        world: Scope,
        place: Place,
        scope: Mapping[str, Any],
        headers: dict[str, str],
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        api = world.providers.get(place.provider)
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        url = f"https://{place.host or api_of(place.provider)['hosts'][0]}{place.path}{query}"
        client = _client(scope)
        site = world.site(client) or f"{scope['method']} {scope['path']}"
        named = headers.pop(SCOPE.decode(), "") or scope_of(_address(scope))[0]
        reached = "" if place.host else _origin(scope, headers, named, place.provider)
        request = heard(scope["method"], url, headers, body, site, reached=reached, line=self._connections.line(scope))
        if api is None:
            await _plain(send, 403, world.stopped(request))
            return
        # What may take a while, a batch of many lines say, in a thread: others are not to wait for it.
        outcome = world.answer_now(request, client)
        if outcome is None:
            outcome = await asyncio.to_thread(world.answer, request, client)
        call, reply = outcome
        if place.doubled:
            call.violations.append(_doubled(place, scope["path"]))
        if isinstance(reply, Forward):
            reply.answered(Disconnect())
            await _plain(send, 501, "what is answered here is not recorded: call the provider by its own address")
            return
        if isinstance(reply, Disconnect) and (reason := too_late(reply.how)):
            call.violations.append(_impossible(place.provider, call.operation, reply.how, reason))
            await _plain(send, 501, call.violations[-1].message)
            world.answered(client)
            return
        try:
            fault = await self._sent(reply, scope, send, lambda seconds: world.wait(seconds, client))
        except SimulationEnded:
            await self._broken(scope, receive, reset=True)
            return
        except Gone:
            await self._broken(scope, receive)
            return
        finally:
            world.answered(client)
        if fault is not None:
            await self._break(fault, scope, receive)

    async def _sent(
        self, reply: ApiReply | Disconnect, scope: Mapping[str, Any], send: Send, wait: Wait
    ) -> Disconnect | None:
        """How the connection breaks, once all has been sent that is."""
        await wait(reply.delay)
        if isinstance(reply, Disconnect):
            return reply
        await _reply(reply, scope["method"], send, wait, lambda: self._connections.is_gone(scope))
        return reply.cut

    async def _break(self, fault: Disconnect, scope: Mapping[str, Any], receive: Receive) -> None:
        """The connection breaks, or nothing comes on it any more until the client has had enough."""
        if fault.how == "stall":
            await _left(receive)
        await self._broken(scope, receive, reset=fault.how == "connection_reset")

    async def _broken(self, scope: Mapping[str, Any], receive: Receive, *, reset: bool = False) -> None:
        self._connections.end(scope, reset=reset)
        # The client may be slow to hear what was sent before, and the server may end.
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(_left(receive), _GOODBYE_SECONDS)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _name(host: str) -> str:
    """The host of a ``Host`` field, without its port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]").rstrip(".").lower()


def _is_loopback(name: str) -> bool:
    """Narrower than :func:`.core.hosts.is_loopback`: pages reach 0.0.0.0 too, and no name at all is nobody's."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _address(scope: Mapping[str, Any]) -> str:
    """The path as it was sent: what is escaped in it is no part of its form."""
    return str(scope["raw_path"].decode("latin-1"))


def _origin(scope: Mapping[str, Any], headers: Mapping[str, str], name: str, provider: str) -> str:
    """Where a client has the provider in its scope: what follows an address does not send the scope's header along."""
    if not (host := headers.get("host")):
        return ""
    return f"{scope.get('scheme', 'http')}://{host}{f'/t/{quote(name)}' if name else ''}/{provider}"


def _client(scope: Mapping[str, Any]) -> Client | None:
    host, port = scope.get("client") or ("", 0)
    return (host, port) if host else None


def _fields(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for key, value in pairs:
        name = key.decode("latin-1").lower()
        text = value.decode("latin-1")
        fields[name] = f"{fields[name]}, {text}" if name in fields else text
    return fields


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST:
            parts.clear()  # heard to its end all the same: who still sends would not hear that it is too much
        parts.append(part)
        if size > 2 * LARGEST or not message.get("more_body"):
            break
    if size > LARGEST:
        raise TooLarge
    return b"".join(parts)


async def _reply(reply: ApiReply, method: str, send: Send, wait: Wait, is_gone: Callable[[], bool]) -> None:
    fields = [(name, value) for name, value in reply.headers.items() if name.lower() not in _OF_THE_WIRE]
    if reply.events is None and reply.cut is None and reply.status not in (204, 304):
        fields.append(("content-length", str(len(reply.body))))
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.events is None and reply.cut is None:
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})
        return
    for event in reply.events if reply.events is not None else (StreamEvent(reply.body),):
        await wait(event.delay)
        if is_gone():
            raise Gone
        await send({"type": "http.response.body", "body": event.data, "more_body": True})
    if reply.cut is None:
        await send({"type": "http.response.body", "body": b""})


def _doubled(place: Place, sent: str) -> Violation:
    return Violation.of(
        "LLM105",
        f"{place.provider}: the base of the address stands in {sent} twice",
        severity="warning",
        provider=place.provider,
        path="url",
        sent=sent,
        allowed=place.path,
        answer="answers 404; this server answers it as if it stood there once",
        fix="give the client the address of the host alone, or of the base alone, as its documentation says",
    )


def _impossible(provider: str, operation: str, how: str, reason: str) -> Violation:
    return Violation.of(
        "LLM208",
        f"{provider} {operation}: {reason}",
        provider=provider,
        operation=operation,
        sent=how,
        allowed="connection_reset, read_timeout",
        answer="was not asked; the client got a 501 that says so",
        fix="script connection_reset or read_timeout, or let a client of the test's own process call the provider",
    )


async def _plain(send: Send, status: int, message: str) -> None:
    await _json(send, status, {"error": {"message": f"pytest-llmcontract: {message}", "type": "llmcontract"}})


async def _json(send: Send, status: int, said: object) -> None:
    body = json.dumps(said, ensure_ascii=False, default=str).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-should-retry", b"false"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
