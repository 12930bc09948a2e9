"""Dates: retirements, a clock that begins elsewhere, and other libraries that move time in the same test."""

from __future__ import annotations

import datetime as dt
import time
from datetime import UTC, datetime

import freezegun
import groq
import pytest
import time_machine
import together

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Say hello"}]


def ask(model=MODEL, **settings):
    return groq.Groq(**settings).chat.completions.create(model=model, messages=HELLO)


# Retirements.

LLAMA = "llama-3.3-70b-versatile"


@pytest.mark.groq_api(edition="2026-06-04")
@pytest.mark.llm_allow("LLM104")
def test_a_model_answers_until_its_last_day(groq_api, llm_clock):
    retired = groq_api.edition.models[LLAMA].retired
    assert ask(LLAMA).choices

    llm_clock.travel_to(datetime.combine(retired, dt.time(12), UTC))

    with pytest.raises(groq.NotFoundError) as refused:
        ask(LLAMA)
    assert refused.value.body["error"]["code"] == "model_not_found"
    assert LLAMA not in {model.id for model in groq.Groq().models.list().data}
    assert groq_api.calls[1].reply.error == "model_not_found"


def test_a_retired_model_fails_the_test_that_uses_it(pytester, run_pytest):
    pytester.makepyfile(
        f"""
        import groq, pytest
        from datetime import datetime

        @pytest.mark.groq_api(edition="2026-06-04")
        @pytest.mark.llm_clock(start=datetime(2027, 6, 1))
        def test_it(groq_api):
            try:
                groq.Groq().chat.completions.create(model="{LLAMA}", messages=[{{"role": "user", "content": "x"}}])
            except groq.NotFoundError:
                pass
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*LLM104 groq chat.completions: the model '{LLAMA}' is retired since *"])


# Where the clock begins.


def test_noon_of_the_edition(groq_api, llm_clock):
    assert llm_clock.now == datetime.combine(groq_api.edition.date, dt.time(12), UTC)


def test_noon_of_the_earlier_of_two(groq_api, together_api, llm_clock):
    earlier = min(groq_api.edition.date, together_api.edition.date)
    assert llm_clock.now == datetime.combine(earlier, dt.time(12), UTC)


@pytest.mark.llm_clock(start=datetime(2026, 11, 30, 23, 59, tzinfo=dt.timezone(dt.timedelta(hours=1))))
def test_a_start_of_ones_own(groq_api, llm_clock):
    assert llm_clock.now == datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
    answer = ask()
    assert datetime.fromtimestamp(answer.created, UTC) == llm_clock.now
    assert groq_api.calls.last.reply.headers["date"] == "Mon, 30 Nov 2026 22:59:00 GMT"


def test_the_wall_stays_real_unless_asked(groq_api, llm_clock):
    llm_clock.advance(days=1000)

    assert abs(time.time() - llm_clock.now.timestamp()) > 86_400 * 300


@pytest.mark.llm_clock(wall=True)
def test_the_wall_moves_along(groq_api, llm_clock):
    assert datetime.now(UTC).date() == llm_clock.now.date()
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    before = time.time()
    ask()
    assert time.time() - before == pytest.approx(30, abs=1)

    llm_clock.travel_to(datetime(2027, 1, 1, 0, 0))
    assert datetime.now(UTC).year == dt.date.today().year == 2027


@pytest.mark.llm_clock(mode="real")
def test_real_time_passes_by_itself(groq_api, llm_clock):
    before = llm_clock.elapsed
    groq_api.fail("over_capacity", retry_after=0.02)

    ask()

    assert llm_clock.elapsed - before >= 0.02
    llm_clock.advance(days=1)
    assert llm_clock.elapsed > 86_400


# Libraries that move time, in the same test.


@freezegun.freeze_time("2030-05-01")
def test_freezegun_around_the_test(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30, times=2)

    ask()

    assert llm_clock.slept == llm_clock.elapsed == 60
    assert datetime.now().year == 2030


def test_freezegun_in_a_process_that_has_loaded_nothing_of_ours_before(pytester, run_pytest):
    """It looks at every name that a module lists: none of them may be imported by that."""
    pytester.makepyfile(
        """
        import freezegun, groq

        @freezegun.freeze_time("2030-05-01")
        def test_frozen(groq_api):
            groq.Groq().models.list()
        """
    )

    run_pytest().assert_outcomes(passed=1)


def test_freezegun_within_the_test(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    with freezegun.freeze_time("2030-05-01") as frozen:
        ask()
        frozen.tick(60)
        ask()

    assert llm_clock.elapsed == 30


@freezegun.freeze_time("2030-05-01", real_asyncio=True)
async def test_freezegun_and_a_loop(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    await groq.AsyncGroq().chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 30


@time_machine.travel("2030-05-01", tick=False)
def test_time_machine_around_the_test(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30, times=2)

    ask()

    assert llm_clock.elapsed == 60
    assert datetime.now().year == 2030


def test_time_machine_within_the_test(groq_api, together_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    with time_machine.travel(datetime(2030, 5, 1, tzinfo=UTC), tick=True) as traveller:
        ask()
        traveller.shift(1000)
        together.Together().chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 30


async def test_time_machine_and_a_loop(groq_api, llm_clock, time_machine):
    time_machine.move_to("2030-05-01", tick=False)
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    await groq.AsyncGroq().chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 30


def test_going_back_is_refused(groq_api, llm_clock):
    with pytest.raises(ValueError, match="cannot go back in time"):
        llm_clock.travel_to(datetime(2020, 1, 1))
