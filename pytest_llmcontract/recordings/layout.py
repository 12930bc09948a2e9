"""How an exchange stands in a cassette: vcrpy's own form, by vcrpy's own serializers, so that vcrpy plays it too."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest

Raw = dict[str, Any]
"""An interaction, or a whole cassette, as the file has it."""

_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that tell of the body as it was sent, not as it is kept."""


def interaction_form(request: ApiRequest, reply: ApiReply) -> Raw:
    """One exchange; both sides as they may be recorded."""
    return {"request": _request(request), "response": _response(reply)}


def cassette_text(path: Path, document: Raw) -> str:
    """The text of a cassette, YAML or JSON by the name of *path*.

    Raises:
        BadInput: JSON cannot hold it.
    """
    from vcr.serializers import jsonserializer, yamlserializer

    serializer = jsonserializer if path.suffix == ".json" else yamlserializer
    try:
        text: str = serializer.serialize(document)
    except TypeError:
        raise BadInput(f"{path}: JSON cannot hold a reply that is no text; name the cassette .yaml") from None
    return text


def _request(request: ApiRequest) -> Raw:
    from vcr.request import Request
    from vcr.serializers.compat import convert_to_unicode

    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    made: Raw = convert_to_unicode(Request(request.method, request.url, request.body or None, headers)._to_dict())
    return made


def _response(reply: ApiReply) -> Raw:
    from vcr.serializers.compat import convert_to_unicode

    body = reply.body if reply.events is None else b"".join(event.data for event in reply.events)
    headers = {name: [value] for name, value in reply.headers.items() if name.lower() not in _OF_THE_WIRE}
    known = {status.value: status.phrase for status in HTTPStatus}
    made: Raw = convert_to_unicode(
        {
            "status": {"code": reply.status, "message": known.get(reply.status, "")},
            "headers": headers,
            "body": {"string": body},
        }
    )
    return made
