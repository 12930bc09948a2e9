"""What was used in a month, as Together's SDK asks for it: every cent of the account's ledger, by day or hour."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
import together

from pytest_llmcontract import simulate

MODEL = "openai/gpt-oss-120b"
ADDRESS = "https://api.together.ai/v1/billing/usage"
KEY = {"authorization": "Bearer key"}


def ask(**more):
    return together.Together().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Hello there"}], **more
    )


def report(**query):
    reply = httpx.get(ADDRESS, params=query, headers=KEY)
    assert reply.status_code == 200, reply.text
    return reply.json()


def lines_of(windows):
    return [line for window in windows for line in window["line_items"]]


def total(windows):
    return sum((Decimal(line["cost"]) for line in lines_of(windows)), Decimal(0))


def used(api):
    return sum((entry.amount for entry in api.account.entries if entry.what == "usage"), Decimal(0))


def at(clock, day, hour=0):
    clock.travel_to(datetime(2026, 10, day, hour, tzinfo=UTC))


def test_the_sdk_reads_a_month_by_days(together_api, llm_clock):
    for day in (8, 8, 10):
        at(llm_clock, day, 9)
        ask()
    at(llm_clock, 11, 9)
    windows = list(together.Together().organization.usage.costs.list())

    assert [window.date for window in windows] == ["2026-10-08", "2026-10-10"]
    assert windows[0].start_time == datetime(2026, 10, 8, tzinfo=UTC)
    assert windows[0].end_time == datetime(2026, 10, 9, tzinfo=UTC)
    lines = {line.product_name: line for line in windows[0].line_items}
    calls = together_api.calls.of(operation="chat.completions")
    assert lines.keys() == {"Serverless Inference - Input Tokens", "Serverless Inference - Output Tokens"}
    output = lines["Serverless Inference - Output Tokens"]
    assert int(output.quantity) == sum(call.usage.output_tokens for call in list(calls)[:2])
    assert Decimal(output.unit_price) * 1_000_000 == Decimal("0.60")
    assert output.pricing_dimensions == {"model": MODEL}
    assert output.applied_credit.type == "PREPAID"


def test_every_cent_of_the_ledger_is_in_it(together_api, llm_clock, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join([json.dumps({"prompt": "a " * 50, "completion": "b"})] * 100))
    client = together.Together()
    ask()
    ask(max_tokens=3)
    client.images.generate(model="black-forest-labs/FLUX.2-dev", prompt="a cat", width=512, height=512)
    client.post("/v1/tci/execute", body={"language": "python", "code": "1"}, cast_to=object)
    file = client.files.upload(path, purpose="fine-tune", check=False)
    job = client.fine_tuning.create(training_file=file.id, model="Qwen/Qwen3-8B", lora=True)
    llm_clock.advance(minutes=5)
    client.fine_tuning.cancel(job.id)
    client.fine_tuning.delete(job.id)
    together_api.account.charge("1.50")
    id = together_api.account.start_endpoint(MODEL, hourly="5.49")
    llm_clock.advance(hours=1)
    together_api.account.stop_endpoint(id)
    llm_clock.advance(days=1)

    windows = report()["data"]
    assert total(windows) == used(together_api)
    assert {line["product_name"] for line in lines_of(windows)} >= {
        "Fine-Tuning", "Dedicated Inference", "Other", "Serverless Inference - Output Tokens",
    }  # fmt: skip
    for line in lines_of(windows):
        worth = Decimal(line["quantity"]) * Decimal(line["unit_price"])
        assert worth == pytest.approx(Decimal(line["cost"]), abs=Decimal("1e-12"))
    trained = [line for line in lines_of(windows) if line["product_name"] == "Fine-Tuning"]
    assert {line["attributes"]["resource_id"] for line in trained} == {job.id}
    assert sum(Decimal(line["cost"]) for line in trained) == together_api.calls.of(operation="fine_tuning.create").cost


@pytest.mark.together_api(balance=5)
def test_a_call_that_two_credits_pay_is_told_of_each(together_api, llm_clock):
    account = together_api.account
    account.grant_credits(3)
    account.charge(6)
    ask()
    llm_clock.advance(days=1)
    lines = lines_of(report()["data"])

    assert [(line["cost"], line["applied_credit"]["type"]) for line in lines if line["product_name"] == "Other"] == [
        ("5", "PREPAID"), ("1", "CREDIT"),
    ]  # fmt: skip
    assert total(report()["data"]) == used(together_api)


@pytest.mark.together_api(balance="0.000001")
def test_what_no_credit_covers_says_so(together_api, llm_clock):
    ask()
    together_api.account.buy_credits(5)
    llm_clock.advance(days=1)
    lines = lines_of(report()["data"])

    assert {"applied_credit" in line for line in lines} == {True, False}
    assert total(report()["data"]) == together_api.calls.of(operation="chat.completions").cost


def test_the_running_month_ends_with_yesterday_or_the_last_full_hour(together_api, llm_clock):
    at(llm_clock, 8, 9)
    ask()
    llm_clock.advance(minutes=59)
    assert (report()["data"], report(granularity="hour")["data"]) == ([], [])
    llm_clock.advance(minutes=1)
    hours = report(granularity="hour")
    assert [window["start_time"] for window in hours["data"]] == ["2026-10-08T09:00:00Z"]
    assert hours["latest_window_end"] == "2026-10-08T10:00:00Z"
    assert report()["data"] == []
    at(llm_clock, 9)
    assert [window["date"] for window in report()["data"]] == ["2026-10-08"]


def test_a_month_that_is_over_is_whole_and_another_one_empty(together_api, llm_clock):
    at(llm_clock, 31, 23)
    ask()
    llm_clock.advance(hours=1)

    assert report()["billing_period"] == "2026-11"
    assert report()["data"] == []
    october = report(month="2026-10")
    assert [window["date"] for window in october["data"]] == ["2026-10-31"]
    empty = report(month="2026-09")
    assert (empty["data"], empty["earliest_window_start"], empty["next_cursor"]) == ([], None, None)


def test_pages_go_on_where_the_one_before_ended(together_api, llm_clock):
    for day in (8, 9, 10):
        at(llm_clock, day, 9)
        ask()
    at(llm_clock, 11)
    whole = report()["data"]

    assert [window.date for window in together.Together().organization.usage.costs.list(limit=1)] == [
        window["date"] for window in whole
    ]
    first = report(limit=2)
    assert first["data"] == whole[:2]
    assert first["latest_window_end"] == "2026-10-11T00:00:00Z"
    assert report(limit=2, after=first["next_cursor"]) == {**report(), "data": whole[2:]}
    assert (
        httpx.get(ADDRESS, params={"after": first["next_cursor"], "granularity": "hour"}, headers=KEY).status_code
        == 400
    )


def test_only_ones_own_organization_is_told(together_api):
    own = together.Together().whoami().organization.id
    assert report(organization_id=own)["organization_id"] == own
    with pytest.raises(together.PermissionDeniedError):
        list(together.Together().organization.usage.costs.list(organization_id="another"))


@pytest.mark.parametrize(
    "query",
    [
        *({"month": month} for month in ("2026-13", "october", "2027-01", "٢٠٢٦-10")),
        *({"granularity": "week"}, {"limit": "0"}, {"limit": "x"}, {"after": "nothing"}),
    ],
)
def test_a_question_that_makes_no_sense_is_a_400(together_api, query):
    reply = httpx.get(ADDRESS, params=query, headers=KEY)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == next(iter(query))


@pytest.mark.parametrize(
    ("day", "there"),
    [("2026-08-31", {"/v1/whoami"}), ("2026-10-07", {"/v1/whoami", "/v3/whoami", "/v1/billing/usage"})],
)
def test_addresses_are_there_from_their_day_on(day, there):
    with simulate("together", edition=day, check=False):
        answers = {
            path: httpx.get(f"https://api.together.ai{path}", headers=KEY).status_code
            for path in ("/v1/whoami", "/v3/whoami", "/v1/billing/usage")
        }

    assert answers == {path: 200 if path in there else 404 for path in answers}


def test_one_jump_of_the_clock_tells_the_same_as_many_steps():
    def life(steps):
        with simulate("together", edition="2026-10-07") as api:
            ask()
            api.account.start_endpoint(MODEL, hourly=0.5)
            for _ in range(steps):
                api.clock.advance(seconds=timedelta(hours=30).total_seconds() / steps)
            windows = report(granularity="hour")["data"]
            return total(windows)

    assert life(1) == life(60) > 0


@pytest.mark.together_api(balance=400)
def test_a_machine_is_in_the_hours_and_days_in_which_it_ran(together_api, llm_clock):
    at(llm_clock, 8, 21)
    id = together_api.account.start_endpoint(MODEL, hourly=6)
    at(llm_clock, 9, 2)
    together_api.account.stop_endpoint(id)
    at(llm_clock, 10)

    hours = [(window["start_time"][8:13], total([window])) for window in report(granularity="hour")["data"]]
    assert hours == [("08T21", 6), ("08T22", 6), ("08T23", 6), ("09T00", 6), ("09T01", 6)]
    days = [(window["date"], total([window])) for window in report()["data"]]
    assert days == [("2026-10-08", 18), ("2026-10-09", 12)]
