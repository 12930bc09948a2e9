"""From a paste to its reproduction: try the states that may be meant until one answers with what was pasted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.load import edition_date, edition_dates, edition_on, last_days
from pytest_llmcontract.reproduce.catalogue import Reading, by_code, readings
from pytest_llmcontract.reproduce.limits import honest, read_refusal
from pytest_llmcontract.reproduce.limits import scenarios as limit_scenarios
from pytest_llmcontract.reproduce.mistakes import mistakes, speaks_of_form
from pytest_llmcontract.reproduce.paste import Paste, plain
from pytest_llmcontract.reproduce.scenario import Fault, Played, Scenario, play
from pytest_llmcontract.reproduce.states import newest_with, states, word_for_word

TRIES = 120
"""States that are tried for one paste."""
OF_LIMITS = 6
LIKELY = 4
"""Errors of the catalogue that are tried for one text."""
PROVIDERS = ("groq", "together")


@dataclass(frozen=True)
class Reproduction:
    """A paste, met again."""

    played: Played
    natural: bool
    """The simulator's own rules and texts gave it."""
    identical: bool
    notes: tuple[str, ...]
    paste: Paste


def solve(paste: Paste, *, provider: str | None = None, edition: str | None = None) -> Reproduction | None:
    """Reproduce *paste*; ``None`` if it is no error anybody knows.

    Raises:
        BadInput: No such provider or edition.
    """
    search = _Search(paste, provider, edition)
    return search.found()


class _Search:
    def __init__(self, paste: Paste, provider: str | None, edition: str | None) -> None:
        self.paste = paste
        self._days = _days(PROVIDERS if provider is None else (provider,), edition)
        self.providers = tuple(self._days)
        self.nearest: Played | None = None
        self.alike: Played | None = None
        self.refusal = read_refusal(paste) if "groq" in self.providers else None

    def days(self, provider: str) -> tuple[date, ...]:
        """The days whose facts may hold: the editions, newest first, then those between and before."""
        return self._days[provider]

    def found(self) -> Reproduction | None:
        known = readings(self.paste, self.providers)[:LIKELY]
        best = self._first(self._natural(known))
        if best is not None:
            return self._made(best)
        if self.refusal is not None or known or self.nearest is not None:
            return self._less(known)
        reading = by_code(self.paste, self.providers)
        if reading is None:
            return None
        return self._less([reading])

    def _natural(self, known: list[Reading]) -> Iterator[Scenario]:
        if self.refusal is not None:
            yield from islice(limit_scenarios(self.refusal, self.days("groq")), OF_LIMITS)
            return
        model = next((reading.values["model"] for reading in known if "model" in reading.values), "")
        for provider in self.providers:
            for day in self.days(provider):
                yield from mistakes(self.paste, provider, edition_on(provider, day), model)
        for reading in known:
            for day in self.days(reading.provider):
                yield from states(reading, self.paste, edition_on(reading.provider, day))

    def _first(self, scenarios: Iterator[Scenario]) -> Played | None:
        """The first that answers with what was pasted."""
        for scenario in islice(scenarios, TRIES):
            try:
                played = play(scenario, **self._ids())
            except BadInput:
                continue
            if not self._meant(played):
                continue
            if self._identical(played):
                if self._same_fields(played):
                    return played
                self.alike = self.alike or played
            self._keep(played)
        return self.alike

    def _keep(self, played: Played) -> None:
        """Remember what comes nearest to the paste."""
        if self.nearest is None or self._nearness(played) > self._nearness(self.nearest):
            self.nearest = played

    def _nearness(self, played: Played) -> int:
        text, rule = self.paste.plain_whole, plain(played.message)
        if text == rule:
            return 3
        return 2 if rule in text or rule.startswith(text) else 1

    def _meant(self, played: Played) -> bool:
        """Whether the answer is the error that the scenario is for, and not one that came before it."""
        scenario = played.scenario
        if scenario.fault is not None:
            return played.reply.scripted
        return played.reply.error == scenario.error or (self.refusal is not None and played.reply.status in (413, 429))

    def _ids(self) -> dict[str, str]:
        id = self.paste.id or self.paste.headers.get("x-request-id")
        return {"request_id": id} if id else {}

    # What is the same.

    def _identical(self, played: Played) -> bool:
        paste, error = self.paste, played.error
        if paste.status is not None and played.reply.status != paste.status and not paste.in_stream:
            return False
        if paste.in_stream and played.reply.events is None:
            return False
        told = (("type", paste.type), ("code", paste.code))
        if any(value is not None and _word(error.get(name)) != value for name, value in told):
            return False
        return self._same_text(played)

    def _same_text(self, played: Played) -> bool:
        if self.paste.message is not None:
            return played.message == self.paste.message
        return played.message in self.paste.text

    def _same_fields(self, played: Played) -> bool:
        skipped = {"status_code"}
        return all(played.error.get(name) == value for name, value in self.paste.fields.items() if name not in skipped)

    # What is left where nothing is.

    def _less(self, known: list[Reading]) -> Reproduction | None:
        """The paste word for word, where the rule says the same in another form, or nothing about it."""
        nearest = self.nearest
        if nearest is not None and not self._to_be_taken_as_it_is(nearest):
            return self._made(nearest)
        for scenario in self._word_for_word(known):
            played = play(scenario, **self._ids())
            if self._meant(played) and self._identical(played):
                return self._made(played)
            nearest = nearest or played
        return self._made(nearest) if nearest is not None else None

    def _to_be_taken_as_it_is(self, nearest: Played) -> bool:
        """Whether the pasted text is whole, and not what the rules would say in its place."""
        text, rule = self.paste.plain_whole, plain(nearest.message)
        if self.refusal is not None:
            return text == rule
        if self.paste.message is None:
            return text == rule or (rule.startswith(text) and text[-1:] in ".!?")
        return True

    def _word_for_word(self, known: list[Reading]) -> Iterator[Scenario]:
        if self.nearest is not None and (self.refusal is not None or not known):
            scenario = self.nearest.scenario
            fault = Fault(self.nearest.reply.error or scenario.error, self.paste.whole)
            if self.refusal is not None:
                fault = replace(fault, limit=self.refusal.kind, retry_after=self.nearest.reply.retry_after)
            yield scenario.with_fault(fault).with_why(
                f"The text is not quite the provider's, which would be: {self.nearest.message}"
            )
            return
        for reading in known:
            edition = newest_with(reading, self.days(reading.provider))
            if edition is not None:
                yield self._told(word_for_word(reading, self.paste, edition, self.paste.whole))
        if speaks_of_form(self.paste) and "groq" in self.providers:
            day = self.days("groq")[0]
            spec = edition_on("groq", day).errors["bad_request"]
            yield word_for_word(Reading("groq", spec, {}, True), self.paste, edition_on("groq", day), self.paste.whole)

    def _told(self, scenario: Scenario) -> Scenario:
        """A refusal that is given word for word still must not lie about its wait."""
        if self.refusal is None or scenario.fault is None:
            return scenario
        text, notes = honest(self.refusal, self.paste.whole)
        wait = self.refusal.wait if text == self.paste.whole else None
        fault = Fault(scenario.fault.error, text or None, limit=self.refusal.kind, retry_after=wait and math.ceil(wait))
        return scenario.with_fault(fault).with_why(*notes)

    def _made(self, played: Played) -> Reproduction:
        identical = self._identical(played)
        notes = list(played.scenario.why)
        text, rule = self.paste.plain_whole, plain(played.message)
        if not identical and rule.startswith(text):
            notes.append("The text was cut off; the rest follows from it.")
        elif not identical and not notes:
            notes.append("The text that was pasted is not quite this; the provider's own is given.")
        return Reproduction(played, played.scenario.natural, identical, tuple(notes), self.paste)


def _days(providers: tuple[str, ...], edition: str | None) -> dict[str, tuple[date, ...]]:
    """The days to try by provider; without the providers of which nothing is known so early.

    Raises:
        BadInput: *edition* is no date, or earlier than all of them.
    """
    if edition is None:
        return {provider: _all_days(provider) for provider in providers}
    found: dict[str, tuple[date, ...]] = {}
    problems = []
    for provider in providers:
        try:
            found[provider] = (edition_date(provider, edition),)
        except BadInput as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    return found


def _all_days(provider: str) -> tuple[date, ...]:
    editions = edition_dates(provider)
    between = [day for day in reversed(last_days(provider)) if day not in editions]
    return (*reversed(editions), *between)


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
