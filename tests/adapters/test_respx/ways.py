"""httpx and httpx2, sync and async, as one way to ask."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

TLS = ssl.create_default_context()  # a client spends 20 ms on one of its own
URL = "https://api.groq.com/openai/v1/chat/completions"


@dataclass(frozen=True)
class Way:
    """One library, sync or async."""

    library: ModuleType
    is_async: bool

    def ask(self, url: str = URL, *, method: str = "GET", **options: Any) -> Any:
        """The response, read."""
        if not self.is_async:
            with self.library.Client(verify=TLS) as client:
                return client.request(method, url, **options)

        async def asked() -> Any:
            async with self.library.AsyncClient(verify=TLS) as client:
                return await client.request(method, url, **options)

        return asyncio.run(asked())

    def pieces(self, log: list[str], url: str = URL, *, stop_after: int | None = None, **options: Any) -> None:
        """Read a stream raw, noting each piece in *log*."""
        if not self.is_async:
            with self.library.Client(verify=TLS) as client, client.stream("GET", url, **options) as response:
                for number, piece in enumerate(response.iter_raw(), 1):
                    log.append(f"got {piece.decode()}")
                    if number == stop_after:
                        break
            return

        async def read() -> None:
            async with self.library.AsyncClient(verify=TLS) as client, client.stream("GET", url, **options) as response:
                number = 0
                async for piece in response.aiter_raw():
                    number += 1
                    log.append(f"got {piece.decode()}")
                    if number == stop_after:
                        break

        asyncio.run(read())

    def chunked(self, *pieces: bytes) -> Iterator[bytes] | AsyncIterator[bytes]:
        """A request body that is not known beforehand."""

        async def later() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return later() if self.is_async else iter(pieces)
