"""Bodies of responses: one of ours, one of the other library, one that comes from the provider itself.

Like httpx's ``ByteStream`` each is sync and async in one; ``Library`` makes them streams of its own library.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from pytest_llmcontract.adapters.interception import Interception, heard_reply
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Forward


class OwnBody:
    """A streamed body of ours; it tells its end."""

    def __init__(self, pieces: Iterator[bytes | float], reply: ApiReply, interception: Interception) -> None:
        self._pieces = pieces
        self._reply = reply
        self._interception = interception
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    self._interception.wait(piece)
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    await self._interception.wait_async(piece)
        finally:
            self.close()

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._interception.gateway.finished(self._reply)

    async def aclose(self) -> None:
        self.close()


class ForeignBody:
    """A body of httpx, for httpx2: each accepts its own classes only."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class HeardBody:
    """A body from the provider itself, told when it was read whole. What a client leaves unread is read for it."""

    def __init__(self, response: Any, forward: Forward) -> None:
        self._response = response
        self._stream = response.stream
        self._forward = forward
        self._heard: list[bytes] = []
        self._told = False
        self._left: Any = None

    def __iter__(self) -> Iterator[bytes]:
        self._left = iter(self._stream)
        try:
            for piece in self._left:
                self._heard.append(piece)
                yield piece
        except GeneratorExit:
            raise  # the client stops reading: close() reads the rest
        except BaseException:
            self._tell(Disconnect())
            raise
        self._tell(self._reply())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._left = aiter(self._stream)
        try:
            async for piece in self._left:
                self._heard.append(piece)
                yield piece
        except GeneratorExit:
            raise  # the client stops reading: close() reads the rest
        except BaseException:
            self._tell(Disconnect())
            raise
        self._tell(self._reply())

    def close(self) -> None:
        try:
            if not self._told:
                self._heard += self._left or self._stream
                self._tell(self._reply())
        finally:
            self._tell(Disconnect())
            self._stream.close()

    async def aclose(self) -> None:
        try:
            if not self._told:
                async for piece in self._left or self._stream:
                    self._heard.append(piece)
                self._tell(self._reply())
        finally:
            self._tell(Disconnect())
            await self._stream.aclose()

    def _tell(self, outcome: ApiReply | Disconnect) -> None:
        if not self._told:
            self._told = True
            self._forward.answered(outcome)

    def _reply(self) -> ApiReply:
        return heard_reply(self._response.status_code, self._response.headers, self._heard)
