"""Libraries that send HTTP, used by themselves: as applications do that want no SDK."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, closing, contextmanager
from io import BytesIO
from typing import Any

from declared.client import ASKED, FORMAT, MESSAGES, MODEL, TOOL, AsyncClient, Client

HEADERS = {"authorization": "Bearer any", "content-type": "application/json"}


class Refused(Exception):
    def __init__(self, status: int, headers: Any) -> None:
        super().__init__(f"{status} for {ASKED}")
        self.status = status
        self.wait = float(headers.get("retry-after", 0))


def check(status: int, headers: Any) -> None:
    """A reply of that *status* is an answer."""
    if status != 200:
        raise Refused(status, headers)


def body(**fields: Any) -> bytes:
    return json.dumps({"model": MODEL, "messages": MESSAGES, **fields}).encode()


def said(line: bytes) -> str:
    """What a line of a stream says."""
    if not line.startswith(b"data: {"):
        return ""
    choices = json.loads(line.removeprefix(b"data: "))["choices"]
    return choices[0]["delta"].get("content") or "" if choices else ""


OWN_LOOP = "in a loop of the application's: the library does not try again by itself"


class Library(Client):
    """A library of which a row says only how it sends a body, and reads lines."""

    notes = {"429": OWN_LOOP}

    @property
    def address(self) -> str:
        return f"{self.url}/chat/completions"

    def lines(self, data: bytes) -> AbstractContextManager[Iterable[bytes]]:
        """Of the reply to *data*, as they come; :class:`Refused` where it is none."""
        raise NotImplementedError

    def lines_async(self, data: bytes) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise NotImplementedError

    def message(self, **fields: Any) -> dict[str, Any]:
        with self.lines(body(**fields)) as lines:
            return json.loads(b"\n".join(lines))["choices"][0]["message"]

    async def message_async(self) -> dict[str, Any]:
        async with self.lines_async(body()) as lines:
            return json.loads(b"\n".join([line async for line in lines]))["choices"][0]["message"]

    def chat(self) -> str:
        return self.message()["content"]

    async def chat_async(self) -> str:
        return (await self.message_async())["content"]

    def stream(self) -> list[str]:
        with self.lines(body(stream=True)) as lines:
            return [said(line) for line in lines]

    async def stream_async(self) -> list[str]:
        async with self.lines_async(body(stream=True)) as lines:
            return [said(line) async for line in lines]

    def tools(self) -> dict[str, Any]:
        return json.loads(self.message(tools=[TOOL])["tool_calls"][0]["function"]["arguments"])

    def structured(self) -> dict[str, Any]:
        return json.loads(self.message(response_format=FORMAT)["content"])

    def patient(self) -> str:
        while True:
            try:
                return self.chat()
            except Refused as refused:
                time.sleep(refused.wait)


NO_ASYNC = dict.fromkeys(("async", "async stream"), "the library has no async half")


class Httpx(Library):
    package = sends_by = "httpx"

    @property
    def library(self) -> Any:
        return importlib.import_module(self.package)

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        with (
            self.library.Client() as client,
            client.stream("POST", self.address, content=data, headers=HEADERS) as reply,
        ):
            check(reply.status_code, reply.headers)
            yield (line.encode() for line in reply.iter_lines())

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        async with (
            self.library.AsyncClient() as client,
            client.stream("POST", self.address, content=data, headers=HEADERS) as reply,
        ):
            yield (line.encode() async for line in reply.aiter_lines())


class Httpx2(Httpx):
    package = sends_by = "httpx2"


class Requests(Library):
    package = "requests"
    sends_by = "urllib3"
    without = NO_ASYNC
    notes = {"429": "with `urllib3.Retry(status_forcelist=[429])`"}

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import requests

        with requests.Session() as session:
            yield self._sent(session, data)

    def _sent(self, session: Any, data: bytes) -> Iterable[bytes]:
        reply = session.post(self.address, data=data, headers=HEADERS, stream=True)
        check(reply.status_code, reply.headers)
        return reply.iter_lines()

    def patient(self) -> str:
        import requests
        from urllib3 import Retry

        retry = Retry(3, status_forcelist=[429], allowed_methods=["POST"])
        with requests.Session() as session:
            session.mount("https://", requests.adapters.HTTPAdapter(max_retries=retry))
            return json.loads(b"\n".join(self._sent(session, body())))["choices"][0]["message"]["content"]


class Urllib3(Library):
    package = sends_by = "urllib3"
    without = NO_ASYNC
    notes = {"429": "with `urllib3.Retry(status_forcelist=[429])`"}

    @contextmanager
    def lines(self, data: bytes, **options: Any) -> Iterator[Iterable[bytes]]:
        import urllib3

        with urllib3.PoolManager() as pool:
            reply = pool.request("POST", self.address, body=data, headers=HEADERS, preload_content=False, **options)
            check(reply.status, reply.headers)
            yield (line.rstrip() for line in reply)
            reply.release_conn()

    def patient(self) -> str:
        from urllib3 import Retry

        retry = Retry(3, status_forcelist=[429], allowed_methods=["POST"])
        with self.lines(body(), retries=retry) as lines:
            return json.loads(b"\n".join(lines))["choices"][0]["message"]["content"]


class StandardLibrary(Library):
    """A row without a package."""

    without = NO_ASYNC
    module = ""

    @property
    def name(self) -> str:
        return self.module


class UrllibRequest(StandardLibrary):
    module = "urllib.request"
    sends_by = "http.client"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        asked = urllib.request.Request(self.address, data, HEADERS)
        try:
            reply = urllib.request.urlopen(asked)
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.headers) from None
        with reply:
            yield (line.rstrip() for line in reply)


class HttpClient(StandardLibrary):
    module = sends_by = "http.client"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        host, _, path = self.address.removeprefix("https://").partition("/")
        with closing(http.client.HTTPSConnection(host)) as connection:
            connection.request("POST", f"/{path}", data, HEADERS)
            reply = connection.getresponse()
            check(reply.status, reply.headers)
            yield (line.rstrip() for line in reply)


class Aiohttp(AsyncClient, Library):
    package = sends_by = "aiohttp"
    without = {"chat": "aiohttp is async only", "stream": "aiohttp is async only"}

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import aiohttp

        async with (
            aiohttp.ClientSession() as session,
            session.post(self.address, data=data, headers=HEADERS) as reply,
        ):
            check(reply.status, reply.headers)
            yield (line.rstrip() async for line in reply.content)

    def message(self, **fields: Any) -> dict[str, Any]:
        async def asked() -> dict[str, Any]:
            async with self.lines_async(body(**fields)) as lines:
                return json.loads(b"\n".join([line async for line in lines]))["choices"][0]["message"]

        return asyncio.run(asked())

    def patient(self) -> str:
        return Library.patient(self)


class HttpxAiohttp(Aiohttp):
    """httpx's client whose requests aiohttp sends, which the SDKs take as an extra."""

    package = "httpx-aiohttp"
    without = {"chat": "httpx-aiohttp is async only", "stream": "httpx-aiohttp is async only"}

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import httpx_aiohttp

        async with (
            httpx_aiohttp.HttpxAiohttpClient() as client,
            client.stream("POST", self.address, content=data, headers=HEADERS) as reply,
        ):
            if reply.status_code != 200:
                await reply.aread()
                raise Refused(reply.status_code, reply.headers)
            yield (line.encode() async for line in reply.aiter_lines())


class Redirected(Library):
    """One that no patch reaches: ``--llmcontract-redirect=on`` answers it at the provider's own address."""

    environment = "clients-redirect"
    redirected = True


class Niquests(Redirected):
    package = "niquests"
    sends_by = "urllib3-future"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import niquests

        with niquests.Session() as session:
            reply = session.post(self.address, data=data, headers=HEADERS, stream=True)
            check(reply.status_code, reply.headers)
            yield reply.iter_lines()

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import niquests

        async with niquests.AsyncSession() as session:
            reply = await session.post(self.address, data=data, headers=HEADERS, stream=True)
            check(reply.status_code, reply.headers)
            yield reply.iter_lines()


class Pyreqwest(Redirected):
    package = "pyreqwest"
    sends_by = "reqwest (Rust)"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        from pyreqwest.client import SyncClientBuilder

        with SyncClientBuilder().build() as client:
            asked = client.post(self.address).headers(HEADERS).body_bytes(data)
            with asked.build_streamed() as reply:
                check(reply.status, reply.headers)
                yield _split(iter(lambda: bytes(reply.body_reader.read_chunk() or b""), b""))

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        from pyreqwest.client import ClientBuilder

        async with ClientBuilder().build() as client:
            asked = client.post(self.address).headers(HEADERS).body_bytes(data)
            async with asked.build_streamed() as reply:
                check(reply.status, reply.headers)

                async def chunks() -> AsyncIterator[bytes]:
                    while chunk := await reply.body_reader.read_chunk():
                        yield bytes(chunk)

                yield _split_async(chunks())


class Primp(Redirected):
    package = "primp"
    sends_by = "reqwest (Rust)"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import primp

        reply = primp.Client().post(self.address, content=data, headers=HEADERS, stream=True)
        check(reply.status_code, reply.headers)
        yield _split(reply.iter_bytes())

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import primp

        reply = await primp.AsyncClient().post(self.address, content=data, headers=HEADERS, stream=True)
        check(reply.status_code, reply.headers)
        yield _split_async(reply.aiter_bytes())


class Impit(Redirected):
    package = "impit"
    sends_by = "reqwest (Rust)"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import impit

        with impit.Client() as client, client.stream("POST", self.address, content=data, headers=HEADERS) as reply:
            check(reply.status_code, reply.headers)
            yield _split(reply.iter_bytes())

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import impit

        async with (
            impit.AsyncClient() as client,
            client.stream("POST", self.address, content=data, headers=HEADERS) as reply,
        ):
            check(reply.status_code, reply.headers)
            yield _split_async(reply.aiter_bytes())


class CurlCffi(Redirected):
    package = "curl_cffi"
    sends_by = "libcurl"

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import curl_cffi

        with curl_cffi.Session() as session, session.stream("POST", self.address, data=data, headers=HEADERS) as reply:
            check(reply.status_code, reply.headers)
            yield reply.iter_lines()

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import curl_cffi

        async with (
            curl_cffi.AsyncSession() as session,
            session.stream("POST", self.address, data=data, headers=HEADERS) as reply,
        ):
            check(reply.status_code, reply.headers)
            yield reply.aiter_lines()


class Pycurl(Redirected):
    package = "pycurl"
    sends_by = "libcurl"
    without = NO_ASYNC

    @contextmanager
    def lines(self, data: bytes) -> Iterator[Iterable[bytes]]:
        import pycurl

        heard, told = list[bytes](), list[bytes]()
        with closing(pycurl.Curl()) as curl:
            curl.setopt(pycurl.URL, self.address)
            curl.setopt(pycurl.POSTFIELDS, data.decode())
            curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
            curl.setopt(pycurl.WRITEFUNCTION, heard.append)
            curl.setopt(pycurl.HEADERFUNCTION, told.append)
            curl.perform()
            status = curl.getinfo(pycurl.RESPONSE_CODE)
        if status != 200:
            raise Refused(status, http.client.parse_headers(BytesIO(b"".join(told[1:]))))
        yield _split(iter(heard))


class Aiosonic(AsyncClient, Redirected):
    package = "aiosonic"
    sends_by = "asyncio's streams"
    without = {"chat": "aiosonic is async only", "stream": "aiosonic is async only"}
    message = Aiohttp.message
    patient = Library.patient

    @asynccontextmanager
    async def lines_async(self, data: bytes) -> AsyncIterator[AsyncIterator[bytes]]:
        import aiosonic

        async with aiosonic.HTTPClient() as client:
            reply = await client.post(self.address, data=data, headers=HEADERS)
            check(reply.status_code, reply.headers)
            yield _split_async(reply.read_chunks() if reply.chunked else _once(await reply.content()))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a body that comes in chunks."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


async def _split_async(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    yield rest


ROWS = [
    Httpx,
    Httpx2,
    Requests,
    Urllib3,
    UrllibRequest,
    HttpClient,
    Aiohttp,
    HttpxAiohttp,
    Niquests,
    Pyreqwest,
    Primp,
    Impit,
    CurlCffi,
    Pycurl,
    Aiosonic,
]
