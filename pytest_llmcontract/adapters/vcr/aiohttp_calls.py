"""aiohttp: one call of a session, from its arguments to its response. It is imported by the first call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pytest_llmcontract.adapters.interception import STALL_SECONDS, Interception, forwarding, refusal
from pytest_llmcontract.adapters.vcr.answer import Answer, events_of, patience, whole
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Forward


async def ask_aiohttp(session: Any, below: Any, method: str, url: Any, kwargs: dict[str, Any], by: Interception) -> Any:
    import aiohttp
    from vcr.request import Request
    from vcr.stubs.aiohttp_stubs import vcr_request

    await _as_bytes(session, kwargs)
    answer = Answer(by)
    asked = Request(
        method, str(url.update_query(kwargs.get("params") or {})), kwargs["data"], _headers(session, kwargs)
    )
    answer.ask(asked, agent=aiohttp.http.SERVER_SOFTWARE)
    through_vcr = vcr_request(answer, below)
    if isinstance(answer.outcome, Forward):
        with forwarding(answer.outcome):
            return await through_vcr(session, method, url, **kwargs)
    timeout = _read_timeout(session, kwargs)
    if isinstance(answer.outcome, Disconnect):
        raise await _broken(answer.outcome, by, timeout, aiohttp)
    assert isinstance(answer.outcome, ApiReply)
    await _pause(by, answer.outcome.delay, timeout, aiohttp)
    response = await through_vcr(session, method, url, **kwargs)
    if answer.outcome.events is not None:
        response.content = _stream_class()(answer.outcome, by, timeout)
        response.read = response.content.read
    return response


async def _as_bytes(session: Any, kwargs: dict[str, Any]) -> None:
    """Turn ``json=``, forms and files of a call into the bytes that aiohttp would send, as ``data=``."""
    import aiohttp

    headers = dict(kwargs.get("headers") or {})
    data: Any = kwargs.get("data")
    if (value := kwargs.pop("json", None)) is not None:
        data = session._json_serialize(value)
        headers.setdefault("Content-Type", "application/json")
    elif isinstance(data, Mapping | list | tuple):
        data = aiohttp.FormData(data)
    if isinstance(data, aiohttp.FormData):
        payload = data()
        headers.setdefault("Content-Type", payload.headers["Content-Type"])
        data = await _written(payload)
    elif hasattr(data, "__aiter__"):
        data = b"".join([part async for part in data])
    kwargs["data"] = whole(data)
    kwargs["headers"] = headers


async def _written(payload: Any) -> bytes:
    parts: list[bytes] = []

    class Writer:
        async def write(self, part: bytes) -> None:
            parts.append(bytes(part))

    await payload.write(Writer())
    return b"".join(parts)


def _headers(session: Any, kwargs: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): value for name, value in session._prepare_headers(kwargs["headers"]).items()}


def _read_timeout(session: Any, kwargs: Mapping[str, Any]) -> float | None:
    """What the client gives a reply: its own ``timeout=``, else the session's."""
    given: Any = kwargs.get("timeout")
    timeout = given if hasattr(given, "total") else session._timeout
    limits = [limit for limit in (timeout.sock_read, timeout.total) if limit]
    return min(limits, default=None)


async def _pause(by: Interception, delay: float, timeout: float | None, aiohttp: Any) -> None:
    seconds, late = patience(delay, timeout)
    if seconds > 0:
        await by.wait_async(seconds)
    if late:
        raise aiohttp.ServerTimeoutError("Timeout on reading data from socket")


async def _broken(disconnect: Disconnect, by: Interception, timeout: float | None, aiohttp: Any) -> Any:
    if disconnect.how == "stall":
        await by.wait_async(STALL_SECONDS if timeout is None else timeout)
        return aiohttp.ServerTimeoutError("Timeout on reading data from socket")
    await _pause(by, disconnect.delay, timeout, aiohttp)
    if disconnect.how == "refused":
        return aiohttp.ClientConnectionError(refusal(disconnect))
    return aiohttp.ServerDisconnectedError()


@cache
def _stream_class() -> type[Any]:
    import asyncio

    import aiohttp

    class NoProtocol:
        """The connection that a stream reader would pause and resume."""

        _reading_paused = False
        connected = False

        def pause_reading(self) -> None: ...
        def resume_reading(self, *args: object, **kwargs: object) -> None: ...

    class Stream(aiohttp.StreamReader):
        """aiohttp's own, fed when somebody waits for more."""

        def __init__(self, reply: ApiReply, by: Interception, timeout: float | None) -> None:
            events = list(events_of(reply))
            # aiohttp refuses lines that are longer.
            longest = max((len(event.data) for event in events), default=0)
            super().__init__(NoProtocol(), max(longest, 2**16), loop=asyncio.get_running_loop())  # type: ignore[arg-type]
            self._reply = reply
            self._events = iter(events)
            self._by = by
            self._timeout = timeout

        async def _wait(self, func_name: str) -> None:
            del func_name
            event = next(self._events, None)
            if event is not None:
                await _pause(self._by, event.delay, self._timeout, aiohttp)
                self.feed_data(event.data)
                return
            self._by.gateway.finished(self._reply)
            if self._reply.cut is None:
                self.feed_eof()
                return
            if self._reply.cut.how == "stall":
                await self._by.wait_async(STALL_SECONDS if self._timeout is None else self._timeout)
                raise aiohttp.ServerTimeoutError("Timeout on reading data from socket")
            await _pause(self._by, self._reply.cut.delay, self._timeout, aiohttp)
            raise aiohttp.ClientPayloadError("Response payload is not completed")

    return Stream
