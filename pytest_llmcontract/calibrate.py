"""Limits as a provider told them in the headers of a recording: ``@groq_api(limits=limits_from("cassettes/x.yaml"))``.

Groq's ``x-ratelimit-limit-requests`` is requests a day, ``-tokens`` tokens a minute, ``-audio-seconds`` seconds of
audio an hour. Together's ``x-ratelimit-limit`` and ``-limit-tokens`` are rates a second. Other limits are not in
headers: they stay as the edition has them.

Sources: Groq's documentation of rate limits; over 1,300 recorded replies of Groq and 2,168 of Together (2024 to 2026).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.registry import limit_headers, provider_hosts, provider_names
from pytest_llmcontract.recordings.cassette import read_cassette

Limits = dict[str, float]


def limits_from(
    source: Mapping[str, Any] | str | PathLike[str], *, provider: str | None = None, model: str | None = None
) -> dict[str, Any]:
    """The limits that recorded headers tell, as ``limits=`` takes them.

    Args:
        source: The headers of one reply; or the path of a vcrpy cassette (YAML or JSON), relative to the calling
            module or the working directory.
        provider: A provider's name; needed where *source* does not tell, or has replies of both.
        model: Whose limits these are. Headers do not say: without it they hold for all models. Of a cassette, it
            keeps this model's only.

    Returns:
        ``{"RPD": 1000, "TPM": 8000}`` of headers, ``{"openai/gpt-oss-120b": {"RPD": 1000, "TPM": 8000}}`` of a
        cassette or with *model*. A later reply goes before an earlier one.

    Raises:
        BadInput: There is no such file, it is no cassette, or nothing in it tells a limit.
    """
    if provider is not None and provider not in provider_names():
        raise unknown("provider of limits_from", provider, provider_names())
    if isinstance(source, Mapping):
        headers = _flat(source)
        found = _limits(headers, provider or _teller(headers), "the headers")
        return {model: found} if model else dict(found)
    beside = sys._getframe(1).f_globals.get("__file__")
    return dict(_of_cassette(_located(Path(source), beside), provider, model))


def _of_cassette(file: Path, provider: str | None, model: str | None) -> dict[str, Limits]:
    by_provider: dict[str, dict[str, Limits]] = {}
    for interaction in read_cassette(file).interactions:
        host, headers = interaction.request.host, interaction.reply.headers
        teller = (
            next((name for name in provider_names() if host in provider_hosts(name)), None)
            or provider
            or _teller(headers)
        )
        name = _model(interaction.request)
        if teller is None or name is None or (model or name) != name:
            continue
        if found := _limits(headers, teller, str(file), required=False):
            by_provider.setdefault(teller, {}).setdefault(name, {}).update(found)
    wanted = by_provider if provider is None else {provider: by_provider.get(provider, {})}
    if len(wanted) > 1:
        raise BadInput(f"{file} has replies of {' and '.join(sorted(wanted))}: say provider=")
    limits = next(iter(wanted.values()), {})
    if not limits:
        whose = f" of {provider}" if provider else ""
        whom = f" to calls of {model}" if model else ""
        raise BadInput(f"{file}: no reply{whose}{whom} tells a limit in its headers; expected {_expected(provider)}")
    return limits


def _limits(headers: Mapping[str, str], provider: str | None, where: str, *, required: bool = True) -> Limits:
    found: Limits = {}
    for header, (kind, factor) in (limit_headers(provider) if provider else {}).items():
        if header in headers:
            # Together writes 10 a minute as 0.1666666667 a second.
            limit = round(_told(headers[header], header, where) * factor, 6)
            if limit > 0:  # Together: 0 tokens for a model that has none
                found[kind] = int(limit) if limit == int(limit) else float(limit)
    if required and not found:
        raise BadInput(f"{where} tell no limit; expected {_expected(provider)}")
    return found


def _told(text: str, header: str, where: str) -> Decimal:
    if not re.fullmatch(r"\s*[0-9]{1,15}(\.[0-9]{1,20})?\s*", text, re.ASCII):
        raise BadInput(f"{where}: {header} is {text[:40]!r}; expected a number")
    return Decimal(text.strip())


def _expected(provider: str | None) -> str:
    names = [header for name in ((provider,) if provider else provider_names()) for header in limit_headers(name)]
    return ", ".join(dict.fromkeys(names))


def _teller(headers: Mapping[str, str]) -> str | None:
    """The provider that alone sends one of these headers."""
    for name in provider_names():
        others = {header for other in provider_names() if other != name for header in limit_headers(other)}
        if any(header in headers for header in limit_headers(name) if header not in others):
            return name
    return None


def _flat(headers: object) -> dict[str, str]:
    """Names in lower case; of several values (vcrpy writes lists) the first."""
    if not isinstance(headers, Mapping):
        return {}
    flat = {}
    for name, value in headers.items():
        first = value[0] if isinstance(value, list | tuple) and value else value
        flat[str(name).lower()] = first.decode("latin-1") if isinstance(first, bytes) else str(first)
    return flat


def _model(request: ApiRequest) -> str | None:
    """The model that a recorded request names, in JSON or in a form."""
    body = request.json
    if body is None:
        form = re.search(rb'name="model"\s*?\r?\n\r?\n([^\r\n]+)', request.body)
        return form[1].decode("utf-8", "replace") if form else None
    name = body.get("model") if isinstance(body, Mapping) else None
    return name if isinstance(name, str) else None


def _located(path: Path, beside: object) -> Path:
    places = [path] if path.is_absolute() or not isinstance(beside, str) else [Path(beside).parent / path, path]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place.absolute()) for place in places)
    raise BadInput(f"recording {str(path)!r} does not exist; looked for {looked}")
