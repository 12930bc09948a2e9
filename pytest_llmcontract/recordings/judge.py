"""Is a cassette what it would have to be on the day it was made? Its requests, replies, models, secrets and age.

Each request is held to the request contract of its day (LLM101, LLM102), its address and model to what there was
(LLM103 to LLM105), each reply to the reply contract (LLM201). Nothing may give a credential away (LLM202), and
nothing may be too old (LLM203). Where the provider answered with a success, it knew better than our facts: what they
do not know is then a warning, or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.contract.reply import ReplyContract, reply_contract
from pytest_llmcontract.core.facts.load import edition_dates, error_history, model_on
from pytest_llmcontract.core.findings.rules import RULES, Severity, Violation
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.core.secrets import made_up
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.dates import days_of, recorded_on
from pytest_llmcontract.recordings.exposed import exposed
from pytest_llmcontract.recordings.providers import behind_gateway, operation_of, owner, routes_of

STALE_AFTER = 180
"""Days."""

_DATA = re.compile(r"^data:(.*)$", re.MULTILINE)


@dataclass
class Judged:
    """What came out for one cassette."""

    checked: int = 0
    """Interactions with a provider we know."""
    elsewhere: int = 0
    """Interactions with others: searched for secrets, and not judged."""
    violations: list[Violation] = field(default_factory=list)
    """``site`` is ``file:line``, ``call`` the interaction, from 0."""


def judge(
    cassette: Cassette, *, provider: str | None = None, edition: date | None = None, today: date | None = None
) -> Judged:
    """Hold *cassette* to the contracts of the providers it was recorded with.

    Args:
        provider: Whose the interactions with unknown hosts are, a gateway's: judged where the end of their address
            is one of the provider's.
        edition: The day whose facts hold (default: the day of each interaction).
        today: What the age is counted to.
    """
    days = days_of(cassette)
    judged = Judged()
    held = []
    for interaction in cassette.interactions:
        day = edition or days[interaction.index]
        said = interaction.reply.text
        judged.violations += exposed(cassette, interaction, said)
        whose = owner(interaction.request) or behind_gateway(interaction.request, provider)
        if whose is None:
            judged.elsewhere += 1
            continue
        held.append(interaction.index)
        judged.violations += _Exchange(cassette, interaction, said, whose, day).findings()
    judged.checked = len(held)
    recorded = recorded_on(cassette, days)
    if dated := [(day, index) for index in held if (day := recorded[index])]:
        judged.violations += _stale(cassette, *min(dated), today or date.today())
    judged.violations.sort(key=lambda found: int(found.site.rpartition(":")[2]))
    return judged


def _stale(cassette: Cassette, day: date, index: int, today: date) -> Iterator[Violation]:
    """The oldest interaction is of *day*: it alone is told."""
    age = (today - day).days
    if age >= STALE_AFTER:
        yield Violation(
            code="LLM203",
            message=f"recorded {age} days ago, on {day}",
            severity=RULES["LLM203"].severity,
            site=f"{cassette.path}:{cassette.line(index)}",
            call=index,
            fix="record it again, to see whether the provider still answers so",
        )


@cache
def _statuses(provider: str) -> Mapping[str, int]:
    return {spec.name: spec.status for spec in error_history(provider)}


class _Exchange:
    """An interaction with a provider.

    One that no day is known of is held to every edition, the newest first: what one of them accepts is right.
    """

    def __init__(
        self, cassette: Cassette, interaction: Interaction, said: str, provider: str, day: date | None
    ) -> None:
        self._cassette = cassette
        self._index = interaction.index
        self._request = interaction.request
        self._reply = interaction.reply
        self._said = said
        self._provider = provider
        self._day = day
        self._days = (day,) if day else tuple(reversed(edition_dates(provider)))
        self._operation = operation_of(provider, self._request.method, self._request.path)
        self._nearest = "" if self._operation != UNKNOWN else routes_of(provider).nearest(self._request.path)
        if self._nearest and owner(self._request) is None:  # behind a gateway addresses begin differently
            self._operation = operation_of(provider, self._request.method, self._nearest)
        self._scripted = cassette.metadata is not None and self._index in cassette.metadata.scripted
        self._success = self._reply.status < 400

    def findings(self) -> Iterator[Violation]:
        yield from self._of_address()
        body = self._body()
        if body is not None:
            yield from self._of_request(body)
            yield from self._of_model(body)
        if not self._scripted:  # what a script answered, no provider promised
            yield from self._of_reply()

    # The request.

    def _body(self) -> Any:
        """What was sent, as data; ``None`` where the recorder left it out."""
        if (body := judged_body(self._request)) is not None:
            return body
        text = self._request.body.decode("utf-8", "replace")
        return None if not text.strip() or made_up(text) or (len(text) < 16 and "{" not in text) else text

    def _of_address(self) -> Iterator[Violation]:
        """Wrong is what the provider refused, or what ends like an address it has."""
        if self._operation != UNKNOWN or (self._success and not self._nearest):
            return
        sent = f"{self._request.method} {self._request.path}"
        yield self._finding(
            "LLM105",
            f"{sent} is not an address of {self._provider}",
            path="url",
            sent=sent,
            fix=f"use {self._nearest}" if self._nearest else "compare the client's base_url with the documentation",
        )

    def _of_request(self, body: Any) -> Iterator[Violation]:
        for mismatch in self._least(lambda day: self._mismatches(body, day)):
            if self._success and not mismatch.certain:
                continue  # what nobody saw refused was answered
            status = _statuses(self._provider).get(mismatch.error or "")
            answer = f"answers {status} {mismatch.error}" if status else "answers 200 and ignores it"
            yield self._of_mismatch(mismatch, "request", answer=answer)

    def _mismatches(self, body: Any, day: date) -> tuple[Mismatch, ...]:
        contract = contracts_of(self._provider, day).get(self._operation)
        name = body.get("model") if isinstance(body, Mapping) else None
        model = model_on(self._provider, name, day) if isinstance(name, str) else None
        # A retired model answers nothing at all: what it could not do does not matter any more.
        able = model if model and model.since <= day and not model.is_retired(day) else None
        return contract.check(body, able) if contract else ()

    def _of_model(self, body: Any) -> Iterator[Violation]:
        name = body.get("model") if isinstance(body, Mapping) else None
        if not isinstance(name, str) or not name or made_up(name):
            return
        day = self._days[0]
        model = model_on(self._provider, name, day)
        listed = f"a model that `llmcontract models {self._provider}` lists"
        severity: Severity = "warning" if self._success else "error"
        if model is None or (model.since > day and not self._success):
            message = f"the model {name!r} {'is not known' if self._success else 'does not exist'}"
            fix = f"add it to the test: models={{{name!r}: {{…}}}}" if self._success else f"choose {listed}"
            yield self._finding(
                "LLM103", message, "request", severity=severity, path="$.model", sent=name, allowed=listed, fix=fix
            )
        elif self._day and model.is_retired(day):
            message = f"the model {name!r} is retired since {model.retired}"
            yield self._finding(
                "LLM104", message, "request", severity=severity, path="$.model", sent=name, fix=f"choose {listed}"
            )

    # The reply.

    def _of_reply(self) -> Iterator[Violation]:
        if self._reply.events is not None:
            events, torn = _events(self._said)
            if torn is not None:
                yield self._finding("LLM201", f"event {torn} of the stream is no JSON", "response", path=f"$[{torn}]")
            yield from self._of_promise(lambda promise: promise.check_events(events))
            return
        body = _json(self._said)
        if body is not None:
            yield from self._of_promise(lambda promise: promise.check(self._reply.status, body))
        elif "json" in self._reply.headers.get("content-type", "") and not self._leaves_body_out():
            yield self._finding("LLM201", "the reply's body is no JSON", "response", path="$")

    def _leaves_body_out(self) -> bool:
        """A null says nothing; nor does a recorder that puts a word in the body's place."""
        text = self._said.strip()
        return text in ("", "null") or made_up(text[:80])

    def _of_promise(self, check: Callable[[ReplyContract], tuple[Mismatch, ...]]) -> Iterator[Violation]:
        def on(day: date) -> tuple[Mismatch, ...]:
            promise = reply_contract(self._provider, self._operation, day)
            return check(promise) if promise else ()

        for mismatch in self._least(on):
            yield self._of_mismatch(mismatch, "response")

    # Both.

    def _least(self, check: Callable[[date], tuple[Mismatch, ...]]) -> tuple[Mismatch, ...]:
        """What is wrong on the day; of an undated one, on the newest day, unless there is one on which nothing is."""
        newest = check(self._days[0])
        return newest if newest and all(check(day) for day in self._days[1:]) else ()

    def _of_mismatch(self, mismatch: Mismatch, part: str, answer: str = "") -> Violation:
        return self._finding(
            mismatch.code,
            mismatch.message,
            part,
            path=mismatch.path,
            sent=mismatch.sent,
            allowed=mismatch.allowed,
            contract=mismatch.schema,
            answer=answer,
            fix=mismatch.fix,
        )

    def _finding(
        self, code: str, message: str, part: str = "", severity: Severity | None = None, **parts: str
    ) -> Violation:
        line = self._cassette.line(self._index, part, "body") if part else self._cassette.line(self._index)
        return Violation(
            code=code,
            message=f"{self._provider} {self._operation}: {message}",
            severity=severity or RULES[code].severity,
            provider=self._provider,
            operation=self._operation,
            site=f"{self._cassette.path}:{line}",
            call=self._index,
            **parts,
        )


def _events(stream: str) -> tuple[list[Any], int | None]:
    """The JSON of a stream's events, and the number of the first that is none."""
    found = [data for data in _DATA.findall(stream) if data.strip() not in ("", "[DONE]")]
    whole = _json(f"[{','.join(found)}]")
    if whole is not None:
        return whole, None
    parsed = [_json(data) for data in found]
    torn = parsed.index(None) if None in parsed else len(parsed)
    return parsed[:torn], torn


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
