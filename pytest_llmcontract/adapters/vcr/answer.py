"""One call in vcrpy's terms: what its stubs ask, and what they take for an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from pytest_llmcontract.adapters.interception import Installed, Interception, heard_reply
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Forward, StreamEvent, masked
from pytest_llmcontract.core.secrets import without_user
from pytest_llmcontract.core.site import application_site

INSTALLED = Installed()


class Answer:
    """What vcrpy's stubs take for a cassette: the answer to one call."""

    write_protected = False

    def __init__(self, interception: Interception) -> None:
        self._interception = interception
        self.outcome: ApiReply | Disconnect | Forward | None = None

    def ask(self, request: Any, agent: str = "") -> None:
        """Ask for the answer to a request of vcrpy's.

        Args:
            agent: What the library calls itself where the application says nothing else.
        """
        self.outcome = self._interception.ask(_api_request(request, agent))

    def can_play_response_for(self, request: Any) -> bool:
        if self.outcome is None:
            self.ask(request)
        return not isinstance(self.outcome, Forward)

    def play_response(self, request: Any) -> dict[str, Any]:
        del request
        assert isinstance(self.outcome, ApiReply)  # a Disconnect has raised before
        return vcr_response(self.outcome)

    def filter_request(self, request: Any) -> Any:
        return request

    def append(self, request: Any, response: Mapping[str, Any]) -> None:
        """The provider itself answered, and vcrpy took it down."""
        del request
        assert isinstance(self.outcome, Forward)
        body = response["body"].get("string") or b""
        self.outcome.answered(heard_reply(response["status"]["code"], fields_of(response["headers"]), [body]))


def _api_request(request: Any, agent: str) -> ApiRequest:
    fields = {"user-agent": agent} | {name.lower(): value for name, value in fields_of(request.headers).items()}
    url, body = without_user(request.uri), whole(request.body)
    return ApiRequest(request.method.upper(), url, masked(fields), body, application_site())


def fields_of(headers: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): ", ".join(map(_text, _several(value))) for name, value in headers.items()}


def whole(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    return b"".join(whole(part) for part in body)  # a file, or an iterator


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def vcr_response(reply: ApiReply) -> dict[str, Any]:
    known = {status.value: status.phrase for status in HTTPStatus}
    return {
        "status": {"code": reply.status, "message": known.get(reply.status, "")},
        "headers": {name: [value] for name, value in reply.headers.items()},
        "body": {"string": b"".join(event.data for event in events_of(reply))},
    }


def events_of(reply: ApiReply) -> Iterator[StreamEvent]:
    yield from (StreamEvent(reply.body),) if reply.events is None else reply.events


def patience(delay: float, timeout: float | None) -> tuple[float, bool]:
    """How long to wait for something that takes *delay*, and whether the client gives up then."""
    late = timeout is not None and timeout < delay
    return (timeout if late and timeout is not None else delay), late
