"""Together's code interpreter: sessions that last an hour and are paid once. The SDK before the third has it."""

from __future__ import annotations

from decimal import Decimal

import pytest
import together

API = "https://api.together.ai/v1"
PRICE = Decimal("0.03")


def execute(code="print(1)", **more):
    body = {"language": "python", "code": code, **more}
    if hasattr(together.Together(), "code_interpreter"):
        return together.Together(max_retries=0).code_interpreter.execute(**body).model_dump()
    return together.Together(max_retries=0).post(f"{API}/tci/execute", body=body, cast_to=object)


def sessions():
    return together.Together().get(f"{API}/tci/sessions", cast_to=object)["data"]["sessions"]


def test_code_runs_in_a_session_that_goes_on(together_api, llm_clock):
    first = execute()
    assert first["errors"] is None
    assert first["data"]["status"] == "success"
    id = first["data"]["session_id"]
    assert id.startswith("ses_")

    llm_clock.advance(minutes=10)
    assert execute("print(2)", session_id=id)["data"]["session_id"] == id
    assert [(each["id"], each["execute_count"]) for each in sessions()] == [(id, 2)]
    assert sessions()[0]["last_execute_at"] > sessions()[0]["started_at"]


def test_what_it_prints_is_scripted(together_api):
    together_api.reply("42\n", when=lambda request: "6 * 7" in request.json["code"])

    assert execute("print(1)")["data"]["outputs"] == []
    assert execute("print(6 * 7)")["data"]["outputs"] == [{"type": "stdout", "data": "42\n"}]


def test_a_failure_of_the_code_is_scripted_as_a_whole(together_api):
    outputs = [{"type": "error", "data": "ZeroDivisionError: division by zero"}]
    body = {"data": {"session_id": "ses_1", "status": "success", "outputs": outputs}, "errors": None}
    together_api.reply(body=body, times=1)

    assert execute("1 / 0")["data"]["outputs"] == outputs


def test_a_session_is_paid_once_and_ends_after_an_hour(together_api, llm_clock):
    account, id = together_api.account, execute()["data"]["session_id"]
    assert account.balance == 25 - PRICE
    llm_clock.advance(minutes=59)
    execute(session_id=id)
    assert account.balance == 25 - PRICE
    assert [call.cost for call in together_api.calls] == [PRICE, 0]

    llm_clock.advance(minutes=1)
    assert sessions() == []
    gone = execute(session_id=id)
    assert gone["data"] is None
    assert id in gone["errors"][0]
    assert account.balance == 25 - PRICE

    execute()
    assert account.balance == 25 - 2 * PRICE
    assert [entry.amount for entry in account.entries if entry.what == "usage"] == [PRICE, PRICE]


@pytest.mark.parametrize("id", ["ses_unknown", "ft-00000000-0000", "batch_01jh6xa7reempvjyh6n3yst2zw"])
def test_a_session_that_is_not_there_is_told_with_200(together_api, id):
    assert execute(session_id=id) == {"data": None, "errors": [f"session {id} not found or expired"]}
    assert together_api.account.balance == 25


@pytest.mark.llm_allow("LLM101", "LLM102")
@pytest.mark.parametrize("change", [{"language": "ruby"}, {"code": None}, {"code": 7}, {"files": [{"name": "a"}]}])
def test_a_body_of_the_wrong_form_is_a_400(together_api, change):
    with pytest.raises(together.BadRequestError):
        together.Together(max_retries=0).post(
            f"{API}/tci/execute", body={"language": "python", "code": "1", **change}, cast_to=object
        )
    assert together_api.account.balance == 25


def test_files_come_along(together_api):
    files = [{"name": "a.txt", "encoding": "string", "content": "a"}]

    assert execute("open('a.txt')", files=files)["data"]["status"] == "success"


@pytest.mark.together_api(balance="0.01")
def test_the_last_cent_opens_a_session_and_then_all_is_refused(together_api):
    assert execute()["errors"] is None
    with pytest.raises(together.APIStatusError) as problem:
        execute()
    assert problem.value.status_code == 402


def test_a_reset_forgets_sessions(together_api):
    id = execute()["data"]["session_id"]
    together_api.reset()

    assert sessions() == []
    assert execute(session_id=id)["data"] is None
