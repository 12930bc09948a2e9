"""Evaluations through Together's own SDK: verdicts on each row of a file, their sums, and what they cost."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import together

from pytest_llmcontract import simulate

API = "https://api.together.ai/v1"
JUDGE = {"model": "openai/gpt-oss-120b", "model_source": "serverless", "system_template": "Is it kind?"}
ASKED = {
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "model_source": "serverless",
    "system_template": "Answer.",
    "input_template": "{{question}}",
    "max_tokens": 100,
    "temperature": 0.5,
}
ROWS = [{"question": f"Why {number}?", "one": "Because.", "two": "So."} for number in range(7)]
LABELS = {"labels": ["kind", "rude"], "pass_labels": ["kind"]}
SCORES = {"min_score": 0.0, "max_score": 10.0, "pass_threshold": 5.0}


@pytest.fixture
def upload(tmp_path):
    """Upload rows, each a dict or a line of text, and get the id of the file."""

    def send(*rows, purpose="eval", name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows or ROWS))
        return together.Together().files.upload(path, purpose=purpose, check=False).id

    return send


def evals():
    return together.Together(max_retries=0).evals


def create(kind, file, **parameters):
    parameters = {"input_data_file_path": file, "judge": JUDGE, **parameters}
    return evals().create(type=kind, parameters=parameters).workflow_id


def refused(*args, **more):
    """Status, code and message of a refusal."""
    with pytest.raises(together.APIStatusError) as problem:
        create(*args, **more)
    error = problem.value.body["error"]
    return problem.value.status_code, error["code"], error["message"]


def results_of(id):
    return evals().with_raw_response.status(id).http_response.json()["results"]


def verdicts_of(results, name):
    content = together.Together().files.content(results["result_file_id"]).read()
    return [json.loads(line)[name] for line in content.splitlines()]


def test_an_evaluation_goes_from_state_to_state(together_api, llm_clock, upload):
    id = create("classify", upload(), **LABELS)
    seen = []
    for _ in range(61):
        told = evals().status(id)
        assert (told.results is None) == (told.status != "completed")
        if told.status not in seen:
            seen.append(told.status)
        llm_clock.advance(seconds=1)

    assert seen == ["pending", "queued", "running", "completed"]
    job = evals().retrieve(id)
    assert [update.status for update in job.status_updates] == seen
    moments = [update.timestamp for update in job.status_updates]
    assert moments == sorted(moments)
    assert job.updated_at == moments[-1]
    assert job.owner_id == together.Together().get(f"{API}/whoami", cast_to=object)["user_id"]


def test_classes_are_counted_as_the_file_of_results_has_them(together_api, llm_clock, upload):
    id = create("classify", upload(), **LABELS)
    llm_clock.advance(minutes=1)
    results = results_of(id)

    assert results["label_counts"] == {"kind": 4, "rude": 3}
    assert results["pass_percentage"] == 57.14
    assert verdicts_of(results, "label") == ["kind", "rude"] * 3 + ["kind"]
    assert verdicts_of(results, "question") == [row["question"] for row in ROWS]
    assert (results["generation_fail_count"], results["invalid_label_count"]) == (0, 0)


def test_scores_are_summed_up_as_the_file_of_results_has_them(together_api, llm_clock, upload):
    id = create("score", upload(), model_to_evaluate=ASKED, **SCORES)
    llm_clock.advance(minutes=1)
    results, scores = results_of(id), [10, 5, 0, 10, 5, 0, 10]

    assert verdicts_of(results, "score") == scores
    assert results["aggregated_scores"]["mean_score"] == pytest.approx(sum(scores) / 7)
    assert results["aggregated_scores"]["pass_percentage"] == 71.43
    assert evals().retrieve(id).parameters["model_to_evaluate"]["model"] == ASKED["model"]


def test_who_wins_is_counted_as_the_file_of_results_has_it(together_api, llm_clock, upload):
    id = create("compare", upload(), model_a="one", model_b="two")
    llm_clock.advance(minutes=1)
    results = results_of(id)

    assert (results["A_wins"], results["B_wins"], results["Ties"]) == (3, 2, 2)
    assert verdicts_of(results, "final_decision") == ["A", "B", "Tie"] * 2 + ["A"]


def test_the_file_of_results_is_a_file_like_others(together_api, llm_clock, upload):
    client, id = together.Together(), create("classify", upload(), **LABELS)
    llm_clock.advance(minutes=1)
    file = client.files.retrieve(results_of(id)["result_file_id"])

    assert (file.purpose, file.filename) == ("eval-output", f"{id}-results.jsonl")
    assert file.id in {each.id for each in client.files.list().data}
    client.files.delete(file.id)
    with pytest.raises(together.NotFoundError):
        client.files.content(file.id)


def test_rows_of_a_table_are_judged_too(together_api, llm_clock, upload):
    id = create(
        "compare", upload('question,one,two\n"Why, then?",a,b\nHow?,c,d', name="rows.csv"), model_a="one", model_b="two"
    )
    llm_clock.advance(minutes=1)

    assert verdicts_of(results_of(id), "question") == ["Why, then?", "How?"]


def test_a_cell_of_a_table_may_have_lines_of_its_own(together_api, llm_clock, upload):
    file = upload('question,answer\n"Why?\n\nWhy?","So,\u2028so"', name="rows.csv")
    assert together.Together().files.retrieve(file).validation_report.nlines == 1
    id = create("classify", file, model_to_evaluate="answer", **LABELS)
    llm_clock.advance(minutes=1)

    assert verdicts_of(results_of(id), "answer") == ["So,\u2028so"]


def test_many_rows_take_longer(together_api, llm_clock, upload):
    id = create("classify", upload(*ROWS * 100), **LABELS)
    llm_clock.advance(minutes=11)
    assert evals().status(id).status == "running"
    llm_clock.advance(minutes=1)
    assert evals().status(id).status == "completed"


# Money


def test_an_evaluation_is_paid_when_it_is_over_under_its_own_id(together_api, llm_clock, upload):
    id = create("classify", upload(), **LABELS)
    assert together_api.account.balance == 25
    llm_clock.advance(minutes=1)

    paid = [entry.amount for entry in together_api.account.entries if entry.source == id]
    assert len(paid) == 1
    assert together_api.account.balance == 25 - paid[0] < 25
    assert together_api.calls.of(operation="evaluations.create").cost == paid[0]


def cost_of(kind, file, **parameters):
    with simulate("together") as api:
        id = create(kind, file(), **parameters)
        api.clock.advance(minutes=1)
        return sum((entry.amount for entry in api.account.entries if entry.source == id), Decimal(0))


def test_a_comparison_is_judged_twice_unless_it_is_said_otherwise(upload):
    twice = cost_of("compare", upload, model_a="one", model_b="two")
    once = cost_of("compare", upload, model_a="one", model_b="two", disable_position_bias_correction=True)

    assert twice == 2 * once > 0


def test_what_models_generate_costs_beside_the_judge(upload):
    judged = cost_of("score", upload, **SCORES)

    assert cost_of("score", upload, model_to_evaluate=ASKED, **SCORES) > judged
    outside = {**ASKED, "model_source": "external", "external_api_token": "secret", "external_base_url": "https://x"}
    assert cost_of("score", upload, model_to_evaluate=outside, **SCORES) == judged


@pytest.mark.together_api(balance="0.00001")
def test_an_account_that_cannot_pay_is_refused(together_api, upload):
    status, code, message = refused("classify", upload(), **LABELS)
    assert (status, code) == (402, "insufficient_balance")
    assert message.endswith(": 0.01 USD")
    assert list(evals().list()) == []
    assert {found.code for call in together_api.calls for found in call.violations} == {"LLM501"}


# What is wrong


@pytest.mark.parametrize(
    ("rows", "parameters", "problem"),
    [
        (["{"], LABELS, "Line 1: not valid JSON"),
        (["[]"], LABELS, "Line 1: not a JSON object"),
        ([" "], LABELS, "The file has no examples"),
        ([ROWS[0], {"question": "?"}], {**LABELS, "model_to_evaluate": "one"}, "Row 2 has no column one"),
    ],
)
def test_a_bad_file_ends_as_the_users_error_and_costs_nothing(
    together_api, llm_clock, upload, rows, parameters, problem
):
    id = create("classify", upload(*rows), **parameters)
    llm_clock.advance(hours=1)

    assert evals().status(id).status == "user_error"
    assert results_of(id) == {"error": problem}
    assert together_api.account.balance == 25


@pytest.mark.parametrize("data", ["a,b\n1", "a,b\n1,2,3", 'a,b\n"1,2'])
def test_a_bad_table_ends_as_the_users_error(together_api, llm_clock, upload, data):
    id = create("classify", upload(data, name="rows.csv"), **LABELS)
    llm_clock.advance(hours=1)

    assert evals().status(id).status == "user_error"


@pytest.mark.parametrize("id", ["file-00000000-0000-0000-0000-000000000000", "file_01jh6x76wtemjr74t1fh0faj5t"])
def test_a_file_that_is_not_there_is_refused(together_api, id):
    assert refused("classify", id, **LABELS) == (400, None, f"File {id} not found")


def test_a_file_of_another_purpose_is_refused(together_api, upload):
    assert (
        "has the purpose fine-tune, not eval"
        in refused("classify", upload({"text": "a"}, purpose="fine-tune"), **LABELS)[2]
    )


@pytest.mark.llm_allow("LLM103", "LLM104")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "nobody/knows-it"}, 404),
        ({"model": "llama-3.3-70b-versatile"}, 404),
        ({"model": "deepseek-ai/DeepSeek-V3"}, 404),
        ({"model": "intfloat/multilingual-e5-large-instruct"}, 400),
        ({"model": "Qwen/Qwen3-32B"}, 400),
        ({"model_source": "external"}, 400),
    ],
)
def test_a_model_that_cannot_judge_is_refused(together_api, upload, change, status):
    assert refused("classify", upload(), judge={**JUDGE, **change}, **LABELS)[0] == status
    assert refused("score", upload(), model_to_evaluate={**ASKED, **change}, **SCORES)[0] == status


@pytest.mark.llm_allow("LLM101", "LLM102")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("classify", {}),
        ("classify", {"labels": [], "pass_labels": []}),
        ("classify", {"labels": ["a"], "pass_labels": ["b"]}),
        ("classify", {"labels": "kind", "pass_labels": ["kind"]}),
        ("classify", {**LABELS, "judge": None}),
        ("classify", {**LABELS, "judge": {"model": "openai/gpt-oss-120b"}}),
        ("classify", {**LABELS, "judge": {**JUDGE, "model_source": "nowhere"}}),
        ("classify", {**LABELS, "model_to_evaluate": 7}),
        ("score", {"min_score": 1}),
        ("score", {**SCORES, "min_score": 10}),
        ("score", {**SCORES, "max_score": "ten"}),
        ("score", {**SCORES, "max_score": 10**400}),
        ("compare", {"model_a": 7, "model_b": "two"}),
        ("rank", LABELS),
    ],
)
def test_parameters_that_say_nothing_are_refused(together_api, upload, kind, parameters):
    status, _, message = refused(kind, upload(), **parameters)

    assert status == 400
    assert "llmcontract" not in message


@pytest.mark.parametrize("id", ["eval-0000-1", "ft-00000000-0000", "batch_01jh6xa7reempvjyh6n3yst2zw"])
def test_an_evaluation_that_is_not_there_is_a_404(together_api, id):
    for ask in (evals().retrieve, evals().status):
        with pytest.raises(together.NotFoundError):
            ask(id)


# Lists


def test_evaluations_are_listed_newest_first_and_by_state(together_api, llm_clock, upload):
    file = upload()
    first = create("classify", file, **LABELS)
    llm_clock.advance(minutes=1)
    second, third = (create("score", file, **SCORES) for _ in range(2))

    def listed(**more):
        return [job.workflow_id for job in evals().list(**more)]

    assert listed() == [third, second, first]
    assert listed(limit=1) == [third]
    assert listed(status="completed") == [first]
    assert listed(status="running") == []
    for wrong in ({"status": "done"}, {"limit": 0}):
        with pytest.raises(together.BadRequestError):
            listed(**wrong)


def test_the_models_that_may_judge_are_those_that_answer(together_api):
    def models(**query):
        return together.Together().get(f"{API}/evaluation/model-list", cast_to=object, options={"params": query})[
            "model_list"
        ]

    assert JUDGE["model"] in models()
    assert "Qwen/Qwen3-32B" not in models()
    assert models(model_source="serverless") == models()
    assert models(model_source="dedicated") == []


def test_keys_of_other_providers_are_not_told_again(together_api, upload):
    judge = {**JUDGE, "model_source": "external", "external_api_token": "s3cr3t", "external_base_url": "https://x"}
    id = create("classify", upload(), judge=judge, **LABELS)

    assert "s3cr3t" not in json.dumps(evals().with_raw_response.retrieve(id).http_response.json())


def test_a_reset_forgets_evaluations_that_are_under_way(together_api, llm_clock, upload):
    create("classify", upload(), **LABELS)
    together_api.reset()
    llm_clock.advance(days=1)

    assert list(evals().list()) == []
    assert together.Together().files.list().data == []
    assert together_api.account.balance == 25
