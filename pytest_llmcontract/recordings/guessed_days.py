"""The day of an interaction that does not tell it: one that its own content allows.

A request cannot name a model before there was one, nor a reply carry a key before its first day. So each day of an
edition is asked what would be wrong on it, and the one with the least is taken, the nearest to what is told beside the
interaction, by default the newest. A 401 says nothing of the model: the key comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.contract.schemas import dated_schema
from pytest_llmcontract.core.facts.load import edition_dates, model_on
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.dates import days_of, moment_of
from pytest_llmcontract.recordings.events import parsed_events
from pytest_llmcontract.recordings.providers import operation_of


class Day(NamedTuple):
    """When an interaction took place."""

    date: date
    guessed: bool = False
    """Nothing in the interaction tells it."""
    older: bool = False
    """It lies before the first edition of the provider: the facts may not reach as far."""


def guessed_days(cassette: Cassette, providers: Sequence[str | None]) -> list[Day | None]:
    """The day of each interaction; ``None`` for one with no provider.

    Args:
        providers: Whose each interaction is.
    """
    return list(_days(cassette, providers))


def _days(cassette: Cassette, providers: Sequence[str | None]) -> Iterator[Day | None]:
    beside = days_of(cassette)
    said_by_us = cassette.metadata is not None
    likely: dict[str, date] = {}
    for interaction, provider, near in zip(cassette.interactions, providers, beside, strict=True):
        if provider is None:
            yield None
            continue
        first = edition_dates(provider)[0]
        if near is not None and (said_by_us or moment_of(interaction)):
            yield Day(near, older=near < first)
            continue
        if near is None:
            if provider not in likely:
                likely[provider] = _likely_day(provider, cassette, providers)
            near = likely[provider]
        yield Day(_allowed(provider, interaction, near), guessed=True, older=near < first)


def _likely_day(provider: str, cassette: Cassette, providers: Sequence[str | None]) -> date:
    """For a cassette without any date: the newest edition in which every model that answered still does."""
    answered = {
        name
        for interaction, whose in zip(cassette.interactions, providers, strict=True)
        if whose == provider and interaction.reply.status < 400 and (name := model_of(judged_body(interaction.request)))
    }
    newest_first = edition_dates(provider)[::-1]
    return next(
        (day for day in newest_first if all(_answers(provider, name, day) for name in answered)), newest_first[0]
    )


def _allowed(provider: str, interaction: Interaction, near: date) -> date:
    days = sorted(edition_dates(provider), key=lambda day: abs(day - near))
    if near not in days:
        days.insert(0, near)
    content = _Content.of(provider, interaction)
    found, least = near, content.wrong_on(near)
    for day in days[1:]:
        if not any(least):
            break
        if (wrong := content.wrong_on(day)) < least:
            found, least = day, wrong
    return found


class _Content(NamedTuple):
    provider: str
    operation: str
    status: int
    asked: Any
    answered: Sequence[Any]
    """The events of a stream, or the body alone."""
    streamed: bool

    @classmethod
    def of(cls, provider: str, interaction: Interaction) -> _Content:
        request, reply = interaction.request, interaction.reply
        streamed = reply.events is not None
        answered = parsed_events(reply.text)[0] if streamed else [reply.json]
        operation = operation_of(provider, request.method, request.path)
        return cls(provider, operation, reply.status, judged_body(request), answered, streamed)

    def wrong_on(self, day: date) -> tuple[bool, bool, int, bool]:
        """The model, the request, places in the reply, keys of it that are none yet."""
        name = model_of(self.asked)
        there = not name or _answers(self.provider, name, day)
        success = self.status < 400
        return success and not there, success and self._is_refused(day), *self._in_reply(day)

    def _is_refused(self, day: date) -> bool:
        contract = contracts_of(self.provider, day).get(self.operation)
        if contract is None or self.asked is None:
            return False
        # Whether is quicker to say than what.
        accepts = dated_schema(contract.file.removeprefix("schemas/"), day).accepts
        return not accepts(self.asked) or bool(contract.check(self.asked))

    def _in_reply(self, day: date) -> tuple[int, bool]:
        promise = reply_contract(self.provider, self.operation, day)
        form = promise and (promise.event if self.streamed else promise.reply if self.status < 400 else promise.error)
        if not promise or not form or None in self.answered:
            return 0, False
        if form.schema.accept(self.answered):
            return 0, False
        wrong = promise.check_events(self.answered) if self.streamed else promise.check(self.status, self.answered[0])
        return len(wrong), True


def model_of(body: Any) -> str:
    """The model that a request names."""
    name = body.get("model") if isinstance(body, Mapping) else None
    return name if isinstance(name, str) else ""


def _answers(provider: str, name: str, day: date) -> bool:
    """Whether *name* answers on *day*; one that no day has heard of does on any."""
    model = model_on(provider, name, day)
    return model is None or (model.since <= day and not model.is_retired(day))
