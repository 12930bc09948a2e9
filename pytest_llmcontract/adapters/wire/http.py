"""HTTP/1.1 as bytes: the request that a client wrote, the reply that it will read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any, NamedTuple

from pytest_llmcontract.adapters.interception import heard_reply
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, StreamEvent, heard

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_NO_BODY = (204, 304)


class Written(NamedTuple):
    """A request as it was written."""

    method: str
    target: str
    """A path with its query; a whole URL where it is for a proxy."""
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str | None:
        return next((value for known, value in self.fields if known.lower() == name), None)

    def seen(self, origin: str, site: str) -> ApiRequest:
        """As the provider at *origin* (``https://api.groq.com``) would receive it."""
        url = self.target if "://" in self.target else origin + self.target
        fields: dict[str, str] = {}
        for name, value in self.fields:
            key = name.lower()
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
        return heard(self.method.upper(), url, fields, self.body, site)


def read_request(data: bytes, *, ended: bool = False) -> Written | None:
    """The request in *data*, or ``None`` while some of it is missing.

    Args:
        ended: The client waits for the reply: there is no more, whatever its headers say.
    """
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, target = first.rpartition(" ")[0].partition(" ")
    pairs = (line.partition(":") for line in lines)
    written = Written(method, target, tuple((name.strip(), value.strip()) for name, _, value in pairs), rest)
    body = _body(written, rest, ended=ended)
    return None if body is None else written._replace(body=body)


def _body(written: Written, rest: bytes, *, ended: bool) -> bytes | None:
    if "chunked" in (written.field("transfer-encoding") or "").lower():
        return _joined(rest, ended=ended)
    length = written.field("content-length")
    if length is None:  # some client writes none, and its body none the less
        return rest if ended or written.method in ("GET", "HEAD", "DELETE", "OPTIONS") else None
    return rest if ended or len(rest) >= int(length) else None


def _joined(rest: bytes, *, ended: bool) -> bytes | None:
    """The body in chunks of *rest*."""
    whole = b""
    while rest:
        size, found, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0] or b"0", 16) if found else 0
        if not found or len(rest) < length + 2:
            break
        if not length:
            return whole
        whole, rest = whole + rest[:length], rest[length + 2 :]
    return whole if ended else None


def pieces(reply: ApiReply, method: str) -> Iterator[StreamEvent]:
    """What is sent, piece by piece; a stream in chunks, whose end is missing where it breaks off."""
    if method == "HEAD" or reply.status in _NO_BODY:
        yield StreamEvent(_head(reply, None), reply.delay)
    elif reply.events is None and reply.cut is None and "transfer-encoding" not in map(str.lower, reply.headers):
        yield StreamEvent(_head(reply, len(reply.body)) + reply.body, reply.delay)
    else:
        yield StreamEvent(_head(reply, -1), reply.delay)
        for event in reply.events if reply.events is not None else (StreamEvent(reply.body),):
            if event.data:
                yield StreamEvent(b"%x\r\n%b\r\n" % (len(event.data), event.data), event.delay)
        if reply.cut is None:
            yield StreamEvent(b"0\r\n\r\n")


def _head(reply: ApiReply, length: int | None) -> bytes:
    """Status line and headers for a body of *length* bytes; -1: in chunks; ``None``: as the headers say, there is none.

    Never compressed: what is left of a recording says so of a body that is not any more.
    """
    framing = ("content-length", "transfer-encoding")
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}"]
    for name, value in reply.headers.items():
        lower = name.lower()
        if lower != "content-encoding" and (length is None or lower not in framing):
            lines.append(f"{name}: {' '.join(value.splitlines())}")
    if length is not None:
        lines.append("transfer-encoding: chunked" if length < 0 else f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class _Heard(io.BytesIO):
    """What ``http.client`` takes for a socket."""

    def makefile(self, *args: Any) -> io.BytesIO:
        return self

    def close(self) -> None: ...


def read_reply(data: bytes, method: str) -> ApiReply:
    """The reply of a provider that was asked itself, from all it sent.

    Raises:
        http.client.HTTPException: It is none, or not whole.
    """
    heard: Any = HTTPResponse(_Heard(data), method=method)  # type: ignore[arg-type]
    heard.begin()
    return heard_reply(heard.status, dict(heard.getheaders()), [heard.read()])
