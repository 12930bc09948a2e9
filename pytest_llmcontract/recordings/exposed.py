"""What a recording gives away: credentials, ids of accounts, addresses of people (LLM202)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_llmcontract.core.findings.rules import Severity, Violation
from pytest_llmcontract.core.secrets import (
    has_secrets,
    is_secret,
    may_be_real,
    query_secret,
    says_secret,
    secrets_in,
)
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.scrub import ACCOUNT_HEADERS, hidden_in, user_address


def exposed(cassette: Cassette, interaction: Interaction, said: str) -> Iterator[Violation]:
    """Each kind of secret once for each place it is in, as LLM202.

    Args:
        said: The text of the reply, which the caller has decoded already.
    """
    seen = set()
    for what, place, keys, severity in _exposed(interaction, said):
        if (what, place) in seen:
            continue
        seen.add((what, place))
        yield Violation(
            code="LLM202",
            message=f"{place} holds {what}",
            severity=severity,
            path=place,
            site=f"{cassette.path}:{cassette.line(interaction.index, *keys)}",
            call=interaction.index,
            fix="revoke it, since it is in the history of the repository; then record again, or replace it by ***"
            if severity == "error"
            else "replace it by ***, or record again with llm_contract, which scrubs",
        )


_Exposed = tuple[str, str, tuple[str, ...], Severity]
"""What, where for a person, where in the file, how grave."""


def _exposed(interaction: Interaction, said: str) -> Iterator[_Exposed]:
    request = interaction.request
    body = request.body.decode("utf-8", "replace")
    sent, received = interaction.recorded_headers
    if has_secrets("\n".join((request.url, *sent.values(), body, *received.values(), said))):
        yield from _shapes(request.url, "request URL", ("request", "uri"))
        yield from _in_headers("request", sent)
        yield from _shapes(body, "request body", ("request", "body"))
        yield from _in_headers("response", received)
        yield from _shapes(said, "response body", ("response", "body"))
    yield from _named("request", sent)
    yield from _named("response", received)
    if any(hidden_in(request.body, sent.get("content-type", ""))):
        yield "a credential", "request body", ("request", "body"), "error"
    reply, kind = interaction.reply, received.get("content-type", "")
    if any(hidden_in(said.encode("utf-8", "replace"), kind, streamed=reply.events is not None)):
        yield "a credential", "response body", ("response", "body"), "error"
    if query_secret(request.url):
        yield "a credential", "request URL", ("request", "uri"), "error"
    if user_address(body):
        yield "an e-mail address in user", "request body", ("request", "body"), "warning"


_TELLING = {
    **dict.fromkeys(ACCOUNT_HEADERS, "the id of an account"),
    **dict.fromkeys(("cookie", "set-cookie"), "a session cookie"),
}
"""Headers that hold a secret of lesser weight whatever its shape, and which."""


def _named(part: str, headers: Mapping[str, str]) -> Iterator[_Exposed]:
    for name, value in headers.items():
        if name in _TELLING and may_be_real(value):
            yield _TELLING[name], f"{part} header {name}", (part, "headers"), "warning"
        elif name not in _TELLING and is_secret(name, value) and may_be_real(value):
            yield "a credential", f"{part} header {name}", (part, "headers"), "error"


def _in_headers(part: str, headers: Mapping[str, str]) -> Iterator[_Exposed]:
    for name, value in headers.items():
        if name not in _TELLING and not says_secret(name):
            yield from _shapes(value, f"{part} header {name}", (part, "headers"))


def _shapes(text: str, place: str, keys: tuple[str, ...]) -> Iterator[_Exposed]:
    for secret in secrets_in(text):
        article = "an" if secret.what[0] in "AaEeIiOoUu" else "a"
        yield f"{article} {secret.what}", place, keys, "error" if secret.kind == "key" else "warning"
