"""httpx and httpx2: the same names, but classes and exceptions of their own."""

from __future__ import annotations

import types
from typing import Any, NoReturn

import httpx

from pytest_llmcontract.adapters.interception import Interception
from pytest_llmcontract.adapters.respx.bodies import ForeignBody, HeardBody, OwnBody
from pytest_llmcontract.adapters.respx.waits import pieces
from pytest_llmcontract.core.exchange import ApiReply, Disconnect


class Library:
    """One of the two."""

    def __init__(self, module: types.ModuleType) -> None:
        bases = (module.SyncByteStream, module.AsyncByteStream)
        self.module = module
        self.body = type("Body", (OwnBody, *bases), {})
        self.foreign_body = type("ForeignBody", (ForeignBody, *bases), {})
        self.heard_body = type("HeardBody", (HeardBody, *bases), {})

    def error(self, name: str, message: str, request: Any) -> Exception:
        error: Exception = getattr(self.module, name)(message, request=request)
        return error

    def reraise(self, error: httpx.RequestError, request: Any) -> NoReturn:
        """What a route's side effect raised, as this library's clients know it."""
        if self.module is httpx:
            raise error
        known = next(kind.__name__ for kind in type(error).__mro__ if hasattr(self.module, kind.__name__))
        raise self.error(known, str(error), request) from error

    def response(self, reply: ApiReply | Disconnect, request: Any, interception: Interception) -> Any:
        """Never through ``content=``: httpx takes that for read already, and ``elapsed`` is missing."""
        assert isinstance(reply, ApiReply)  # a Disconnect raised before
        fields, sized = [], False
        for name, value in reply.headers.items():
            lower = name.lower()
            if lower == "content-encoding":
                continue  # left over from a recording: the body is as it reads, never compressed
            sized = sized or lower == "content-length"
            fields.append((name.encode(), value.encode()))
        if reply.events is not None or reply.cut:
            stream = self.body(pieces(reply, self, request), reply, interception)
        else:
            stream = self.module.ByteStream(reply.body)
            if reply.body and not sized:
                fields.append((b"content-length", b"%d" % len(reply.body)))
        return self.module.Response(reply.status, headers=fields, stream=stream)

    def translated(self, response: httpx.Response) -> Any:
        """A route's response, as this library's transport would give it."""
        stream: Any = response.stream
        if not isinstance(stream, self.module.SyncByteStream | self.module.AsyncByteStream):
            stream = self.foreign_body(stream)
        return self.module.Response(
            response.status_code, headers=response.headers.raw, stream=stream, extensions=response.extensions
        )
