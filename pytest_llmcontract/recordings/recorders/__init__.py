"""Recorders whose files are read: how each is known, where its exchanges stand, how a request and a response are read.

The first that knows a document reads it. What two recorders have in common is in :mod:`.parts`; a recorder with a
form of its own has a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pytest_llmcontract.recordings.recorders import har, httpmock, nock, parts, wiremock
from pytest_llmcontract.recordings.recorders.parts import Exchange, Part, Received, Sent, listed


class Recorder(NamedTuple):
    """A form of file."""

    names: str
    """Who writes it, for people."""
    exchanges: Callable[[Any], Iterable[Exchange] | None]
    """What stands in a document of this form; ``None`` for any other."""
    sent: Callable[[Part], Sent] = parts.sent
    received: Callable[[Part], Received] = parts.received


def recorder_of(document: Any) -> tuple[Recorder, Iterable[Exchange]] | None:
    """Who wrote *document*, and the exchanges in it; ``None`` if nobody known did."""
    for recorder in RECORDERS:
        exchanges = recorder.exchanges(document)
        if exchanges is not None:
            return recorder, exchanges
    return None


def refused_key(document: Any) -> tuple[str, str] | None:
    """The key that tells that *document* is of a tool that records nothing, and the name of the tool."""
    keys = document.keys() if isinstance(document, Mapping) else ()
    return next(((key, tool) for key, tool in _NOT_RECORDED.items() if key in keys), None)


_NOT_RECORDED = {"consumer": "Pact"}
"""Agreements between programs, and no recordings."""


# Where the exchanges stand


def _list_under(key: str) -> Callable[[Any], Iterable[Exchange] | None]:
    def exchanges(document: Any) -> Iterable[Exchange] | None:
        items = document.get(key) if isinstance(document, Mapping) else None
        return listed(items, (key,)) if isinstance(items, list) else None

    return exchanges


def _alone(document: Any) -> Iterable[Exchange] | None:
    """One exchange a file."""
    if not isinstance(document, Mapping) or not isinstance(document.get("request"), Mapping):
        return None
    response = document.get("response")
    if not isinstance(response, Mapping) or not _is_answer(response) or not _ADDRESSES & document["request"].keys():
        return None
    if isinstance(chunks := document.get("chunks"), list):  # req_llm: of a stream
        response = {**response, "body": [_chunk(chunk) for chunk in chunks]}
    moment = document.get("recorded_at", document.get("captured_at"))
    return [Exchange((), document["request"], response, ("request",), ("response",), moment)]


_ADDRESSES = {"uri", "url"}


def _is_answer(part: Any) -> bool:
    return isinstance(part, Mapping) and bool({"status", "code", "status_code", "statusCode"} & part.keys())


def _chunk(chunk: Any) -> bytes:
    return parts.content(chunk).data


def _in_a_list(document: Any) -> Iterable[Exchange] | None:
    first = document[0] if isinstance(document, list) and document else None
    return listed(document, ()) if isinstance(first, Mapping) and "request" in first else None


def _two_lists(document: Any) -> Iterable[Exchange] | None:
    if not isinstance(document, Mapping):
        return None
    requests, responses = document.get("requests"), document.get("responses")
    if not isinstance(requests, list) or not isinstance(responses, list):
        return None
    return (
        Exchange(("requests", index), request, response, ("requests", index), ("responses", index))
        for index, (request, response) in enumerate(zip(requests, responses, strict=False))
    )


def _har(document: Any) -> Iterable[Exchange] | None:
    entries = har.entries(document)
    return None if entries is None else listed(entries, ("log", "entries"))


def _entries(document: Any) -> Iterable[Exchange] | None:
    entries = document.get("entries") if isinstance(document, Mapping) else None
    return listed(entries, ("entries",)) if isinstance(entries, list) and _in_a_list(entries) is not None else None


def _mappings(document: Any) -> Iterable[Exchange] | None:
    if wiremock.is_mapping(document):
        return [Exchange((), document["request"], document["response"], ("request",), ("response",))]
    mappings = document.get("mappings") if isinstance(document, Mapping) else None
    if not isinstance(mappings, list) or not all(isinstance(item, Mapping) and "request" in item for item in mappings):
        return None
    return listed(mappings, ("mappings",))


def _when_and_then(document: Any) -> Iterable[Exchange] | None:
    if isinstance(document, Mapping) and {"when", "then"} <= document.keys():
        return [Exchange((), document["when"], document["then"], ("when",), ("then",))]
    first = document[0] if isinstance(document, list) and document else None
    is_one = isinstance(first, Mapping) and {"when", "then"} <= first.keys()
    return listed(document, (), ("when", "then")) if is_one else None


def _nocks(document: Any) -> Iterable[Exchange] | None:
    first = document[0] if isinstance(document, list) and document else None
    if not isinstance(first, Mapping) or not {"scope", "path"} <= first.keys():
        return None
    return [Exchange((index,), item, item, (index,), (index,)) for index, item in enumerate(document)]


def _tapes(document: Any) -> Iterable[Exchange] | None:
    """``{url, init, response}``, alone or by the number of its request."""
    if not isinstance(document, Mapping):
        return None
    tapes = [((), document)] if _is_tape(document) else [((key,), tape) for key, tape in document.items()]
    if not tapes or not all(_is_tape(tape) for _, tape in tapes):
        return None
    return [
        Exchange(keys, {**(tape.get("init") or {}), "url": tape["url"]}, tape["response"], keys, (*keys, "response"))
        for keys, tape in tapes
    ]


def _is_tape(part: Any) -> bool:
    return isinstance(part, Mapping) and "url" in part and "request" not in part and _is_answer(part.get("response"))


RECORDERS = (
    Recorder("vcrpy, cassetter, go-vcr, OkReplay and others with 'interactions'", _list_under("interactions")),
    Recorder("Ruby's VCR, betamax, R's vcr", _list_under("http_interactions")),
    Recorder("HAR files, Polly.JS", _har, har.sent, har.received),
    Recorder("WireMock", _mappings, wiremock.sent, wiremock.received),
    Recorder("seinfeld", _entries),
    Recorder("vcrpy before 1.0, php-vcr, ExVCR", _in_a_list),
    Recorder("langchain-tests", _two_lists),
    Recorder("httpmock", _when_and_then, httpmock.sent, httpmock.received),
    Recorder("nock", _nocks, nock.sent, nock.received),
    Recorder("req_llm", _alone),
    Recorder("tapes of fetch", _tapes),
)
