"""Together's dedicated endpoints of the first kind: what they answer, cost, and when they stop."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from types import NoneType

import httpx
import pytest
import together

from pytest_llmcontract import simulate

MODEL = "Qwen/Qwen3-8B"
H100 = "1x_nvidia_h100_80gb_sxm"
ONE = {"min_replicas": 1, "max_replicas": 1}
READY = 300
"""Seconds until an endpoint is ready."""
MINUTE = Decimal("0.09")
DAY = {"edition": "2026-06-01"}
dedicated = pytest.mark.together_api(**DAY, balance=25)
V2 = together.__version__.startswith("2.")


class Endpoints:
    """They by the SDK that has them (2), else by hand through the SDK that is there; everything as plain JSON."""

    def __init__(self):
        self.client = together.Together(api_key="k", max_retries=0)

    def create(self, model=MODEL, hardware=H100, autoscaling=ONE, **more):
        body = {"model": model, "hardware": hardware, "autoscaling": autoscaling, **more}
        if V2:
            return self.client.endpoints.create(**body).to_dict()
        return self.client.post("/v1/endpoints", cast_to=object, body=body)

    def retrieve(self, id):
        if V2:
            return self.client.endpoints.retrieve(id).to_dict()
        return self.client.get(f"/v1/endpoints/{id}", cast_to=object)

    def state(self, id):
        return self.retrieve(id)["state"]

    def update(self, id, **body):
        if V2:
            return self.client.endpoints.update(id, **body).to_dict()
        return self.client.patch(f"/v1/endpoints/{id}", cast_to=object, body=body)

    def delete(self, id):
        if V2:
            self.client.endpoints.delete(id)
        else:
            self.client.delete(f"/v1/endpoints/{id}", cast_to=NoneType)

    def list(self, **query):
        if V2:
            return self.client.endpoints.list(**query).to_dict()["data"]
        return self.client.get("/v1/endpoints", cast_to=object, options={"params": query})["data"]

    def hardware(self, **query):
        if V2:
            return self.client.endpoints.list_hardware(**query).to_dict()["data"]
        return self.client.get("/v1/hardware", cast_to=object, options={"params": query})["data"]

    def zones(self):
        if V2:
            return self.client.endpoints.list_avzones().to_dict()["avzones"]
        return self.client.get("/v1/clusters/availability-zones", cast_to=object)["avzones"]

    def adapters(self, id):
        if V2:
            return self.client.endpoints.adapters.list(id).to_dict()["data"]
        return self.client.get(f"/v1/endpoints/{id}/adapters", cast_to=object)["data"]

    def add_adapter(self, id, name):
        if V2:
            return self.client.endpoints.adapters.add(id, model_id=name)
        return self.client.post(f"/v1/endpoints/{id}/adapters", cast_to=object, body={"model_id": name})

    def remove_adapter(self, id, name):
        if V2:
            return self.client.endpoints.adapters.remove(id, model_id=name).to_dict()
        return self.client.delete(f"/v1/endpoints/{id}/adapters", cast_to=object, body={"model_id": name})

    def job(self, id):
        if V2:
            return self.client.models.uploads.status(id).to_dict()
        return self.client.get(f"/v1/jobs/{id}", cast_to=object)

    def upload(self, name, **more):
        body = {"model_name": name, "model_source": "https://huggingface.co/a/b", **more}
        if V2:
            return self.client.models.upload(**body).to_dict()["data"]
        return self.client.post("/v1/models", cast_to=object, body=body)["data"]

    def chat(self, model, **more):
        messages = [{"role": "user", "content": "Say hello"}]
        return self.client.chat.completions.create(model=model, messages=messages, **more)


@pytest.fixture
def endpoints(together_api):
    return Endpoints()


def refusal(deed, status, *, code=None):
    """The message with which *deed* is refused."""
    with pytest.raises(together.APIStatusError) as caught:
        deed()
    assert caught.value.status_code == status
    error = caught.value.body.get("error", caught.value.body)
    assert code is None or error["code"] == code
    return error["message"]


# What there is


@dedicated
def test_hardware_has_prices_by_the_minute(endpoints):
    prices = {each["id"]: each["pricing"]["cents_per_minute"] for each in endpoints.hardware()}

    assert (prices[H100], prices["2x_nvidia_h100_80gb_sxm"], prices["4x_nvidia_h100_80gb_sxm"]) == (9, 18, 36)
    assert "availability" not in endpoints.hardware()[0]


@dedicated
def test_hardware_of_a_model_says_whether_any_is_left(endpoints):
    first = endpoints.hardware(model=MODEL)[0]

    assert first["availability"] == {"status": "available"}
    assert first["specs"] == {"gpu_type": "h100-80gb", "gpu_link": "sxm", "gpu_memory": 80, "gpu_count": 1}


@dedicated
def test_no_hardware_is_offered_for_an_unknown_model(endpoints):
    assert refusal(lambda: endpoints.hardware(model="nobody/nothing"), 404) == "No GPU configurations found for model"


@dedicated
def test_there_is_a_zone(endpoints):
    assert endpoints.zones() == ["us-central-4b"]


# Its life


@dedicated
def test_an_endpoint_is_pending_starting_started_stopping_and_stopped(endpoints, llm_clock):
    made = endpoints.create()
    states = [made["state"]]
    for seconds in (1, READY - 1):
        llm_clock.advance(seconds=seconds)
        states.append(endpoints.state(made["id"]))
    states.append(endpoints.update(made["id"], state="STOPPED")["state"])
    llm_clock.advance(seconds=10)
    states.append(endpoints.state(made["id"]))

    assert states == ["PENDING", "STARTING", "STARTED", "STOPPING", "STOPPED"]


@dedicated
def test_a_call_is_answered_while_it_runs_and_refused_before_and_after(endpoints, llm_clock):
    made = endpoints.create()
    words = refusal(lambda: endpoints.chat(made["name"]), 400, code="dedicated_endpoint_not_running")
    llm_clock.advance(seconds=READY)
    answer = endpoints.chat(made["name"])
    endpoints.update(made["id"], state="STOPPED")

    assert words.startswith(f"The dedicated endpoint for {made['name']} is not running.")
    assert (answer.model, answer.choices[0].finish_reason) == (made["name"], "stop")
    assert refusal(lambda: endpoints.chat(made["name"]), 400, code="dedicated_endpoint_not_running") == words


@dedicated
def test_nothing_but_the_minutes_costs_money_and_no_limit_holds(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(seconds=READY)
    for _ in range(150):
        endpoints.chat(made["name"])

    assert together_api.account.balance == 25
    assert together_api.calls.last.cost == 0
    assert not [name for name in together_api.calls.last.reply.headers if "ratelimit" in name]


@dedicated
def test_its_minutes_are_the_cost_of_the_call_that_made_it(endpoints, together_api, llm_clock):
    endpoints.create()
    llm_clock.advance(seconds=READY, minutes=55)
    assert together_api.calls.of(operation="endpoints.create").cost == 55 * MINUTE
    llm_clock.advance(minutes=30)
    together_api.account.charge(1)  # whatever else moves the balance enters what has accrued

    assert together_api.calls.cost == 85 * MINUTE


def test_what_runs_when_a_test_ends_is_paid_until_then():
    with simulate("together", **DAY) as api:
        Endpoints().create()
        api.clock.advance(seconds=READY, minutes=30)
        assert api.calls.cost == 0

    assert api.calls.cost == 30 * MINUTE
    assert sum(entry.amount for entry in api.account.entries if entry.what == "usage") == 30 * MINUTE


def test_a_budget_of_a_test_counts_the_endpoint_that_it_forgot(run_pytest, pytester):
    pytester.makepyfile(
        """
        import httpx
        import pytest

        ORDER = {
            "model": "Qwen/Qwen3-8B",
            "hardware": "1x_nvidia_h100_80gb_sxm",
            "autoscaling": {"min_replicas": 1, "max_replicas": 1},
        }

        @pytest.mark.llm_budget(cost=2)
        @pytest.mark.together_api(edition="2026-06-01")
        def test_night(together_api, llm_clock):
            client = httpx.Client(headers={"authorization": "Bearer key"})
            client.post("https://api.together.ai/v1/endpoints", json=ORDER)
            llm_clock.advance(minutes=50)
        """
    )
    result = run_pytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*$4.05*"])


@dedicated
def test_one_that_shall_not_start_costs_nothing_until_it_does(endpoints, together_api, llm_clock):
    made = endpoints.create(state="STOPPED")
    llm_clock.advance(days=30)
    assert (made["state"], together_api.account.balance) == ("STOPPED", 25)

    assert endpoints.update(made["id"], state="STARTED")["state"] == "PENDING"
    llm_clock.advance(seconds=READY, minutes=10)
    assert together_api.account.balance == 25 - 10 * MINUTE


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_a_deleted_one_is_gone_and_costs_nothing(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(seconds=READY, minutes=5)
    endpoints.delete(made["id"])
    llm_clock.advance(days=1)

    assert (endpoints.list(), together_api.account.balance) == ([], 25 - 5 * MINUTE)
    assert refusal(lambda: endpoints.retrieve(made["id"]), 404)
    assert refusal(lambda: endpoints.chat(made["name"]), 404, code="model_not_available")


@dedicated
def test_a_list_has_the_newest_first_and_none_that_is_serverless(endpoints):
    first, second = endpoints.create(), endpoints.create(display_name="mine")

    assert [each["id"] for each in endpoints.list()] == [second["id"], first["id"]]
    assert endpoints.list(type="serverless") == []
    assert [first["display_name"], second["display_name"]] == [MODEL, "mine"]


# Left alone


@dedicated
def test_it_stops_when_nobody_calls_it_for_so_many_minutes(endpoints, together_api, llm_clock):
    made = endpoints.create(inactive_timeout=5)
    llm_clock.advance(seconds=READY, minutes=4)
    endpoints.chat(made["name"])
    llm_clock.advance(minutes=4, seconds=59)
    assert endpoints.state(made["id"]) == "STARTED"
    llm_clock.advance(days=3)

    assert endpoints.state(made["id"]) == "STOPPED"
    assert together_api.account.balance == 25 - 9 * MINUTE


@dedicated
def test_another_timeout_holds_at_once(endpoints, llm_clock):
    made = endpoints.create(inactive_timeout=60)
    llm_clock.advance(seconds=READY, minutes=30)
    endpoints.update(made["id"], inactive_timeout=90)
    llm_clock.advance(minutes=59)
    assert endpoints.state(made["id"]) == "STARTED"
    endpoints.update(made["id"], inactive_timeout=10)
    llm_clock.advance(seconds=0)

    assert endpoints.state(made["id"]) == "STOPPING"


@dedicated
@pytest.mark.parametrize("timeout", [0, None])
def test_without_a_timeout_it_runs_for_ever(endpoints, llm_clock, timeout):
    made = endpoints.create(inactive_timeout=timeout)
    llm_clock.advance(hours=3)

    assert endpoints.state(made["id"]) == "STARTED"


# Money


@dedicated
def test_every_replica_costs_from_when_it_is_ready(endpoints, together_api, llm_clock):
    made = endpoints.create(autoscaling={"min_replicas": 2, "max_replicas": 4})
    llm_clock.advance(seconds=READY, minutes=10)
    assert together_api.account.balance == 25 - 20 * MINUTE
    assert together_api.account.endpoints == {made["id"]: Decimal("10.80")}
    endpoints.update(made["id"], autoscaling=ONE)
    llm_clock.advance(minutes=10)

    assert together_api.account.balance == 25 - 30 * MINUTE


@dedicated
def test_more_replicas_cost_when_they_are_ready_and_the_others_answer_meanwhile(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(seconds=READY)
    endpoints.update(made["id"], autoscaling={"min_replicas": 3, "max_replicas": 3})
    llm_clock.advance(seconds=READY)
    assert endpoints.chat(made["name"])
    assert together_api.account.balance == 25 - 5 * MINUTE
    llm_clock.advance(minutes=1)

    assert together_api.account.balance == 25 - 8 * MINUTE


@pytest.mark.together_api(**DAY, balance="0.08")
def test_an_endpoint_that_the_account_cannot_pay_is_not_made(endpoints, together_api):
    words = refusal(endpoints.create, 402, code="insufficient_balance")

    assert words.endswith("Required combined balance and credit limit: 0.09 USD")
    assert endpoints.list() == []
    finding = together_api.calls[0].violations[0]
    assert (finding.code, finding.message) == (
        "LLM501",
        "together endpoints.create: $0.08 do not pay for it: it needs $0.09",
    )
    together_api.account.buy_credits(5)
    assert endpoints.create()["state"] == "PENDING"


@pytest.mark.together_api(**DAY, balance="0.15")
def test_an_endpoint_that_the_account_cannot_pay_is_not_started_nor_scaled_up(endpoints, together_api, llm_clock):
    made = endpoints.create()
    two = {"min_replicas": 2, "max_replicas": 2}

    assert refusal(lambda: endpoints.update(made["id"], autoscaling=two), 402, code="insufficient_balance")
    assert endpoints.retrieve(made["id"])["autoscaling"] == ONE
    llm_clock.advance(seconds=READY, minutes=1)
    endpoints.update(made["id"], state="STOPPED")
    assert refusal(lambda: endpoints.update(made["id"], state="STARTED"), 402, code="insufficient_balance")


@pytest.mark.together_api(**DAY, balance="0.50")
def test_when_the_money_is_gone_it_stops_and_the_account_says_so(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(hours=5)
    account = together_api.account

    assert account.balance == Decimal("-0.04")
    assert [event.what for event in account.events] == ["endpoint", "suspended", "endpoint_stopped"]
    assert account.events[0].sentence == f"{made['id']} of {MODEL} runs for $5.40 an hour."
    assert account.events[2].sentence == f"{made['id']} is stopped: there are no funds."
    assert account.endpoints == {}
    account.buy_credits(5)
    assert endpoints.state(made["id"]) == "STOPPED"
    assert refusal(lambda: endpoints.chat(made["name"]), 400, code="dedicated_endpoint_not_running")


@dedicated
def test_whoever_owns_the_account_can_stop_what_the_api_started(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(seconds=READY, minutes=2)
    together_api.account.stop_endpoint(made["id"])
    llm_clock.advance(hours=1)

    assert endpoints.state(made["id"]) == "STOPPED"
    assert together_api.account.balance == 25 - 2 * MINUTE
    assert endpoints.update(made["id"], state="STARTED")["state"] == "PENDING"


@pytest.mark.together_api(edition="2026-03-10", balance=5, tier=1)
def test_until_april_2026_a_forgotten_endpoint_costs_on_below_nothing(endpoints, together_api, llm_clock):
    llm_clock.travel_to(datetime(2026, 3, 10, 12))
    endpoints.create()
    llm_clock.advance(seconds=READY, hours=10)
    assert together_api.account.balance == 5 - 600 * MINUTE
    llm_clock.advance(hours=24)

    assert together_api.account.balance == Decimal("-100.03")
    assert together_api.account.endpoints == {}


def test_one_long_step_of_the_clock_is_many_short_ones():
    ledgers = []
    for steps in (1, 700):
        with simulate("together", **DAY, balance=30) as api:
            endpoints = Endpoints()
            made = endpoints.create(inactive_timeout=120)
            for _ in range(steps):
                api.clock.advance(seconds=25_200 / steps)
            ledgers.append(
                (
                    api.account.balance,
                    [(e.at, e.amount) for e in api.account.entries],
                    [e.what for e in api.account.events],
                )
            )
            assert endpoints.state(made["id"]) == "STOPPED"

    assert ledgers[0] == ledgers[1]
    assert ledgers[0][0] == 30 - 120 * MINUTE


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_a_reset_forgets_what_runs(endpoints, together_api, llm_clock):
    made = endpoints.create()
    llm_clock.advance(seconds=READY)
    together_api.reset()
    llm_clock.advance(days=2)

    assert (endpoints.list(), together_api.account.balance, together_api.account.events) == ([], 25, [])
    assert refusal(lambda: endpoints.chat(made["name"]), 404, code="model_not_available")


# The end of this kind


@pytest.mark.together_api(edition="2026-07-15", balance=10_000)
def test_what_runs_when_the_api_ends_goes_on_and_cannot_be_started_again(endpoints, llm_clock):
    made = endpoints.create()
    llm_clock.travel_to(datetime(2026, 7, 16, 1))
    words = refusal(endpoints.create, 403, code="endpoints_v1_create_access_disabled")
    assert "no longer supports creating or restarting endpoints" in words
    assert endpoints.chat(made["name"]).choices
    endpoints.update(made["id"], state="STOPPED")

    starts = lambda: endpoints.update(made["id"], state="STARTED")  # noqa: E731
    assert refusal(starts, 403, code="endpoints_v1_create_access_disabled") == words
    assert endpoints.hardware(model=MODEL)


# What it runs


@dedicated
def test_scripts_reach_its_calls_and_none_that_starts_and_stops_it(endpoints, together_api, llm_clock):
    together_api.reply("hello from the test", times=1)
    made = endpoints.create()
    llm_clock.advance(seconds=READY)
    assert endpoints.chat(made["name"]).choices[0].message.content == "hello from the test"
    together_api.fail(503, times=1)

    assert refusal(lambda: endpoints.update(made["id"], state="STOPPED"), 503)
    assert endpoints.state(made["id"]) == "STARTED"


@dedicated
def test_a_model_does_on_a_machine_what_it_does_elsewhere_and_nothing_else(endpoints, together_api, llm_clock):
    made = endpoints.create(model="intfloat/multilingual-e5-large-instruct")
    llm_clock.advance(seconds=READY)
    vector = endpoints.client.embeddings.create(model=made["name"], input="hello").data[0].embedding

    assert len(vector) == 1024
    assert refusal(lambda: endpoints.chat(made["name"]), 400)
    assert [finding.code for finding in together_api.calls.last.violations] == ["LLM102"]
    together_api.calls.last.violations.clear()


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_adapters_are_models_of_their_own_while_the_endpoint_runs(endpoints, llm_clock):
    endpoints.upload("style", base_model=MODEL)
    llm_clock.advance(hours=1)
    made = endpoints.create()
    name = f"{made['name']}:test-project/style"
    endpoints.add_adapter(made["id"], name)
    assert refusal(lambda: endpoints.chat(name), 400, code="dedicated_endpoint_not_running")
    llm_clock.advance(seconds=READY)

    assert endpoints.chat(name).model == name
    assert [each["adapter_name"] for each in endpoints.adapters(made["id"])] == ["test-project/style"]
    assert endpoints.remove_adapter(made["id"], name)["deleted"] is True
    assert refusal(lambda: endpoints.remove_adapter(made["id"], name), 400)
    endpoints.add_adapter(made["id"], name)
    endpoints.delete(made["id"])
    assert refusal(lambda: endpoints.chat(name), 404, code="model_not_available")


@dedicated
def test_an_upload_is_a_job_of_ten_minutes(endpoints, llm_clock):
    job = endpoints.upload("mine", hf_token="secret")["job_id"]
    seen = []
    for seconds in (1, 599, 0):
        seen.append(endpoints.job(job)["status"])
        llm_clock.advance(seconds=seconds)

    assert seen == ["Queued", "Running", "Complete"]
    assert "secret" not in str(endpoints.job(job))
    assert refusal(lambda: endpoints.job("job-1"), 404, code="not_found")
    assert refusal(lambda: endpoints.upload(""), 400)


@dedicated
def test_an_own_model_answers_once_an_endpoint_runs_it(endpoints, llm_clock):
    own = endpoints.upload("mine", base_model=MODEL)["model_name"]
    llm_clock.advance(hours=1)
    assert refusal(lambda: endpoints.chat(own), 404, code="model_not_available")
    made = endpoints.create(model=own)
    llm_clock.advance(seconds=READY)

    assert endpoints.chat(own).choices
    assert endpoints.chat(made["name"]).choices


# Wrong input


@dedicated
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "nobody/nothing"}, 404, "No GPU configurations"),
        ({"model": ""}, 404, "No GPU configurations"),
        ({"hardware": "1x_nvidia_a100"}, 400, "Unknown hardware 1x_nvidia_a100; available: 1x_nvidia_h100_80gb_sxm"),
        ({"autoscaling": {"min_replicas": -1, "max_replicas": 1}}, 400, "min_replicas -1 and max_replicas 1 are no"),
        ({"autoscaling": {"min_replicas": 2, "max_replicas": 1}}, 400, "min_replicas 2 and max_replicas 1 are no"),
        ({"autoscaling": {"min_replicas": 0, "max_replicas": 0}}, 400, "min_replicas 0 and max_replicas 0 are no"),
        ({"autoscaling": {"min_replicas": 10**6, "max_replicas": 10**6}}, 402, "exceed your maximum account balance"),
        ({"autoscaling": {"min_replicas": 10**30, "max_replicas": 10**30}}, 400, "are no range"),
        ({"autoscaling": {"min_replicas": "1", "max_replicas": 1}}, 400, "Input validation error"),
        ({"inactive_timeout": -5}, 400, "inactive_timeout must be 0 to 2147483647 minutes"),
        ({"inactive_timeout": 10**40}, 400, "inactive_timeout must be 0 to 2147483647 minutes"),
        ({"state": "RUNNING"}, 400, "Input validation error"),
    ],
)
def test_what_cannot_be_is_refused_and_makes_nothing(together_api, endpoints, body, status, words):
    assert words in refusal(lambda: endpoints.create(**body), status)
    assert endpoints.list() == []
    for call in together_api.calls:
        call.violations.clear()


@dedicated
@pytest.mark.parametrize("id", ["endpoint-1", "file_01jh6x76wtemjr74t1fh0faj5t", "ep_1", "ft-1-2", "x" * 3000])
def test_an_id_that_is_nobodys_is_not_found(endpoints, id):
    for deed in (
        endpoints.retrieve,
        endpoints.delete,
        endpoints.adapters,
        lambda id: endpoints.update(id, state="STOPPED"),
    ):
        assert refusal(lambda deed=deed: deed(id), 404, code="not_found")


@dedicated
def test_the_name_of_an_endpoint_is_no_model_to_deploy(endpoints, together_api):
    made = endpoints.create()

    assert refusal(lambda: endpoints.create(model=made["name"]), 404)
    assert [finding.code for finding in together_api.calls.last.violations] == ["LLM103"]
    together_api.calls.last.violations.clear()


@dedicated
@pytest.mark.parametrize(
    "name", ["style", "{name}:", "{name}:nobody/nothing", "other:test-project/style", "{name}:{name}"]
)
def test_an_adapter_is_named_behind_its_endpoint_and_has_to_be_there(endpoints, name):
    made = endpoints.create()

    assert refusal(lambda: endpoints.add_adapter(made["id"], name.format(name=made["name"])), 400)
    assert endpoints.adapters(made["id"]) == []


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/compute/clusters", "clusters"),
        ("POST", "/v1/compute/clusters/c-1/instances/i-1/remediations", "clusters"),
        ("GET", "/v1/deployments", "jig"),
        ("PATCH", "/v1/deployments/secrets/s-1", "jig"),
        ("POST", "/v1/queue/submit", "jig"),
        ("POST", "/v1/rl/training-sessions", "post_training"),
        ("GET", "/v1/shaping/x/events", "post_training"),
    ],
)
def test_what_is_not_simulated_says_so_and_can_be_scripted(method, path, name):
    with simulate("together", check=False) as api:
        api.reply(body={"scripted": True}, when=lambda request: "scripted" in request.url, times=1)
        client = httpx.Client(headers={"authorization": "Bearer key"})
        body = {"model": "a-queue-of-ours"}  # what it means there is not known
        refused = client.request(method, f"https://api.together.ai{path}", json=body)
        scripted = client.request(method, f"https://api.together.ai{path}?scripted", json=body)

        assert (refused.status_code, api.calls[0].operation) == (501, name)
        assert refused.headers["x-should-retry"] == "false"  # the SDKs would ask again twice, with waits between
        assert refused.json()["error"]["message"] == f"pytest-llmcontract does not simulate together {name}"
        assert [finding.code for finding in api.calls[0].violations] == ["LLM204"]
        assert scripted.json() == {"scripted": True}
