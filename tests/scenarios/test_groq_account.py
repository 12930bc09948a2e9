"""A Groq organization over weeks, as applications with the real SDKs meet it."""

from __future__ import annotations

import json
from decimal import Decimal

import groq
import openai
import pytest

from pytest_llmcontract import BadInput, simulate

MODEL = "openai/gpt-oss-20b"
HELLO = [{"role": "user", "content": "Hello"}]
on_developer = pytest.mark.groq_api(plan="developer", edition="2026-06-04")


def ask(key="gsk_app", client=groq.Groq, **more):
    return client(api_key=key, max_retries=0, **more).chat.completions.create(model=MODEL, messages=HELLO)


def refused(call):
    with pytest.raises(groq.APIStatusError) as problem:
        call()
    error = problem.value.body["error"]
    return problem.value.status_code, error.get("code")


def kinds(api):
    return [event.what for event in api.account.events]


# Plans


@pytest.mark.groq_api(plan="free", edition="2026-06-04")
def test_an_upgrade_holds_from_the_next_call_on_and_a_downgrade_too(groq_api):
    ask()
    groq_api.account.upgrade()
    ask()
    groq_api.account.downgrade()
    ask()

    assert [call.plan for call in groq_api.calls] == ["free", "developer", "free"]
    assert groq_api.account.lifetime_spend == groq_api.calls[1].cost
    assert kinds(groq_api) == ["upgrade", "carried_over", "downgrade"]


def test_the_plan_can_be_set_as_well(groq_api):
    groq_api.account.plan = "developer"
    groq_api.account.plan = "developer"
    groq_api.account.plan = "free"

    assert kinds(groq_api) == ["upgrade", "downgrade"]


# Spend limit


@on_developer
def test_the_spend_limit_refuses_every_key_and_every_operation(groq_api, llm_clock):
    groq_api.account.set_spend_limit(1)
    groq_api.account.charge(1)
    llm_clock.advance(minutes=14, seconds=59)
    ask()
    llm_clock.advance(seconds=1)

    other = openai.OpenAI(api_key="gsk_other", base_url="https://api.groq.com/openai/v1", max_retries=0)
    for call in (ask, lambda: ask("gsk_second"), groq.Groq().models.list):
        assert refused(call) == (400, "spend_limit_reached")
    with pytest.raises(openai.BadRequestError):
        other.models.list()
    assert {found.code for call in groq_api.calls[1:] for found in call.violations} == {"LLM503"}


@on_developer
def test_a_raise_lets_in_at_once_and_a_cut_refuses_at_once(groq_api, llm_clock):
    account = groq_api.account
    account.set_spend_limit(1)
    account.charge(2)
    llm_clock.advance(minutes=15)
    account.set_spend_limit(3)
    ask()
    account.set_spend_limit("1.50")

    assert refused(ask) == (400, "spend_limit_reached")
    account.set_spend_limit(None)
    assert ask()
    assert kinds(groq_api) == [
        *("spend_limit", "charge", "threshold", "invoice", "payment"),
        *("alert", "alert", "alert", "blocked"),
        *("spend_limit", "unblocked", "alert"),
        *("spend_limit", "alert", "alert", "alert", "blocked"),
        *("spend_limit", "unblocked"),
    ]


@on_developer
def test_alerts_come_at_the_shares_that_are_set_and_once_a_month(groq_api, llm_clock):
    account = groq_api.account
    account.set_spend_limit(100, alerts=(0.2, 0.9))
    for _ in range(3):
        account.charge(10)
        llm_clock.advance(minutes=20)
    alerts = [event for event in account.events if event.what == "alert"]
    assert [(event.amount, event.sentence) for event in alerts] == [
        (20, "20 % of the spend limit of $100.00 are spent: $20.00 this month.")
    ]

    llm_clock.advance(days=27)
    account.charge(20)
    llm_clock.advance(minutes=15)
    assert kinds(groq_api).count("alert") == 2


@on_developer
def test_what_is_spent_in_the_last_minutes_of_a_month_never_blocks(groq_api, llm_clock):
    llm_clock.advance(days=26, hours=11, minutes=50)  # 30 June, 23:50
    groq_api.account.set_spend_limit(1)
    groq_api.account.charge(5)
    llm_clock.advance(minutes=15)

    assert (groq_api.account.spent, groq_api.account.status) == (0, "active")
    assert ask()


# Credits


@on_developer
def test_credits_pay_before_anything_is_billed(groq_api, llm_clock):
    account = groq_api.account
    account.grant_credits(5)
    account.charge(4)  # $1 is passed, and nothing of it is to be billed
    assert (account.invoices, account.credits, account.outstanding) == ([], 1, 0)

    account.charge(7)  # $10 is passed
    assert [invoice.amount for invoice in account.invoices] == [6]
    assert [entry.against for entry in account.entries if entry.what == "usage"] == ["credit 1"] * 2 + ["invoice 1"]


# Payments


@on_developer
def test_later_invoices_are_not_paid_either_until_everything_is(groq_api, llm_clock):
    account = groq_api.account
    account.charge(2)
    account.fail_payment()
    account.charge(9)
    assert [(invoice.amount, invoice.due) for invoice in account.invoices] == [(2, 2), (9, 9)]

    llm_clock.advance(days=7)
    assert (account.status, refused(groq.Groq().models.list)) == ("restricted", (400, "organization_restricted"))
    assert [found.code for found in groq_api.calls.last.violations] == ["LLM501"]

    account.pay()
    assert (account.status, [invoice.due for invoice in account.invoices]) == ("active", [0, 0])
    assert ask()


@on_developer
def test_who_pays_in_time_is_never_restricted(groq_api, llm_clock):
    groq_api.account.charge(2)
    groq_api.account.fail_payment()
    llm_clock.advance(days=6)
    groq_api.account.pay()
    llm_clock.advance(days=30)

    assert kinds(groq_api).count("reminder") == 3
    assert "restricted" not in kinds(groq_api)


@on_developer
def test_a_reset_forgets_the_money_and_what_is_to_happen_to_it(groq_api, llm_clock):
    groq_api.account.charge(2)
    groq_api.account.fail_payment()
    groq_api.reset()
    llm_clock.advance(days=40)

    assert (groq_api.account.events, groq_api.account.entries, groq_api.account.status) == ([], [], "active")


# Keys and projects


@pytest.mark.groq_api(plan="free", edition="2026-06-04")
def test_all_keys_share_the_limits_of_the_organization(groq_api):
    for number in range(30):
        ask(f"gsk_{number}")

    assert refused(lambda: ask("gsk_another")) == (429, "rate_limit_exceeded")


@pytest.mark.groq_api(plan="free", edition="2026-06-04")
def test_a_project_has_less_and_takes_from_the_organization(groq_api, llm_clock):
    account = groq_api.account
    account.add_project("jobs", limits={MODEL: {"RPM": 3}}, keys=["gsk_job_1", "gsk_job_2"])
    account.add_project("page", limits={"RPD": 5}, keys="gsk_page")

    ask("gsk_job_1")
    ask("gsk_job_2")
    ask("gsk_job_1")
    assert refused(lambda: ask("gsk_job_2")) == (429, "rate_limit_exceeded")
    for _ in range(5):
        ask("gsk_page")
    assert refused(lambda: ask("gsk_page")) == (429, "rate_limit_exceeded")
    ask("gsk_of_no_project")

    assert groq_api.limits(MODEL)["RPM"].used == pytest.approx(9)  # refusals took nothing
    llm_clock.advance(seconds=20)
    ask("gsk_job_1")
    assert dict(account.projects) == {"jobs": {MODEL: {"RPM": 3}}, "page": {"*": {"RPD": 5}}}


@pytest.mark.groq_api(plan="free", edition="2026-06-04")
def test_headers_of_a_project_tell_of_whichever_has_less_left(groq_api):
    groq_api.account.add_project("page", limits={"RPD": 10}, keys="gsk_page")
    create = groq.Groq(api_key="gsk_page").chat.completions.with_raw_response.create

    headers = create(model=MODEL, messages=HELLO).headers
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("10", "9")

    groq_api.exhaust("RPD", model=MODEL)
    with pytest.raises(groq.RateLimitError, match="Limit 1000"):
        ask("gsk_page")
    assert groq_api.calls.last.reply.headers["x-ratelimit-limit-requests"] == "1000"


# Bad input


@pytest.mark.parametrize("amount", [-1, float("nan"), "ten", float("inf"), None, True, [], "1e12", "0.0000000000001"])
@pytest.mark.parametrize("deed", ["charge", "grant_credits", "set_spend_limit"])
def test_what_is_no_amount_is_refused_and_changes_nothing(deed, amount):
    with simulate("groq", plan="developer") as api:
        if deed == "set_spend_limit" and amount is None:
            return  # no limit
        with pytest.raises(BadInput, match=r"(?s)dollars.*(accepted|must be 0 or more)"):
            getattr(api.account, deed)(amount)

        assert (api.account.events, api.account.entries) == ([], [])


@pytest.mark.parametrize(
    ("plan", "deed", "words"),
    [
        ("free", lambda account: account.charge(1), "charge.. needs plan='developer'"),
        ("free", lambda account: account.downgrade(), "downgrade.. needs plan='developer'"),
        ("free", lambda account: account.fail_payment(), "fail_payment.. needs plan='developer'"),
        ("free", lambda account: account.set_spend_limit(5), "the free plan spends nothing"),
        ("free", lambda account: account.upgrade(payment_method=None), "accepted: card, sepa_debit, us_bank_account"),
        ("free", lambda account: account.upgrade("cash"), "unknown payment_method .* 'cash'"),
        ("developer", lambda account: account.upgrade(), "the plan is 'developer' already"),
        ("developer", lambda account: account.pay(), "no payment failed"),
        ("developer", lambda account: account.set_spend_limit(5, alerts=(1.5,)), "shares between 0 and 1"),
        ("developer", lambda account: account.set_spend_limit(5, alerts=("most",)), "alerts"),
        ("developer", lambda account: account.set_spend_limit(5, alerts=0.5), "alerts"),
        ("developer", lambda account: setattr(account, "plan", "pro"), "unknown plan of groq_api 'pro'; accepted"),
    ],
)
def test_what_an_account_cannot_do_is_an_error_that_says_what_it_can(plan, deed, words):
    with simulate("groq", plan=plan) as api:
        with pytest.raises(BadInput, match=words):
            deed(api.account)

        assert (api.account.plan, api.account.events) == (plan, [])


@pytest.mark.parametrize(
    ("project", "words"),
    [
        ({"limits": {"RPM": 61}, "keys": ["gsk_a"]}, "at most the organization's, 60"),
        ({"limits": {MODEL: {"RPD": "2K"}}, "keys": ["gsk_a"]}, "at most the organization's, 1000"),
        ({"limits": {"TPM": 5}, "keys": ["gsk_a"]}, "unknown limit of project 'jobs' 'TPM'; accepted: RPD, RPM"),
        ({"limits": {"RPM": None}, "keys": ["gsk_a"]}, "accepted: a number"),
        ({"limits": {"RPM": -1}, "keys": ["gsk_a"]}, "expected a positive number"),
        ({"limits": {"gpt-9": {"RPM": 1}}, "keys": ["gsk_a"]}, "unknown groq model in limits= 'gpt-9'"),
        ({"limits": 5, "keys": ["gsk_a"]}, "accepted is kind -> limit"),
        ({"limits": {"RPM": 5}, "keys": []}, "accepted are API keys"),
        ({"limits": {"RPM": 5}, "keys": [5]}, "accepted are API keys"),
        ({"limits": {"RPM": 5}, "keys": None}, "accepted are API keys"),
        ({"limits": {"RPM": 5}, "keys": ["gsk_taken"]}, "belongs to another project"),
    ],
)
def test_a_project_that_cannot_be_is_refused_where_it_is_written(project, words):
    with simulate("groq", plan="free", edition="2026-06-04") as api:
        api.account.add_project("first", limits={"RPM": 5}, keys=["gsk_taken"])
        with pytest.raises(BadInput, match=words):
            api.account.add_project("jobs", **project)

        assert list(api.account.projects) == ["first"]


@pytest.mark.parametrize("name", ["", "first", 5, "two\nlines"])
def test_a_project_needs_a_name_of_its_own(name):
    with simulate("groq") as api:
        api.account.add_project("first", limits={}, keys="gsk_a")
        with pytest.raises(BadInput, match="add_project"):
            api.account.add_project(name, limits={}, keys="gsk_b")


# The ledger


def test_entries_and_events_are_in_the_ledger_with_the_calls_that_caused_them(run_pytest, pytester):
    pytester.makepyfile(
        """
        import groq, together, pytest

        def ask(client):
            client.chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "Hi"}])

        @pytest.mark.groq_api(plan="developer")
        def test_first(groq_api, llm_clock):
            ask(groq.Groq())

        @pytest.mark.groq_api(plan="developer")
        def test_both(groq_api, together_api, llm_clock):
            ask(together.Together())
            ask(groq.Groq())
            llm_clock.advance(hours=1)
            groq_api.account.charge(2)
            together_api.account.charge(1)

        def test_nothing(together_api):
            pass
        """
    )
    run_pytest("--llmcontract-report=ledger.json")
    ledger = json.loads((pytester.path / "ledger.json").read_text())

    assert [test["id"].partition("::")[2] for test in ledger["tests"]] == ["test_first", "test_both"]
    usage = [entry for entry in ledger["money"] if entry["what"] == "usage" and entry["call"] is not None]
    assert [(entry["test"], entry["provider"], entry["call"]) for entry in usage] == [
        (0, "groq", 0),
        (1, "together", 1),
        (1, "groq", 2),
    ]
    assert [Decimal(entry["amount"]) for entry in usage] == [Decimal(call["cost"]) for call in ledger["calls"]]
    groqs = [event for event in ledger["events"] if event["provider"] == "groq"]
    assert [(event["at"], event["what"]) for event in groqs] == [
        (3600, what) for what in ("charge", "threshold", "invoice", "payment")
    ]
    assert groqs[2]["sentence"].startswith("Invoice 1 of $2.00 is issued")
    assert "charge" in [event["what"] for event in ledger["events"] if event["provider"] == "together"]


@pytest.mark.groq_api(
    plan="developer", edition="2026-06-04", models={MODEL: {"prices": {"input": "0.1234567", "output": "1.7654321"}}}
)
def test_what_calls_cost_is_what_the_account_is_charged_however_fine(groq_api):
    for prompt in range(1, 40):
        groq_api.reply("…", usage={"prompt_tokens": prompt, "completion_tokens": 3 * prompt})
        ask()

    assert [entry.amount for entry in groq_api.account.entries] == [call.cost for call in groq_api.calls]
    assert groq_api.account.spent == groq_api.calls.cost
