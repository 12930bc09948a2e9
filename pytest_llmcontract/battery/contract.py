"""``ClientContract``: a class of tests, one for each thing that a provider does to a client."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from pytest_llmcontract import options
from pytest_llmcontract.battery.running import Attempt
from pytest_llmcontract.battery.staging import UNSUITED, Staged
from pytest_llmcontract.core.battery.answer import finish_of, text_of
from pytest_llmcontract.core.battery.behaviours import Behaviour, behaviours_of, outcomes
from pytest_llmcontract.core.battery.verdict import Observed, Verdict, judge, never_asked, not_applicable
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.verdict import verdict_of

Expected = str | type[Exception] | Sequence[str | type[Exception]]
_LEFT_OUT = "not applicable"


class ClientContract:
    """The battery for one client: subclass it in a test module, and pytest runs a test for each behaviour.

    Set ``provider``, and write ``call`` (and ``stream``, if the client streams)::

        class TestOurClient(ClientContract):
            provider = "groq"

            def call(self):
                return summarise("a text")

    ``call`` and ``stream`` may be asynchronous, and may name fixtures. ``stream`` reads the answer as a stream and
    returns it, or yields its pieces. What a client of its own kind returns is read by ``text`` and ``finish``.

    Raises:
        BadInput: When the class is made: something that is set is not known; the message lists what is.
    """

    provider: ClassVar[str] = ""
    """Whom the client asks, ``groq``."""
    fallbacks: ClassVar[Sequence[str]] = ()
    """What the client falls back to: names of other providers, which are simulated too, or models. Where a provider
    does not answer, a client that has some must use them."""
    expect: ClassVar[Mapping[str, Expected]] = {}
    """Behaviour -> what alone may come of it: an outcome, a class of exceptions, or several of either;
    ``"not applicable: why"`` leaves it out."""
    structured: ClassVar[Mapping[str, Any] | None] = None
    """The whole answer of a client that asks for an object; its texts should be long and differ."""
    patience: ClassVar[float | None] = None
    """Virtual seconds after which the client hangs, in place of an hour."""
    behaviours: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Behaviours of one's own beside those of the battery, in the same form."""

    def text(self, result: Any) -> str:
        """The text in what ``call`` or ``stream`` gave; of a stream in the list of its pieces."""
        return text_of(result)

    def finish(self, result: Any) -> str:
        """Why the answer ended, where the result itself says so, ``length``; else an empty text."""
        return finish_of(result)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.provider:
            _make_tests(cls)


def _make_tests(cls: type[ClientContract]) -> None:
    """Give *cls* a test for each behaviour of its provider, but for those it has written itself."""
    if cls.provider not in provider_names():
        raise unknown(f"provider of {cls.__qualname__}", cls.provider, provider_names())
    if not any(hasattr(cls, name) for name in ("call", "stream")):
        return
    known = {behaviour.id: behaviour for behaviour in behaviours_of(cls.provider, cls.behaviours)}
    _check_expect(cls, known)
    for name in [name for name in dir(cls) if hasattr(getattr(cls, name), "llm_behaviour")]:
        setattr(cls, name, None)  # of another provider, that of a class above
    for behaviour in known.values():
        if getattr(cls, f"test_{behaviour.id}", None) is None:
            setattr(cls, f"test_{behaviour.id}", _test_of(cls, behaviour))


def _check_expect(cls: type[ClientContract], known: Collection[str]) -> None:
    for behaviour, expected in cls.expect.items():
        if behaviour not in known:
            raise unknown(f"behaviour in {cls.__qualname__}.expect", behaviour, known)
        for each in _several(expected):
            if isinstance(each, type) and issubclass(each, Exception):
                continue
            if not isinstance(each, str) or (each not in outcomes() and not each.startswith(_LEFT_OUT)):
                accepted = f"{', '.join(outcomes())}, a class of exceptions, 'not applicable: why'"
                raise BadInput(f"{cls.__qualname__}.expect[{behaviour!r}] is {each!r}; accepted: {accepted}")


def _several(expected: Expected) -> tuple[str | type[Exception], ...]:
    return (expected,) if isinstance(expected, str | type) else tuple(expected)


# One test.


def _test_of(cls: type[ClientContract], behaviour: Behaviour) -> Callable[..., Any]:
    subject = getattr(cls, "stream" if behaviour.stream else "call", None)
    others = [name for name in cls.fallbacks if name in provider_names()]
    # The provider first: what a fixture of the client asks for it answers.
    needed = [*(f"{name}_api" for name in (cls.provider, *others)), "llm_clock", "llm_calls"]
    named = _fixtures(cls, subject) if subject else []
    test = _asynchronous(behaviour, needed, named) if _is_async(subject) else _plain(behaviour, needed, named)
    test.__name__ = f"test_{behaviour.id}"
    test.__qualname__ = f"{cls.__qualname__}.{test.__name__}"
    test.__module__ = cls.__module__
    test.__doc__ = f"{behaviour.what} It may come to this: {', '.join(behaviour.may)}."
    parameters = dict.fromkeys(["self", "request", *needed, *named])
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # pytest reads fixtures off it
        [inspect.Parameter(name, kind) for name in parameters]
    )
    test.llm_behaviour = behaviour.id  # type: ignore[attr-defined]
    return test


def _fixtures(cls: type[ClientContract], subject: Callable[..., Any]) -> list[str]:
    """The parameters of *subject* that are fixtures, as pytest tells them."""
    bound = not isinstance(inspect.getattr_static(cls, subject.__name__, None), staticmethod)
    found = list(inspect.signature(subject).parameters.values())[bound:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in found if each.kind in named and each.default is inspect.Parameter.empty]


def _is_async(subject: Callable[..., Any] | None) -> bool:
    return inspect.iscoroutinefunction(subject) or inspect.isasyncgenfunction(subject)


def _plain(behaviour: Behaviour, needed: list[str], named: list[str]) -> Callable[..., Any]:
    def test(self: ClientContract, request: pytest.FixtureRequest, **given: Any) -> None:
        run = _Run(self, behaviour, request, [given[name] for name in needed])
        run.attempt.make(run.begin({name: given[name] for name in named}))
        run.end()

    return test


def _asynchronous(behaviour: Behaviour, needed: list[str], named: list[str]) -> Callable[..., Any]:
    async def test(self: ClientContract, request: pytest.FixtureRequest, **given: Any) -> None:
        run = _Run(self, behaviour, request, [given[name] for name in needed])
        await run.attempt.make_async(run.begin({name: given[name] for name in named}))
        run.end()

    return test


class _Run:
    """One behaviour and one call.

    Args:
        needed: The simulated providers, the clock and the calls.
    """

    def __init__(
        self, contract: ClientContract, behaviour: Behaviour, request: pytest.FixtureRequest, needed: Iterable[Any]
    ) -> None:
        __tracebackhide__ = True
        if contract.patience is not None:
            behaviour = behaviour.model_copy(update={"deadline": contract.patience})
        *self._apis, clock, calls = needed
        self._contract = contract
        self._behaviour = behaviour
        self._item = request.node
        self._expect = _several(contract.expect.get(behaviour.id, ()))
        self._leave_out()
        self.attempt = Attempt(clock, calls, behaviour.deadline)
        self._staged = self._stage()

    def _stage(self) -> Staged:
        """Put the behaviour onto the providers; not every edition, nor every provider, has each error."""
        __tracebackhide__ = True
        heard, structured = self.attempt.heard, self._contract.structured
        try:
            return Staged(self._behaviour, self._apis[0], self._apis[1:], structured=structured, heard=heard)
        except (BadInput, TypeError) as problem:
            if self._behaviour.id in {own.get("id") for own in self._contract.behaviours}:
                pytest.fail(f"llmcontract: behaviour {self._behaviour.id!r}: {problem}", pytrace=False)
            self._say(self._not_applicable(f"{self._contract.provider} does not do that: {_first_words(problem)}"))
            raise AssertionError("skipped") from None

    def begin(self, fixtures: Mapping[str, Any]) -> Callable[[], Any]:
        """What is to be called."""
        subject = getattr(self._contract, "stream" if self._behaviour.stream else "call")
        return lambda: subject(**fixtures)

    def end(self) -> None:
        """Say what is to be said of it."""
        __tracebackhide__ = True
        self._staged.withdraw()
        self._apis[0].judge()
        self._say(self._verdict())

    def _leave_out(self) -> None:
        __tracebackhide__ = True
        kind = "stream" if self._behaviour.stream else "call"
        if not hasattr(self._contract, kind):
            self._say(self._not_applicable(f"the class has no {kind}()"))
        for each in self._expect:
            if isinstance(each, str) and each.startswith(_LEFT_OUT):
                self._say(self._not_applicable(each.partition(":")[2].strip() or "expect says so"))

    def _not_applicable(self, reason: str) -> Verdict:
        return not_applicable(self._behaviour, self._contract.provider, self._client, reason)

    @property
    def _client(self) -> str:
        return type(self._contract).__name__

    def _verdict(self) -> Verdict:
        attempt, contract = self.attempt, self._contract
        if not attempt.calls:
            return never_asked(self._behaviour, contract.provider, self._client, attempt.error)
        if self._staged.unsuited(attempt.calls):
            return self._not_applicable(UNSUITED)
        if not self._staged.struck:
            return self._not_applicable(f"what happens met none of its requests ({len(attempt.calls)})")
        observed = Observed(
            calls=attempt.calls,
            seconds=attempt.seconds,
            answers=self._staged.answers,
            text="" if attempt.error else contract.text(attempt.result),
            finish="" if attempt.error else contract.finish(attempt.result),
            error=attempt.error,
            stopped=attempt.stopped,
        )
        return judge(
            self._behaviour,
            contract.provider,
            self._client,
            observed,
            expect=self._expect,
            fallbacks=bool(contract.fallbacks),
            allowed=options.allowed_codes(self._item),
        )

    def _say(self, verdict: Verdict) -> None:
        __tracebackhide__ = True
        verdict_of(self._item).judged(verdict)
        if verdict.verdict == "not applicable":
            pytest.skip(verdict.reason)
        if verdict.verdict == "fail":
            told = f"{verdict.behaviour}: {verdict.reason}\n\n{verdict.detail}"
            pytest.fail(scrubbed(told), pytrace=False)


def _first_words(problem: Exception) -> str:
    """Without the list of what is accepted."""
    return str(problem).partition(";")[0].partition(". Did you")[0]
