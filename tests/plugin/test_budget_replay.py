"""A budget holds a recorded test as it holds a simulated one."""

from __future__ import annotations

from pytest_llmcontract.report.document import LedgerDocument

TESTS = """
import time
import pytest
from app import summarise

pytestmark = [pytest.mark.llm_contract, pytest.mark.groq_api(plan="developer", edition="2026-06-04")]

@pytest.mark.llm_budget(calls=2, tokens=10_000, cost="0.01", share=0.5, seconds=60, fits="groq/free", per_day=10)
def test_kept(groq_api):
    flow(groq_api)

@pytest.mark.llm_allow("LLM401", "LLM402", "LLM403", "LLM404", "LLM405", "LLM407")  # a failed test is not recorded
@pytest.mark.llm_budget(calls=1, tokens=1_000, cost="0.0001", share=0.001, seconds=6, fits="groq/free", per_day=1_000)
def test_broken(groq_api):
    flow(groq_api)

def flow(groq_api):
    for text in ("a", "b"):
        groq_api.reply("Short.", usage={"prompt_tokens": 900, "completion_tokens": 100})
        summarise(text)
        time.sleep(5)
"""


def test_recorded_calls_are_held_to_the_same_budget(project, run_pytest):
    project.makepyfile(test_it=TESTS)
    ledgers = []
    for name in ("recorded", "replayed"):
        mode = "once" if name == "recorded" else "none"
        report = f"--llmcontract-report={name}.json"
        result = run_pytest("-rP", f"--llmcontract-record={mode}", report)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(
            [
                "LLM401 budget: 2 of 1 call, exceeded at call 2, t = 5.0 s",
                "LLM402 budget: 2,000 of 1,000 tokens, exceeded at call 2, t = 5.0 s",
                "LLM403 budget: $0.00039 of $0.0001, exceeded at call 1, t = 0.0 s",
                "LLM407 budget: 10.0 of 6 s, exceeded",
                "LLM404 budget: 0.4% of TPM, 0.1% allowed (* of 250,000 tokens in one minute; groq, plan developer, *",
                "LLM405 budget: 1,000 runs a day take 2,000,000 of 200,000 tokens in one day (groq, plan free, TPD *",
            ]
        )
        ledgers.append(LedgerDocument.model_validate_json((project.path / f"{name}.json").read_text("utf-8")))
    recorded, replayed = ledgers

    assert [call.recorded for call in replayed.calls] == [True] * 4
    assert recorded.totals == replayed.totals
    assert [call.limits for call in recorded.calls] == [call.limits for call in replayed.calls]
    assert [(line.name, line.used, line.ok) for line in recorded.budgets] == [
        (line.name, line.used, line.ok) for line in replayed.budgets
    ]
