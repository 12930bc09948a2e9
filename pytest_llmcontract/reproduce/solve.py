"""From a paste to its reproduction: try the states that may be meant until one answers with what was pasted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_date, edition_dates, edition_on, last_days
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.reproduce.catalogue import Reading, constants, readings, usual
from pytest_llmcontract.reproduce.limits import honest, read_refusal
from pytest_llmcontract.reproduce.limits import scenarios as limit_scenarios
from pytest_llmcontract.reproduce.mistakes import mistakes, speaks_of_form
from pytest_llmcontract.reproduce.paste import Paste, fields_in, plain, words_in
from pytest_llmcontract.reproduce.scenario import Fault, Played, Scenario, play
from pytest_llmcontract.reproduce.signs import signs_of
from pytest_llmcontract.reproduce.states import newest_with, plain_call, states, word_for_word

TRIES = 120
"""States that are tried for one paste."""
OF_LIMITS = 6
LIKELY = 4
"""Errors of the catalogue that are tried for one text."""
COPIED = frozenset(
    {"model_not_found", "invalid_api_key", "context_length_exceeded", "rate_limit_exceeded", "unknown_url"}
)
"""Codes that many providers send: they tell nothing of whose an error is."""
WHOSE_CODES = "OpenAI"
"""Whose they were first."""


@dataclass(frozen=True)
class Reproduction:
    """A paste, met again."""

    played: Played
    natural: bool
    """The simulator's own rules and texts gave it."""
    identical: bool
    notes: tuple[str, ...]
    paste: Paste

    def with_notes(self, *notes: str) -> Reproduction:
        return replace(self, notes=(*self.notes, *notes))


def solve(paste: Paste, *, provider: str | None = None, edition: str | None = None) -> Reproduction | None:
    """Reproduce *paste*; ``None`` if it is no error of a provider that is simulated.

    Args:
        provider: Whose it is, whatever the text tells.

    Raises:
        BadInput: No such provider or edition.
    """
    names = provider_names() if provider is None else (provider,)
    days = _days(names, edition)
    if paste.message is not None:
        return _solved(paste, provider, days)
    if (fields := _in_fields(paste, provider, days)) is not None:
        return _solved(fields, provider, days)
    if (found := _whole(paste, provider, days)) is not None:
        return found
    worded = [words for words in words_in(paste) if not _speaks_of_http(words.whole)]
    for words in worded:
        if _known(words, provider, days) and (found := _solved(words, provider, days)) is not None:
            return found
    if paste.owner.other is None or provider is not None:
        found = _solved(paste, provider, days, words=False)
        if found is not None:
            return found
    for words in reversed(worded):
        told = words.status is not None and (words.providers or provider is not None)
        if told and (found := _solved(words, provider, days)) is not None:
            return found
    return _solved(replace(paste, message=""), provider, days) if _only_status(paste, provider) else None


def told_lines(paste: Paste) -> list[Paste]:
    """The errors of a text without a body, each in words that the provider is known to use; of equal ones the first."""
    names = provider_names()
    found: dict[str, Paste] = {}
    for words in words_in(paste):
        refusal = read_refusal(words)
        whole = refusal is not None and (refusal.requested is not None or refusal.wait is not None)
        if whole or any(reading.whole and not reading.family for reading in readings(words, names)):
            found.setdefault(words.plain, words)
    return list(found.values())


def _speaks_of_http(words: str) -> bool:
    return "HTTP/1" in words or " for url" in words or "HTTP/2" in words


def _only_status(paste: Paste, provider: str | None) -> bool:
    told = paste.status is not None and paste.status >= 400
    return told and bool(paste.providers or provider) and not paste.guessed_status


def _in_fields(paste: Paste, provider: str | None, days: Mapping[str, tuple[date, ...]]) -> Paste | None:
    """An error without words, where its status or something around it tells whose fields they are."""
    names = _names(paste, provider, days)
    sure = provider is not None or bool(paste.providers)
    told = (found for found in fields_in(paste) if sure or found.status is not None)
    return next((found for found in told if readings(found, names)), None)


def _whole(paste: Paste, provider: str | None, days: Mapping[str, tuple[date, ...]]) -> Reproduction | None:
    """A text that is an error's and nothing more."""
    names = _names(paste, provider, days)
    if any(reading.whole and not reading.family for reading in readings(paste, names)):
        return _solved(paste, provider, days, words=False)
    return None


def _known(paste: Paste, provider: str | None, days: Mapping[str, tuple[date, ...]]) -> bool:
    names = _names(paste, provider, days)
    return any(reading.whole or reading.family for reading in readings(paste, names)) or _sdk_status(paste) is not None


def _names(paste: Paste, provider: str | None, days: Mapping[str, tuple[date, ...]]) -> tuple[str, ...]:
    """The providers whose error it may be."""
    if provider is not None:
        return (provider,)
    if paste.owner.other is not None:
        return ()
    return tuple(name for name in days if name in paste.providers or not paste.providers)


def _sdk_status(paste: Paste) -> tuple[str, int] | None:
    """The provider whose SDK says so, and the status for which it does."""
    told = ((name, words, status) for name in provider_names() for words, status in signs_of(name).sdk_words.items())
    return next(
        ((name, status) for name, words, status in told if paste.whole == words and paste.status in (None, status)),
        None,
    )


def _solved(
    paste: Paste, provider: str | None, days: Mapping[str, tuple[date, ...]], *, words: bool = True
) -> Reproduction | None:
    names = _names(paste, provider, days)
    if not names:
        return None
    sdk = _sdk_status(paste) if paste.message else None
    if sdk is not None and sdk[0] in names:
        spoken = replace(paste, message="", status=sdk[1], in_body=False)
        found = _Search(spoken, {sdk[0]: days[sdk[0]]}, sure=True).found()
        return found and replace(found, notes=(_SDK_WORDS,))
    sure = provider is not None or bool(paste.providers)
    return _Search(paste, {name: days[name] for name in names}, sure=sure, words=words).found()


class _Search:
    def __init__(
        self, paste: Paste, days: Mapping[str, tuple[date, ...]], *, sure: bool = False, words: bool = True
    ) -> None:
        self.paste = paste
        self._days = days
        self.providers = tuple(days)
        self.sure = sure
        """Something beside the words tells whose it is."""
        self.words = words
        """Unknown words may be the provider's."""
        self.nearest: Played | None = None
        self.alike: Played | None = None
        self.refusal = read_refusal(paste) if "groq" in self.providers else None

    def days(self, provider: str) -> tuple[date, ...]:
        """The days whose facts may hold: the editions, newest first, then those between and before."""
        return self._days[provider]

    def found(self) -> Reproduction | None:
        known = [reading for reading in readings(self.paste, self.providers) if self._may_be(reading)][:LIKELY]
        best = self._first(self._natural(known))
        if best is not None:
            return self._made(best)
        if self.refusal is not None or known or self.nearest is not None or self._ours():
            return self._less(known)
        return None

    def _may_be(self, reading: Reading) -> bool:
        """Whether the body looks like that provider's, where nothing else tells whose it is."""
        null = "param" in self.paste.fields and self.paste.fields["param"] is None
        return self.sure or self.paste.body is None or signs_of(reading.provider).nulls or not null

    def _ours(self) -> bool:
        """Whether words that nobody knows are still one of these providers' errors."""
        if not self.words:
            return False
        if self.sure:
            return True
        code = self.paste.code
        return code not in COPIED and any(
            code is not None and constants(spec).get("code") == code
            for name in self.providers
            for spec in edition_on(name, self.days(name)[0]).errors.values()
        )

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
            played = self._tried(scenario)
            if played is None:
                continue
            if self._identical(played):
                if self._same_fields(played):
                    return played
                self.alike = self.alike or played
            self._keep(played)
        return None if self.paste.body is not None and self.refusal is None else self.alike

    def _tried(self, scenario: Scenario) -> Played | None:
        """What comes of it, if it is what the scenario is for."""
        try:
            played = play(scenario, **self._ids())
        except BadInput:
            return None
        return played if self._meant(played) else None

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
        certain = paste.status is not None and not paste.guessed_status and not paste.in_stream
        if certain and played.reply.status != paste.status:
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
        """Whether the rest is the same: what was pasted, and, of a whole body, what it does not have."""
        skipped = {"status_code"}
        if any(played.error.get(name) != value for name, value in self.paste.fields.items() if name not in skipped):
            return False
        if self.paste.body is not None and isinstance(self.paste.body.get("error"), str):
            return bool(played.reply.events is not None or played.reply.json == self.paste.body)
        if self.paste.body is None or self.paste.type is None:
            return True
        return all(_word(played.error.get(name)) == _word(_error(self.paste).get(name)) for name in ("code", "param"))

    # What is left where nothing is.

    def _less(self, known: list[Reading]) -> Reproduction | None:
        """The paste word for word, where the rule says the same in another form, or nothing about it."""
        nearest = self.nearest
        if nearest is not None and not self._to_be_taken_as_it_is(nearest):
            return self._made(nearest)
        for scenario in self._word_for_word(known):
            played = self._tried(scenario)
            if played is None:
                continue
            if self._identical(played) and self._same_fields(played):
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
        return not (self.paste.cut and rule.startswith(text.rstrip(" .")))

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
                yield self._told(self._with_body(reading, edition))
        for provider in self.providers:
            yield from self._usual(provider)

    def _usual(self, provider: str) -> Iterator[Scenario]:
        """What a provider's unknown words are given as."""
        edition = edition_on(provider, self.days(provider)[0])
        spec = usual(self.paste, edition)
        if spec is None and speaks_of_form(self.paste):
            spec = edition.error(400)
        if spec is None:
            return
        reading = Reading(provider, spec, {}, True)
        if not self.paste.whole:
            yield plain_call(reading, edition, spec).with_fault(Fault(spec.name)).with_why(_ONLY_STATUS)
            return
        yield self._told(word_for_word(reading, self.paste, edition, self.paste.whole))
        yield self._told(self._with_body(reading, edition))

    def _with_body(self, reading: Reading, edition: Edition) -> Scenario:
        """The error by ``fail()``, with the very body: the pasted one, or the catalogue's with what was pasted."""
        paste, spec = self.paste, edition.errors[reading.name]
        told = {"message": paste.message or paste.whole, "type": paste.type, "code": paste.code}
        body = paste.body
        if body is None:
            error = {**constants(spec), **{name: value for name, value in told.items() if value is not None}}
            body = {"error": {**error, **paste.fields}}
            body = {"id": paste.id, **body} if paste.id else body
        elif isinstance(body.get("error"), dict):
            body = {**body, "error": {**body["error"], "message": _inner(body["error"], paste.whole)}}
        return plain_call(reading, edition, spec).with_fault(Fault(spec.name, body=body))

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
        cut = not identical and bool(text) and rule.startswith(text.rstrip(" .…"))
        if cut and (self.paste.cut or not self.paste.in_body):
            notes.append("The text was cut off; the rest follows from it.")
        elif not identical and not notes:
            notes.append("The text that was pasted is not quite this; the provider's own is given.")
        if router := _ROUTER.search(self.paste.whole):
            notes.append(f"{router[0]!r} is a router's; the provider does not say it.")
        if self.paste.taken_off:
            notes.append(f"What stood around the provider's text was taken off: {self.paste.taken_off[:200]}")
        notes += [f"{name} is made up: what was pasted does not say it." for name in self._made_up(played)]
        return Reproduction(played, played.scenario.natural, identical, tuple(notes), self.paste)

    def _made_up(self, played: Played) -> list[str]:
        """Parts of the error that nothing in the paste tells, and no rule."""
        usual = {"message", "type", "code", "param", "status_code"}
        return [name for name in played.error if name not in usual and name not in self.paste.fields]


_ROUTER = re.compile(r"\(request id: [^)]{1,80}\)$")
_SDK_WORDS = "The words are the SDK's own: the provider's reply stands in their place."
_ONLY_STATUS = "Only the status was pasted: the text is the provider's usual one for it."


def _error(paste: Paste) -> Mapping[str, Any]:
    error = (paste.body or {}).get("error")
    return error if isinstance(error, dict) else {}


def _inner(error: Mapping[str, Any], message: str) -> Any:
    """A message in the shape that the pasted error had."""
    inner = error.get("message")
    return {**inner, "message": message} if isinstance(inner, dict) else message


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
