"""What a body was packed with is undone: gzip, deflate, brotli and zstd, by ``content-encoding`` or by how it begins.

Brotli and zstd are unpacked by cramjam and not by the packages of these names: where those are installed, httpx,
urllib3 and aiohttp ask for such replies, and a test tool must not change what an application sends.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.documents import LARGEST_FILE


class _Damaged(BadInput):
    def __init__(self, name: str) -> None:
        super().__init__(f"the body is no {name}, or not all of it")


_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def unpacked(body: bytes, encoding: str = "") -> bytes:
    """*body* as the application saw it.

    Args:
        encoding: The ``content-encoding`` header. Many recorders unpack and keep the header: what does not begin
            like gzip or zstd is taken as it is.

    Raises:
        BadInput: It is damaged, or unpacks to more than a recording would hold.
    """
    if not body:
        return body
    for name in reversed([name.strip().lower() for name in encoding.split(",") if name.strip()]):
        if unpack := _UNPACK.get(name):
            body = unpack(body)
    return _by_its_beginning(body)


def _by_its_beginning(body: bytes) -> bytes:
    if body.startswith(_GZIP):
        return _zlib(body, 31, "gzip")
    return _zstd(body) if body.startswith(_ZSTD) else body


def _gzip(body: bytes) -> bytes:
    return _zlib(body, 31, "gzip") if body.startswith(_GZIP) else body


def _deflate(body: bytes) -> bytes:
    for window in (15, -15):  # some servers leave the zlib frame away
        try:
            return _zlib(body, window, "deflate")
        except _Damaged:
            continue
    if _is_text(body):
        return body
    raise _Damaged("deflate")


def _zlib(body: bytes, window: int, name: str) -> bytes:
    parts, left = [], LARGEST_FILE
    while body:
        unpacker = zlib.decompressobj(window)
        try:
            parts.append(unpacker.decompress(body, left))
        except zlib.error:
            raise _Damaged(name) from None
        left -= len(parts[-1])
        if unpacker.unconsumed_tail or left <= 0:
            raise _too_large(name)
        if not unpacker.eof:
            raise _Damaged(name)
        # A gzip file may be several in a row; what follows a deflated body is nobody's.
        body = unpacker.unused_data if unpacker.unused_data.startswith(_GZIP) else b""
    return b"".join(parts)


def _brotli(body: bytes) -> bytes:
    import cramjam

    try:
        return _bounded(cramjam.brotli.decompress_into, body, "brotli")
    except _Damaged:
        if _is_text(body):
            return body
        raise


def _zstd(body: bytes) -> bytes:
    import cramjam

    return _bounded(cramjam.zstd.decompress_into, body, "zstd") if body.startswith(_ZSTD) else body


_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def _bounded(unpack: Callable[[bytes, bytearray], int], body: bytes, name: str) -> bytes:
    """What *unpack* makes of *body*, in a buffer that grows up to the bound: a few bytes may stand for gigabytes."""
    import cramjam

    size = min(16 * len(body) + 4096, LARGEST_FILE)
    while True:
        buffer = bytearray(size)
        try:
            return bytes(memoryview(buffer)[: unpack(body, buffer)])
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                raise _Damaged(name) from None
        if size == LARGEST_FILE:
            raise _too_large(name)
        size = min(8 * size, LARGEST_FILE)


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _too_large(name: str) -> BadInput:
    return BadInput(f"the body, packed with {name}, holds more than {LARGEST_FILE // 2**20} MB: no recording")
