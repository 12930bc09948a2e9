"""Fine-tunes through Together's own SDK: what they cost, what becomes of them, and when their model answers."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import together

from pytest_llmcontract import simulate, verify

API = "https://api.together.ai/v1"
BASE = "Qwen/Qwen3-8B"
BIG = "Qwen/Qwen3-32B"
ADAPTER = {"type": "Lora", "lora_r": 8, "lora_alpha": 16}
EXAMPLE = {
    "messages": [
        {"role": "user", "content": "Name a fruit, please. " * 40},
        {"role": "assistant", "content": "An apple. " * 40},
    ]
}
third = pytest.mark.skipif(int(together.__version__.partition(".")[0]) < 3, reason="SDK 3 alone has it there")
HELLO = [{"role": "user", "content": "Hello"}]
WHOLE = timedelta(minutes=18, seconds=28)
"""How long a job of three epochs was seen to take."""


def client_of(key="key", **more):
    return together.Together(api_key=key, max_retries=0, **more)


@pytest.fixture
def upload(tmp_path):
    """Upload examples, each a dict or a line of text, and get the id of the file."""

    def send(*examples, purpose="fine-tune", name="train.jsonl"):
        lines = [each if isinstance(each, str) else json.dumps(each) for each in examples or [EXAMPLE] * 400]
        path = tmp_path / name
        path.write_text("\n".join(lines))
        return client_of().files.upload(path, purpose=purpose, check=False).id

    return send


def create(file, **more):
    wanted = {"model": BASE, "n_epochs": 3, "lora": True, "suffix": "fruits", **more}
    made = client_of().fine_tuning.create(training_file=file, **wanted)
    return client_of().fine_tuning.retrieve(made.id)


def refused(call, *args, **more):
    """Status, code and message of a refusal."""
    with pytest.raises(together.APIStatusError) as problem:
        call(*args, **more)
    error = problem.value.body["error"]
    return problem.value.status_code, error["code"], error["message"]


def said_by(call, *args, **more):
    return refused(call, *args, **more)[2]


def types_of(job):
    return [event.type for event in client_of().fine_tuning.list_events(job.id).data]


# A whole life


def test_a_job_goes_from_state_to_state_and_ends_as_a_model(together_api, llm_clock, upload):
    client, begun = client_of(), llm_clock.now
    job = create(upload(), n_checkpoints=3)
    assert job.id.startswith("ft-")
    assert (job.status, job.created_at) == ("pending", begun)

    seen = [job.status]
    for _ in range(0, int(WHOLE.total_seconds()), 2):
        llm_clock.advance(seconds=2)
        job = client.fine_tuning.retrieve(job.id)
        if job.status != seen[-1]:
            seen.append(job.status)
            assert job.started_at == llm_clock.now
            assert job.progress.estimate_available == (job.status != "completed")

    assert seen == ["pending", "queued", "running", "compressing", "uploading", "completed"]
    assert llm_clock.now - begun == WHOLE
    assert job.x_model_output_name.startswith("test-project/Qwen3-8B-fruits-")
    assert (job.epochs_completed, job.trainingfile_numlines) == (3, 400)


def test_events_are_in_order_and_say_when_they_happened(together_api, llm_clock, upload):
    job = create(upload(), n_checkpoints=2)
    assert types_of(job) == ["job_pending"]
    llm_clock.advance(hours=1)

    events = client_of().fine_tuning.list_events(job.id).data
    moments = [event.created_at for event in events]
    assert moments == sorted(moments)
    assert [event.type for event in events] == [
        *("job_pending", "job_start", "model_download_complete", "training_data_download_complete"),
        *("training_start", "epoch_complete", "checkpoint_save", "epoch_complete", "epoch_complete"),
        *("checkpoint_save", "training_complete", "model_compressing", "model_compression_complete"),
        *("model_uploading", "model_upload_complete", "job_complete"),
    ]
    assert [event.step for event in events if event.type == "checkpoint_save"] == [75, 150]
    assert events[-2].x_model_path == client_of().fine_tuning.retrieve(job.id).x_model_output_name


def test_checkpoints_and_metrics_come_as_steps_are_done(together_api, llm_clock, upload):
    client = client_of()
    job = create(upload(), n_checkpoints=3)
    assert client.fine_tuning.list_checkpoints(job.id).data == []
    assert client.fine_tuning.list_metrics(job.id).metrics == []

    llm_clock.advance(seconds=10 + 498 / 2)
    assert [each.step for each in client.fine_tuning.list_checkpoints(job.id).data] == [50]
    metrics = client.fine_tuning.list_metrics(job.id).metrics
    assert [row["global_step"] for row in metrics] == list(range(1, 76))
    losses = [row["train/loss"] for row in metrics]
    assert losses == sorted(losses, reverse=True)

    llm_clock.advance(hours=1)
    kept = client.fine_tuning.list_checkpoints(job.id).data
    assert [(each.step, each.checkpoint_type) for each in kept] == [
        (150, "Final"), (100, "Intermediate"), (50, "Intermediate"),
    ]  # fmt: skip
    assert {each.checkpoint for each in kept} == {"adapter"}
    assert [row["global_step"] for row in client.fine_tuning.list_metrics(job.id, global_step_from=149).metrics] == [
        149, 150,
    ]  # fmt: skip


def test_what_it_made_is_downloaded_the_same_each_time(together_api, llm_clock, upload):
    client = client_of()
    job = create(upload(), n_checkpoints=2)
    assert "nothing to download yet" in said_by(client.fine_tuning.content, ft_id=job.id)
    llm_clock.advance(hours=1)

    def download(**more):
        return client.fine_tuning.content(ft_id=job.id, **more).read()

    merged, adapter, first = download(), download(checkpoint="adapter"), download(checkpoint_step=75)
    llm_clock.advance(hours=1)
    assert download() == merged
    for data, name, step in (
        (merged, "config.json", 150),
        (adapter, "adapter_config.json", 150),
        (first, "config.json", 75),
    ):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            told = json.load(archive.extractfile(name))
        assert (told["job"], told["step"]) == (job.id, step)
    assert "no checkpoint at step 7" in said_by(client.fine_tuning.content, ft_id=job.id, checkpoint_step=7)


def test_a_job_of_all_weights_makes_no_adapter(together_api, llm_clock, upload):
    client = client_of()
    job = create(upload(), lora=False)
    llm_clock.advance(hours=1)
    job = client.fine_tuning.retrieve(job.id)

    assert job.training_type.type == "Full"
    assert (job.adapter_object_id, job.adapter_object_name) == (None, None)
    assert "made no adapter" in said_by(client.fine_tuning.content, ft_id=job.id, checkpoint="adapter")


# Its model


@third
def test_the_model_appears_when_the_job_is_done(together_api, llm_clock, upload):
    client = client_of()
    client = client_of(project_id=client.whoami().project.id)
    job = create(upload())
    names = {model["id"] for model in client.get(f"{API}/models", cast_to=object)}
    assert job.x_model_output_name not in names
    assert list(client.models.list()) == []

    llm_clock.advance(hours=1)
    job = client.fine_tuning.retrieve(job.id)
    listed = {model["id"]: model for model in client.get(f"{API}/models", cast_to=object)}
    assert listed[job.x_model_output_name]["organization"] == "test-project"
    assert {(model.id, model.name) for model in client.models.list()} == {
        (job.api_model_object_id, job.x_model_output_name),
        (job.adapter_object_id, f"{job.x_model_output_name}-adapter"),
    }


@third
def test_the_model_answers_only_while_an_endpoint_runs_it(together_api, llm_clock, upload):
    client = client_of()
    client = client_of(project_id=client.whoami().project.id)
    job = create(upload())
    llm_clock.advance(hours=1)
    job = client.fine_tuning.retrieve(job.id)

    def ask(model):
        return client.chat.completions.create(model=model, messages=HELLO)

    assert refused(ask, job.x_model_output_name)[:2] == (404, "model_not_available")

    endpoint = client.endpoints.create(name="fruits")
    deployment = client.endpoints.deployments.create(
        endpoint.id, name="one", model=job.api_model_object_name, config_id=client.models.configs.list().data[0].id,
        autoscaling={"minReplicas": 1, "maxReplicas": 1},
    )  # fmt: skip
    client.endpoints.update(
        endpoint.id, traffic_split=[{"deploymentId": deployment.id, "weight": 1}], etag=endpoint.etag
    )
    assert refused(ask, endpoint.name)[0] == 503
    llm_clock.advance(minutes=10)
    together_api.reply("Apple", when="Hello")
    assert ask(endpoint.name).choices[0].message.content == "Apple"

    client.endpoints.deployments.update(
        deployment.id, endpoint_id=endpoint.id, autoscaling={"minReplicas": 0, "maxReplicas": 0}
    )
    llm_clock.advance(minutes=10)
    assert refused(ask, endpoint.name)[0] == 503


# Money


@pytest.mark.together_api(balance=100)
def test_a_job_is_paid_when_it_begins_to_train_under_its_own_id(together_api, llm_clock, upload):
    account, file = together_api.account, upload(*[EXAMPLE] * 8000)
    estimate = client_of().fine_tuning.estimate_price(training_file=file, model=BASE, n_epochs=3)
    job = create(file)
    assert (account.balance, together_api.calls.of(operation="fine_tuning.create").cost) == (100, 0)

    llm_clock.advance(seconds=10)
    price = Decimal(str(estimate.estimated_total_price))
    assert price > 4
    assert account.balance == 100 - price
    assert [(entry.source, entry.amount) for entry in account.entries if entry.what == "usage"] == [(job.id, price)]
    assert together_api.calls.of(operation="fine_tuning.create").cost == price

    llm_clock.advance(hours=1)
    job = client_of().fine_tuning.retrieve(job.id)
    assert account.balance == 100 - price
    assert Decimal(job.total_price) / 10**9 == price
    assert job.token_count == estimate.estimated_train_token_count


def test_a_price_is_that_of_every_token_in_every_epoch(together_api, upload):
    file, check = upload(*[EXAMPLE] * 10_000), upload(*[EXAMPLE] * 100, name="check.jsonl")
    ask = client_of().fine_tuning.estimate_price
    one = ask(
        training_file=file,
        model=BIG,
        n_epochs=1,
        training_type=ADAPTER,
    )
    two = ask(
        training_file=file,
        validation_file=check,
        model=BIG,
        n_epochs=2,
        n_evals=5,
        training_type=ADAPTER,
    )

    assert one.estimated_total_price == pytest.approx(one.estimated_train_token_count * 4.5 / 1e6)
    assert two.estimated_train_token_count == 2 * one.estimated_train_token_count
    assert two.estimated_eval_token_count == 5 * one.estimated_train_token_count / 100
    tokens = two.estimated_train_token_count + two.estimated_eval_token_count
    assert two.estimated_total_price == pytest.approx(tokens * 4.5 / 1e6)


@pytest.mark.parametrize(("day", "least"), [("2026-05-31", 0.0), ("2026-10-07", 4.0)])
def test_a_small_job_costs_the_minimum_since_there_is_one(upload, day, least):
    with simulate("together", edition=day):
        estimate = client_of().fine_tuning.estimate_price(training_file=upload(EXAMPLE), model=BASE)

    assert estimate.estimated_total_price == pytest.approx(
        max(least, estimate.estimated_train_token_count * 1.44 / 1e6)
    )


def test_examples_that_are_not_packed_are_as_long_as_the_longest_may_be(together_api, upload):
    job = create(upload(*[EXAMPLE] * 10), packing=False, max_seq_length=1000, n_epochs=2)
    together_api.clock.advance(minutes=1)

    assert client_of().fine_tuning.retrieve(job.id).token_count == 2 * 10 * 1000


@pytest.mark.together_api(balance="3.99")
def test_an_account_that_cannot_pay_is_refused_a_job_but_no_calls(together_api, upload):
    client, file = client_of(), upload()
    estimate = client.fine_tuning.estimate_price(training_file=file, model=BASE)
    assert (estimate.allowed_to_proceed, estimate.user_limit) == (False, 3.99)

    assert refused(create, file)[:2] == (402, "insufficient_balance")
    with pytest.raises(together.APIStatusError, match=r"balance and credit limit: 4\.00 USD"):
        create(file)
    assert client.fine_tuning.list().data == []
    assert {found.code for call in together_api.calls for found in call.violations} == {"LLM501"}
    assert client.chat.completions.create(model="openai/gpt-oss-120b", messages=HELLO).choices

    together_api.account.buy_credits(5)
    assert create(file).status == "pending"


@pytest.mark.together_api(balance=5)
def test_money_that_is_gone_when_the_training_would_begin_ends_the_job(together_api, llm_clock, upload):
    file = upload()
    first, second = create(file), create(file)
    llm_clock.advance(hours=1)

    done, failed = (client_of().fine_tuning.retrieve(job.id) for job in (first, second))
    assert (done.status, failed.status) == ("completed", "error")
    assert types_of(second)[-2:] == ["billing_limit", "job_error"]
    assert together_api.account.balance == 1
    assert "nothing" not in said_by(client_of().fine_tuning.content, ft_id=second.id)


@pytest.mark.together_api(balance=100)
def test_a_cancelled_job_pays_for_the_steps_that_are_done(together_api, llm_clock, upload):
    account = together_api.account
    job = create(upload(), n_checkpoints=3)
    llm_clock.advance(seconds=10 + 498 / 2)
    assert account.balance == 96

    stopped = client_of().fine_tuning.cancel(job.id)
    assert (stopped.status, account.balance) == ("cancelled", 98)
    assert [entry.amount for entry in account.entries if entry.source == job.id] == [4, -2]
    assert together_api.calls.of(operation="fine_tuning.create").cost == 2

    llm_clock.advance(days=1)
    after = client_of().fine_tuning.retrieve(job.id)
    assert (after.status, after.epochs_completed, after.total_price) == ("cancelled", 1, 2_000_000_000)
    assert types_of(job)[-3:] == ["cancel_requested", "job_stopped", "refund"]
    assert [each.step for each in client_of().fine_tuning.list_checkpoints(job.id).data] == [50]
    assert len(client_of().fine_tuning.list_metrics(job.id).metrics) == 75
    assert client_of().fine_tuning.content(ft_id=job.id).read()
    assert account.balance == 98
    assert refused(client_of().fine_tuning.cancel, job.id)[0] == 400


def test_a_job_that_is_cancelled_before_it_trains_costs_nothing(together_api, llm_clock, upload):
    job = create(upload())
    llm_clock.advance(seconds=5)
    client_of().fine_tuning.cancel(job.id)
    llm_clock.advance(days=1)

    assert together_api.account.balance == 25
    assert refused(client_of().fine_tuning.content, ft_id=job.id)[0] == 404


# Files


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["{"], "Line 1: not valid JSON"),
        ([EXAMPLE, "", [1]], "Line 3: not a JSON object"),
        ([{"question": "?"}], "Line 1: must contain messages, or input and preferred_output and"),
        ([{"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}], "messages[1] must contain a role field"),
        ([{"messages": [{"role": "judge", "content": "a"}]}], "messages[0] has a role that is none of"),
        ([{"messages": [{"role": "user"}]}], "messages[0] must contain a content field"),
        ([{"messages": []}], "messages must be a list that is not empty"),
        ([{"prompt": 1, "completion": "b"}], "prompt must be a text"),
        ([{"input": "a", "preferred_output": [], "non_preferred_output": []}], "input.messages must be a list"),
        ([{"text": "a"}, {"prompt": "a", "completion": "b"}], "Line 2: is INSTRUCTION, unlike the lines before it"),
        (["", " "], "The file has no examples"),
    ],
)
def test_a_file_that_is_no_set_of_examples_is_told_and_refused(together_api, upload, lines, problem):
    file = upload(*[line if isinstance(line, str | dict) else json.dumps(line) for line in lines])
    record = client_of().files.retrieve(file)
    assert (record.processing_status, record.validation_report.valid) == ("INVALID_FORMAT", False)
    assert problem in record.validation_report.error

    estimate = client_of().fine_tuning.estimate_price(training_file=file, model=BASE)
    assert (estimate.estimation_available, estimate.unavailable_reason) == (False, "train_file_invalid")
    assert f"File {file} is not valid: " in said_by(create, file)
    assert client_of().fine_tuning.list().data == []


def test_a_bad_validation_file_is_told_apart(together_api, upload):
    good, bad = upload(), upload("{", name="check.jsonl")
    estimate = client_of().fine_tuning.estimate_price(training_file=good, validation_file=bad, model=BASE)

    assert estimate.unavailable_reason == "eval_file_invalid"
    assert bad in said_by(create, good, validation_file=bad)


def test_before_files_were_looked_into_the_job_failed_and_cost_nothing(upload):
    with simulate("together", edition="2026-05-31") as api:
        job = create(upload("{"))
        api.clock.advance(hours=1)
        job = client_of().fine_tuning.retrieve(job.id)

        assert (job.status, job.epochs_completed, job.token_count) == ("error", 0, None)
        assert types_of(job)[-1] == "job_error"
        assert client_of().fine_tuning.list_checkpoints(job.id).data == []
        assert api.account.balance == 25


@pytest.mark.parametrize(
    ("example", "form"),
    [
        (EXAMPLE, "conversation"),
        ({"prompt": "a", "completion": "b"}, "instruction"),
        ({"text": "a"}, "general"),
        (
            {
                "input": {"messages": HELLO},
                "preferred_output": [{"role": "assistant", "content": "b"}],
                "non_preferred_output": [{"role": "assistant", "content": "c"}],
            },
            "preference_openai",
        ),
    ],
)
def test_each_form_of_examples_is_known(together_api, upload, example, form):
    file = upload(*[example] * 3)
    assert client_of().files.retrieve(file).validation_report.dataset_format == form.upper()

    shown = client_of().fine_tuning.preview(model=BASE, training_file=file, top_k=2)
    assert (shown.dataset_format, len(shown.rows)) == (form, 2)
    method = "dpo" if form.startswith("preference") else "sft"
    assert create(file, training_method=method).status == "pending"


def test_a_file_of_tokens_is_taken_by_its_size(together_api, llm_clock, tmp_path):
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1" + b"\xff" * 4092)
    job = create(client_of().files.upload(path, purpose="fine-tune", check=False).id, n_epochs=1)
    llm_clock.advance(minutes=1)

    assert client_of().fine_tuning.retrieve(job.id).token_count == 1024


# Wrong input


@pytest.mark.parametrize("id", ["file-00000000-0000-0000-0000-000000000000", "file_01jh6x76wtemjr74t1fh0faj5t"])
def test_a_file_that_is_not_there_is_refused(together_api, id):
    assert refused(create, id)[0] == 400
    assert said_by(create, id) == f"File {id} not found"


@pytest.mark.parametrize("purpose", ["batch-api", "eval"])
def test_a_file_of_another_purpose_is_refused(together_api, upload, purpose):
    assert f"has the purpose {purpose}, not fine-tune" in said_by(create, upload(purpose=purpose))


@pytest.mark.llm_allow("LLM102", "LLM103")
@pytest.mark.parametrize(
    "model", ["nobody/knows-it", "llama-3.3-70b-versatile", "intfloat/multilingual-e5-large-instruct"]
)
def test_a_model_that_cannot_be_trained_is_refused(together_api, upload, model):
    assert refused(create, upload(), model=model)[0] == 404
    assert refused(client_of().fine_tuning.model_limits, model_name=model)[0] == 404


@pytest.mark.parametrize(("field", "value"), [("n_epochs", 21), ("n_evals", 101), ("n_checkpoints", 11)])
def test_more_than_the_limits_of_the_model_is_refused(together_api, upload, field, value):
    limits = client_of().fine_tuning.model_limits(model_name=BASE)
    assert getattr(limits, f"max_num_{field[2:]}") == value - 1
    body = {"training_file": upload(), "model": BASE, field: value}

    assert f"{field} must be at most {value - 1}" in said_by(
        client_of().post, f"{API}/fine-tunes", body=body, cast_to=object
    )


@pytest.mark.llm_allow("LLM101", "LLM102")
@pytest.mark.parametrize(
    "change",
    [
        *(
            {"n_epochs": 0},
            {"n_epochs": "3"},
            {"training_file": None},
            {"training_file": 7},
            {"model": 7},
            {"model": None},
        ),
        *({"suffix": "x" * 41}, {"training_type": {"type": "Half"}}, {"training_method": "sft"}, {"learning_rate": -1}),
    ],
)
def test_a_body_of_the_wrong_form_is_a_400(together_api, upload, change):
    body = {"training_file": upload(), "model": BASE, **change}

    assert refused(client_of().post, f"{API}/fine-tunes", body=body, cast_to=object)[0] == 400


@pytest.mark.llm_allow("LLM101")
def test_an_estimate_looks_away_from_what_it_does_not_know(together_api, upload):
    body = {"training_file": upload(), "model": BASE, "n_checkpoints": "many", "max_seq_length": [1]}

    assert client_of().post(f"{API}/fine-tunes/estimate-price", body=body, cast_to=object)["estimation_available"]


@pytest.mark.parametrize("id", ["ft-00000000-0000", "batch_01jh6xa7reempvjyh6n3yst2zw", "x" * 300])
@pytest.mark.parametrize("way", ["retrieve", "cancel", "delete", "list_events", "list_checkpoints", "list_metrics"])
def test_a_job_that_is_not_there_is_a_404(together_api, id, way):
    assert refused(getattr(client_of().fine_tuning, way), id)[0] == 404
    assert refused(client_of().fine_tuning.content, ft_id=id)[0] == 404


# More of it


def test_training_goes_on_from_a_checkpoint(together_api, llm_clock, upload):
    file = upload()
    job = create(file, n_checkpoints=2)
    llm_clock.advance(hours=1)

    for checkpoint in (job.id, f"{job.id}:75", f"{job.x_model_output_name}:150"):
        again = create(file, model=None, from_checkpoint=checkpoint)
        assert (again.model, again.from_checkpoint) == (BASE, checkpoint)
    assert "not found" in said_by(
        client_of().post,
        f"{API}/fine-tunes",
        cast_to=object,
        body={"training_file": file, "from_checkpoint": f"{job.id}:7"},
    )


@third
def test_a_deleted_job_is_gone_with_its_model(together_api, llm_clock, upload):
    client = client_of()
    client = client_of(project_id=client.whoami().project.id)
    job = create(upload())
    assert "cancel it first, or use force" in said_by(client.fine_tuning.delete, job.id)
    llm_clock.advance(hours=1)
    assert job.id in client.fine_tuning.delete(job.id).message

    assert client.fine_tuning.list().data == []
    assert list(client.models.list()) == []
    assert job.x_model_output_name not in {model["id"] for model in client.get(f"{API}/models", cast_to=object)}


def test_force_deletes_a_job_that_runs_and_gives_back_what_was_not_done(together_api, llm_clock, upload):
    job = create(upload())
    llm_clock.advance(seconds=10)
    assert together_api.account.balance == 21
    client_of().fine_tuning.delete(job.id, extra_query={"force": "true"})
    llm_clock.advance(days=1)

    assert together_api.account.balance == 25


def test_jobs_are_listed_newest_first(together_api, llm_clock, upload):
    file = upload()
    ids = [create(file).id for _ in range(3)]

    assert [job.id for job in client_of().fine_tuning.list().data] == ids[::-1]


def test_a_reset_forgets_jobs_that_are_under_way(together_api, llm_clock, upload):
    job = create(upload())
    llm_clock.advance(seconds=5)
    together_api.reset()
    llm_clock.advance(days=1)

    assert client_of().fine_tuning.list().data == []
    assert refused(client_of().fine_tuning.retrieve, job.id)[0] == 404
    assert together_api.account.balance == 25
    assert job.x_model_output_name not in {model["id"] for model in client_of().get(f"{API}/models", cast_to=object)}


def test_one_jump_of_the_clock_is_as_good_as_many_steps(upload):
    def life(steps):
        with simulate("together", balance=100) as api:
            begun, file = api.clock.now, upload()
            jobs = [create(file), create(file, n_checkpoints=3)]
            for _ in range(steps):
                api.clock.advance(seconds=1200 / steps)
            charged = [entry.amount for entry in api.account.entries if entry.what == "usage"]
            told = [event for job in jobs for event in client_of().fine_tuning.list_events(job.id).data]
            return charged, [(event.type, datetime.fromisoformat(event.created_at) - begun) for event in told]

    assert life(1) == life(400)


def test_a_scripted_refusal_is_given_once(together_api, upload):
    file = upload()
    together_api.fail("insufficient_balance", when={"suffix": "fruits"})
    assert refused(create, file)[0] == 402
    assert create(file).status == "pending"


def test_a_reply_for_chat_is_not_used_up_by_a_job(together_api, upload):
    together_api.reply("Hello there")
    create(upload())

    answer = client_of().chat.completions.create(model="openai/gpt-oss-120b", messages=HELLO)
    assert answer.choices[0].message.content == "Hello there"


# Recorded and replayed

RECORDED = """
import json, time
from pathlib import Path
import pytest, together

EXAMPLE = json.dumps({"prompt": "The printer hums", "completion": "hardware"})

@pytest.mark.llm_contract
def test_training(together_api, llm_clock, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\\n".join([EXAMPLE] * 50))
    client = together.Together()
    file = client.files.upload(path, purpose="fine-tune")
    job = client.fine_tuning.create(training_file=file.id, model="Qwen/Qwen3-8B", lora=True, n_epochs=EPOCHS)
    while client.fine_tuning.retrieve(job.id).status != "completed":
        time.sleep(600)
    assert client.fine_tuning.list_events(job.id).data[-1].type == "job_complete"
    assert client.fine_tuning.content(ft_id=job.id).read()
    assert together_api.calls[-1].recorded == RECORDED
"""


def test_a_life_is_recorded_and_replayed_and_a_changed_one_is_found(run_pytest, pytester):
    text = RECORDED.replace("EPOCHS", "2")
    pytester.makepyfile(test_it=text.replace("RECORDED", "False"))
    run_pytest("--llmcontract-record=once").assert_outcomes(passed=1)
    pytester.makepyfile(test_it=text.replace("RECORDED", "True"))
    run_pytest().assert_outcomes(passed=1)
    pytester.makepyfile(test_it=RECORDED.replace("EPOCHS", "3").replace("RECORDED", "True"))

    run_pytest().assert_outcomes(failed=1)
    found = verify(pytester.path)
    assert found.checked > 8
    assert found.violations == []
