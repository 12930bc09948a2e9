"""``fit``: which limit binds a workload, and how much of it fits."""

from __future__ import annotations

import re

import pytest

from pytest_llmcontract import BadInput, fit
from pytest_llmcontract.report.workload import fit_text

JUNE = "2026-06-04"

# plan, model, tokens a call, edition, what binds, calls a day, calls a minute
PUBLISHED = [
    # Tables of an article of 2026-06-04; its first row, RPD at 1,000 calls a day, contradicts its own limits.
    ("groq/free", "openai/gpt-oss-120b", 500, None, "TPD", 400, 16),
    ("groq/free", "openai/gpt-oss-120b", "2K", None, "TPD", 100, 4),
    ("groq/free", "openai/gpt-oss-120b", 8000, None, "TPD", 25, 1),
    ("groq/free", "llama-3.1-8b-instant", 500, JUNE, "TPD", 1000, 12),
    ("groq/free", "llama-3.3-70b-versatile", 1000, JUNE, "TPD", 100, 12),
    ("groq/free", "qwen/qwen3-32b", 500, JUNE, "RPD", 1000, 12),
    ("groq/free", "groq/compound", 1000, JUNE, "RPD", 250, 30),
    # A day of a limit by the minute ends it sooner than any limit by the day.
    ("groq/developer", "openai/gpt-oss-120b", 1000, JUNE, "TPM", 360_000, 250),
    ("groq/developer", "openai/gpt-oss-120b", 500, JUNE, "RPD", 500_000, 500),
    ("together/tier1", "openai/gpt-oss-120b", 300, None, "RPM", 864_000, 600),
    ("together/tier1", "openai/gpt-oss-120b", "1K", None, "TPM", 259_200, 180),
    # Rounded down: 8000 / 3000 a minute, 200000 / 3000 a day.
    ("groq/free", "openai/gpt-oss-120b", 3000, None, "TPD", 66, 2),
]


@pytest.mark.parametrize(("plan", "model", "tokens", "edition", "binding", "day", "minute"), PUBLISHED)
def test_what_binds_and_how_much_fits(plan, model, tokens, edition, binding, day, minute):
    answer = fit(plan, model, tokens_per_call=tokens, edition=edition)

    assert (answer.binding, answer.calls_per_day, answer.calls_per_minute) == (binding, day, minute)
    assert answer.fits is None


def test_the_json_answer():
    answer = fit("groq/free", "openai/gpt-oss-120b", tokens_per_call=500, calls_per_day=1000, edition=JUNE)

    assert answer.as_json() == {
        "fits": False,
        "binding": "TPD",
        "calls_per_day": 400,
        "calls_per_minute": 16,
        "limits": {"RPM": 30, "RPD": 1000, "TPM": 8000, "TPD": 200000},
        "fits_on": ["groq/developer"],
    }


@pytest.mark.parametrize(
    ("asked", "fits", "binding"),
    [
        ({"calls_per_day": 400}, True, "TPD"),
        ({"calls_per_day": 401}, False, "TPD"),
        ({"calls_per_minute": 16}, True, "TPD"),
        ({"calls_per_minute": 17}, False, "TPM"),
        ({"calls_per_minute": "16.1"}, False, "TPM"),
        ({"calls_per_minute": 31, "calls_per_day": 400}, False, "TPM"),
        ({"calls_per_minute": 17, "calls_per_day": 4000}, False, "TPD"),
        ({"calls_per_minute": 0}, True, "TPD"),
    ],
)
def test_a_workload_fits_or_names_the_limit_it_exceeds_most(asked, fits, binding):
    answer = fit("groq/free", "openai/gpt-oss-120b", tokens_per_call=500, edition=JUNE, **asked)

    assert (answer.fits, answer.binding) == (fits, binding)
    assert ("groq/free" in answer.fits_on) is fits


def test_a_call_larger_than_a_limit_never_fits():
    answer = fit("groq/free", "openai/gpt-oss-120b", tokens_per_call=8001, calls_per_day=1, edition=JUNE)

    assert (answer.fits, answer.binding, answer.calls_per_day, answer.calls_per_minute) == (False, "TPM", 0, 0)
    assert answer.fits_on == ("groq/developer",)
    assert fit("groq/free", "openai/gpt-oss-120b", tokens_per_call=8001, edition=JUNE).fits_on == ("groq/developer",)


def test_without_tokens_only_requests_count_and_it_says_so():
    answer = fit("groq/free", "openai/gpt-oss-120b", edition=JUNE)

    assert (answer.binding, answer.calls_per_day, answer.calls_per_minute) == ("RPD", 1000, 30)
    assert answer.notes == ("TPM and TPD not judged: tokens a call are not given",)


def test_limits_that_count_input_and_output_apart():
    model, day = "qwen/qwen3.8-27b", "2026-10-01"

    unknown_split = fit("groq/free", model, tokens_per_call=500, edition=day)
    assert (unknown_split.binding, unknown_split.calls_per_minute) == ("TPD", 16)
    assert unknown_split.notes == ("ITPM and OTPM not judged: output tokens a call are not given",)

    long_answers = fit("groq/free", model, tokens_per_call=500, output_tokens_per_call=250, edition=day)
    assert (long_answers.binding, long_answers.calls_per_day, long_answers.calls_per_minute) == ("TPD", 400, 4)
    assert long_answers.notes == ()

    busy = fit(
        "groq/free", model, tokens_per_call=500, output_tokens_per_call=250, calls_per_minute=5, edition=day
    )  # fmt: skip
    assert (busy.fits, busy.binding, busy.fits_on) == (False, "OTPM", ("groq/developer",))

    no_output = fit("groq/free", model, tokens_per_call=700, output_tokens_per_call=0, edition=day)
    assert no_output.calls_per_minute == 10
    assert "OTPM" not in [bound.kind for bound in no_output.bounds]


def test_audio_is_counted_in_seconds():
    answer = fit("groq/free", "whisper-large-v3-turbo", audio_seconds_per_call=600, edition=JUNE)

    assert (answer.binding, answer.calls_per_day, answer.calls_per_minute) == ("ASD", 48, 12)
    assert fit("groq/free", "whisper-large-v3-turbo", edition=JUNE).notes == (
        "ASH and ASD not judged: seconds of audio a call are not given",
    )


def test_together_opens_models_by_tier():
    model = "black-forest-labs/FLUX.1.1-pro"

    answer = fit("together/tier1", model, calls_per_day=5)
    assert (answer.fits, answer.binding, answer.calls_per_day) == (False, "tier", 0)
    assert answer.fits_on == ("together/tier2", "together/tier3", "together/tier4", "together/tier5")
    assert "does not fit: this tier may not use the model" in fit_text(answer)
    assert fit("together/tier2", model, calls_per_day=5).fits is True


def test_a_rate_below_one_a_minute_still_admits_calls():
    answer = fit("groq/free", "openai/gpt-oss-120b", limits={"RPM": 0.6}, calls_per_minute=0.6, edition=JUNE)

    assert (answer.fits, answer.binding, answer.calls_per_day, answer.calls_per_minute) == (True, "RPM", 864, 0)


def test_limits_of_ones_own_hold_for_the_plan_asked_about():
    lifted = {"RPM": None, "RPD": None, "TPM": None, "TPD": None}
    free = fit("groq/free", "openai/gpt-oss-120b", tokens_per_call="1M", limits=lifted, calls_per_day=9, edition=JUNE)

    assert (free.fits, free.binding, free.calls_per_day, free.calls_per_minute) == (True, None, None, None)
    assert free.fits_on == ("groq/free",)
    assert "fits: nothing limits it" in fit_text(free)
    assert "any number of calls" in fit_text(fit("groq/free", "openai/gpt-oss-120b", limits=lifted, edition=JUNE))

    calibrated = fit("groq/free", "openai/gpt-oss-120b", limits={"RPD": 7}, edition=JUNE)
    assert (calibrated.calls_per_day, calibrated.calls_per_minute, calibrated.bounds[1].source) == (7, 7, "given")


def test_a_retired_model_is_judged_and_said_to_be_retired():
    answer = fit("groq/free", "llama-3.1-8b-instant", tokens_per_call=500, edition="2026-10-01")

    assert answer.calls_per_day == 1000
    assert answer.notes == ("llama-3.1-8b-instant is retired since 2026-08-16: it does not answer any more",)


@pytest.mark.parametrize(
    ("plan", "given", "words"),
    [
        ("groq", {}, "plan 'groq' is not understood; expected PROVIDER/PLAN, such as groq/free"),
        ("grok/free", {}, "unknown provider 'grok'; accepted: groq, together. Did you mean 'groq'?"),
        ("groq/fre", {}, "unknown groq plan 'fre'; accepted: developer, free. Did you mean 'free'?"),
        ("groq/free", {"edition": "June"}, "edition 'June' is no date"),
        ("groq/free", {"tokens_per_call": "many"}, "tokens_per_call is 'many'; expected a number such as 12000"),
        ("groq/free", {"tokens_per_call": 0}, "tokens_per_call is 0; expected a number above 0"),
        ("groq/free", {"tokens_per_call": True}, "tokens_per_call is True; expected a number"),
        ("groq/free", {"tokens_per_call": "9" * 500}, "tokens_per_call is '999.*…; expected at most 18 digits"),
        ("groq/free", {"tokens_per_call": float("nan")}, "tokens_per_call is nan; expected a number"),
        ("groq/free", {"calls_per_day": -1}, "calls_per_day is -1; expected a number from 0"),
        ("groq/free", {"output_tokens_per_call": 1}, "given without tokens_per_call"),
        ("groq/free", {"output_tokens_per_call": 2, "tokens_per_call": 1}, "is 2, more than tokens_per_call, 1"),
    ],
)
def test_bad_input(plan, given, words):
    with pytest.raises(BadInput, match=words.replace("?", "[?]")):
        fit(plan, "openai/gpt-oss-120b", **given)


def test_an_unknown_model_gets_the_nearest():
    with pytest.raises(BadInput, match=r"unknown groq model 'gpt-oss-120b'.*Did you mean 'openai/gpt-oss-120b'\?"):
        fit("groq/free", "gpt-oss-120b")


# As text


def test_the_verdict_comes_first_and_lines_are_short():
    for plan, model, tokens, edition, *_ in PUBLISHED:
        for asked in ({}, {"calls_per_day": 10}, {"calls_per_minute": "1M", "calls_per_day": "100M"}):
            text = fit_text(fit(plan, model, tokens_per_call=tokens, edition=edition, **asked))
            verdict = "does not fit: " if len(asked) == 2 else "fits; " if asked else f"{_[0]} binds: "

            assert text.startswith(verdict)
            assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"tokens_per_call": 500, "calls_per_day": 1000}, "does not fit: 1,000 calls a day, TPD allows 400"),
        ({"tokens_per_call": 500, "calls_per_minute": 20}, "does not fit: 20 calls a minute, TPM allows 16"),
        ({"tokens_per_call": 500, "calls_per_minute": 1}, "fits; TPD would bind first"),
        (
            {"tokens_per_call": "10K"},
            "does not fit: a call takes 10,000 tokens, more than the 8,000 that TPM ever\nallows",
        ),
    ],
)
def test_the_verdict_says_what_was_asked_and_what_is_allowed(given, verdict):
    assert fit_text(fit("groq/free", "openai/gpt-oss-120b", edition=JUNE, **given)).startswith(f"{verdict}\n")


def test_every_limit_is_shown_with_what_it_allows_and_how_it_is_known():
    text = fit_text(fit("groq/free", "openai/gpt-oss-120b", tokens_per_call=750, calls_per_minute=0.5, edition=JUNE))

    assert re.search(r"TPM +8,000 +750 +10.66 +15,360 +documented\n", text)
    assert re.search(r"TPD +200,000 +750 +266 +documented +<- binds\n", text)
    assert re.search(r"asked +0.5 calls a minute\n", text)


def test_a_workload_that_does_not_fit_hears_of_flex_and_of_the_prompt_cache():
    def notes(plan, model, calls):
        return fit(plan, model, tokens_per_call=1000, calls_per_minute=calls).notes

    flex = "service tier flex: 10 times these limits, where the provider has room"
    cache = "tokens that the prompt cache has are not counted: leave them out of the tokens a call"
    assert notes("groq/developer", "openai/gpt-oss-120b", 900) == (flex, cache)
    assert notes("groq/developer", "openai/gpt-oss-120b", 1) == ()
    assert flex not in notes("groq/free", "openai/gpt-oss-120b", 900)
    assert cache not in notes("groq/free", "qwen/qwen3.8-27b", 900)
