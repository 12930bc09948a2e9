"""Is a cassette what it would have to be on the day it was made? Its requests, replies, models, secrets and age.

Each request is held to the request contract of its day (LLM101, LLM102), its address and model to what there was
(LLM103 to LLM105), each reply to the reply contract (LLM201). Nothing may give a credential away (LLM202), and
nothing may be too old (LLM203). Where the provider answered with a success, it knew better than our facts: what they
do not know is then a warning, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from pytest_llmcontract.core.age import USUAL
from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.contract.reply import ReplyContract, reply_contract
from pytest_llmcontract.core.facts.load import edition_dates, error_history, model_on
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.findings.rules import RULES, Severity, Violation
from pytest_llmcontract.core.operations import operation_called
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.core.secrets import made_up
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.dates import days_of, recorded_on
from pytest_llmcontract.recordings.events import parsed_events, parsed_json
from pytest_llmcontract.recordings.exposed import exposed
from pytest_llmcontract.recordings.guessed_days import Day, guessed_days, model_of
from pytest_llmcontract.recordings.providers import behind_gateway, operation_of, owner, routes_of

_MOST_BY_A_DAY = 50
"""Mismatches that another day might mend; for more of them no day is to blame, and asking ten days takes long."""

_KEY_REFUSED = 401
"""It says nothing of the model."""
_BEFORE_THE_MODEL = (402, 429, 498)
"""Refusals that may come before anybody looks at the model."""


@dataclass
class Judged:
    """What came out for one cassette."""

    checked: int = 0
    """Interactions with a provider we know."""
    elsewhere: int = 0
    """Interactions with others: searched for secrets, and not judged."""
    older: int = 0
    """How many of those checked are older than the first edition: what only their day makes wrong is a warning."""
    violations: list[Violation] = field(default_factory=list)
    """``site`` is ``file:line``, ``call`` the interaction, from 0."""


def judge(
    cassette: Cassette,
    *,
    provider: str | None = None,
    edition: date | None = None,
    today: date | None = None,
    expires_after: int = USUAL,
) -> Judged:
    """Hold *cassette* to the contracts of the providers it was recorded with.

    Args:
        provider: Whose the interactions with unknown hosts are, a gateway's: judged where the end of their address
            is one of the provider's.
        edition: The day whose facts hold (default: the day of each interaction).
        today: What the age is counted to.
        expires_after: Days from which an interaction is stale.
    """
    whose = [owner(one.request) or behind_gateway(one.request, provider) for one in cassette.interactions]
    judged = Judged(elsewhere=whose.count(None), checked=len(whose) - whose.count(None))
    days = guessed_days(cassette, whose)
    for interaction, name, day in zip(cassette.interactions, whose, days, strict=True):
        said = interaction.reply.text
        judged.violations += exposed(cassette, interaction, said)
        if name is not None and day is not None:
            judged.older += day.older
            held = Day(edition) if edition else day
            exchange = _Exchange(cassette, interaction, said, name, held, is_of_its_day=edition is None)
            judged.violations += exchange.findings()
    ages = zip(recorded_on(cassette, days_of(cassette)), cassette.interactions, whose, strict=True)
    if dated := [(day, one.index) for day, one, name in ages if day and name]:
        age = (today or date.today()) - min(dated)[0]
        if age.days >= expires_after:
            judged.violations.append(_stale(cassette, *min(dated), age.days))
    judged.violations.sort(key=lambda found: int(found.site.rpartition(":")[2]))
    return judged


def _stale(cassette: Cassette, day: date, index: int, age: int) -> Violation:
    """The oldest interaction is of *day*: it alone is told."""
    return Violation(
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

    Args:
        is_of_its_day: It is held to the day on which it took place, not to one of which its reply says nothing.
    """

    def __init__(
        self,
        cassette: Cassette,
        interaction: Interaction,
        said: str,
        provider: str,
        day: Day,
        *,
        is_of_its_day: bool = True,
    ) -> None:
        self._cassette = cassette
        self._index = interaction.index
        self._request = interaction.request
        self._reply = interaction.reply
        self._said = said
        self._provider = provider
        self._day = day.date
        self._uncertain = day.guessed or day.older
        self._operation = operation_of(provider, self._request.method, self._request.path)
        self._nearest = "" if self._operation != UNKNOWN else routes_of(provider).nearest(self._request.path)
        if self._nearest and owner(self._request) is None:  # behind a gateway addresses begin differently
            self._operation = operation_of(provider, self._request.method, self._nearest)
        self._scripted = cassette.metadata is not None and self._index in cassette.metadata.scripted
        self._success = self._reply.status < 400
        self._is_of_its_day = is_of_its_day

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
        for mismatch, severity in self._weighed(lambda day: self._mismatches(body, day)):
            if self._success and not mismatch.certain:
                continue  # what nobody saw refused was answered
            status = _statuses(self._provider).get(mismatch.error or "")
            answer = f"answers {status} {mismatch.error}" if status else "answers 200 and ignores it"
            yield self._of_mismatch(mismatch, "request", severity, answer=answer)

    def _mismatches(self, body: Any, day: date) -> tuple[Mismatch, ...]:
        contract = contracts_of(self._provider, day).get(self._operation)
        return contract.check(body, self._able(body, day)) if contract else ()

    def _able(self, body: Any, day: date) -> Model | None:
        """The model whose abilities the request is held to: none where it has shown them, or is not there any more."""
        name = model_of(body)
        shown = self._success and self._is_of_its_day and not self._scripted
        model = model_on(self._provider, name, day) if name and not shown else None
        if model is None or model.since > day or model.is_retired(day):
            return None
        return model if operation_called(self._operation).suits(model) else None

    def _of_model(self, body: Any) -> Iterator[Violation]:
        name = model_of(body)
        if not name or made_up(name) or self._reply.status == _KEY_REFUSED:
            return
        model = model_on(self._provider, name, self._day)
        listed = f"a model that `llmcontract models {self._provider}` lists"
        if model is None or (model.since > self._day and not self._success):
            message = f"the model {name!r} {'is not known' if self._success else 'does not exist'}"
            fix = f"add it to the test: models={{{name!r}: {{…}}}}" if self._success else f"choose {listed}"
            yield self._finding(
                "LLM103",
                message,
                "request",
                severity=self._of_a_day("error") if model else self._denied,
                path="$.model",
                sent=name,
                allowed=listed,
                fix=fix,
            )
        elif model.is_retired(self._day):
            message = f"the model {name!r} is retired since {model.retired}"
            severity = self._of_a_day(self._denied)
            yield self._finding(
                "LLM104", message, "request", severity=severity, path="$.model", sent=name, fix=f"choose {listed}"
            )
        elif not self._success and not (asked := operation_called(self._operation)).suits(model):
            message = f"{name} is of the type {model.type!r} and does no {asked.does}"
            severity = self._of_a_day("error")
            allowed = f"a model of the type {' or '.join(asked.models)}"
            yield self._finding(
                "LLM102", message, "request", severity=severity, path="$.model", sent=name, allowed=allowed
            )

    @property
    def _denied(self) -> Severity:
        """How grave it is that there is no such model: no error where the provider answered, or had no time to look."""
        looked = not self._success and self._reply.status < 500 and self._reply.status not in _BEFORE_THE_MODEL
        return "error" if looked else "warning"

    def _of_a_day(self, severity: Severity) -> Severity:
        """What only the day makes wrong is no error where nobody knows the day."""
        return "warning" if self._uncertain else severity

    # The reply.

    def _of_reply(self) -> Iterator[Violation]:
        if self._reply.events is not None:
            events, torn = parsed_events(self._said)
            if torn is not None:
                yield self._finding("LLM201", f"event {torn} of the stream is no JSON", "response", path=f"$[{torn}]")
            yield from self._of_promise(lambda promise: promise.check_events(events))
            return
        body = parsed_json(self._said)
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

        for mismatch, severity in self._weighed(on):
            yield self._of_mismatch(mismatch, "response", severity)

    # Both.

    def _weighed(self, check: Callable[[date], tuple[Mismatch, ...]]) -> Iterator[tuple[Mismatch, Severity]]:
        """What is wrong on the day, and how grave it is: less so if the day is uncertain and another would have it."""
        found = check(self._day)
        others = list(self._others(check)) if self._uncertain and 0 < len(found) <= _MOST_BY_A_DAY else []
        for mismatch in found:
            only_then = any((mismatch.code, mismatch.path) not in wrong for wrong in others)
            yield mismatch, "warning" if only_then else RULES[mismatch.code].severity

    def _others(self, check: Callable[[date], tuple[Mismatch, ...]]) -> Iterator[set[tuple[str, str]]]:
        """What is wrong on the days of the editions."""
        for day in edition_dates(self._provider):
            yield {(mismatch.code, mismatch.path) for mismatch in check(day)}

    def _of_mismatch(self, mismatch: Mismatch, part: str, severity: Severity, answer: str = "") -> Violation:
        return self._finding(
            mismatch.code,
            mismatch.message,
            part,
            severity,
            path=mismatch.path,
            sent=mismatch.sent,
            allowed=mismatch.allowed,
            contract=mismatch.schema,
            answer=answer,
            fix=mismatch.fix,
        )

    def _finding(
        self, code: str, message: str, part: str = "", severity: Severity | None = None, **parts: Any
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
