"""Together's dedicated endpoints of the second kind: endpoints, deployments, traffic, rollouts, experiments, money."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import together

from pytest_llmcontract import simulate

if together.__version__.split(".")[0] == "2":
    pytest.skip("the SDK has them since version 3", allow_module_level=True)

MODEL, OTHER = "Qwen/Qwen3-8B", "openai/gpt-oss-20b"
H100, B200 = "1x-h100-80gb-sxm", "1x-b200-180gb-sxm"
READY = 300
HOURLY = Decimal("5.49")
ONE = {"min_replicas": 1, "max_replicas": 1}
NONE = {"min_replicas": 0, "max_replicas": 0}
dedicated = pytest.mark.together_api(edition="2026-10-07", balance=100)


class Project:
    """A project of the account, and what is done in it."""

    def __init__(self):
        who = together.Together(api_key="k", max_retries=0).whoami()
        self.id, self.organization, self.slug = who.project.id, who.organization.id, who.project.slug
        self.client = together.Together(api_key="k", max_retries=0, project_id=self.id)
        self.endpoints = self.client.endpoints

    def config(self, instance=H100):
        there = self.client.models.configs.list(reference_model=MODEL).data
        return next(each.id for each in there if each.selectors[0].value == instance)

    def deploy(self, endpoint, name="blue", autoscaling=ONE, **more):
        what = {"model": MODEL, "config": self.config(), **more}
        return self.endpoints.deployments.create(endpoint.id, name=name, autoscaling=autoscaling, **what)

    def route(self, endpoint, **weights):
        split = [{"deployment_id": id, "weight": weight} for id, weight in weights.items()]
        return self.endpoints.update(endpoint.id, traffic_split=split)

    def running(self, name="chat", **more):
        """An endpoint with one deployment, which has all of its traffic."""
        endpoint = self.endpoints.create(name=name)
        deployment = self.deploy(endpoint, **more)
        return self.route(endpoint, **{deployment.id: 1}), deployment

    def state(self, deployment):
        return self.now(deployment).status.state.removeprefix("DEPLOYMENT_STATE_")

    def now(self, deployment):
        return self.endpoints.deployments.retrieve(deployment.id, endpoint_id=deployment.endpoint_id)

    def scale(self, deployment, **autoscaling):
        return self.endpoints.deployments.update(
            deployment.id, endpoint_id=deployment.endpoint_id, autoscaling=autoscaling
        )

    def chat(self, model):
        return self.client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Say hello"}])


@pytest.fixture
def project(together_api):
    return Project()


def refusal(deed, status, *, code=None):
    """The message with which *deed* is refused."""
    with pytest.raises(together.APIStatusError) as caught:
        deed()
    assert caught.value.status_code == status
    error = caught.value.body.get("error", caught.value.body)
    assert code is None or error["code"] == code
    return error["message"]


# From a name to an answer


@dedicated
def test_an_endpoint_answers_once_a_deployment_with_traffic_is_ready(project, llm_clock):
    endpoint = project.endpoints.create(name="chat")
    assert endpoint.name == f"{project.slug}/chat"
    refused = [refusal(lambda: project.chat(endpoint.name), 503, code="routing_error")]
    deployment = project.deploy(endpoint)
    llm_clock.advance(seconds=READY)
    refused.append(refusal(lambda: project.chat(endpoint.name), 503, code="routing_error"))
    project.route(endpoint, **{deployment.id: 1})

    assert refused == [f"The endpoint {endpoint.name} has no deployment with traffic"] * 2
    assert project.chat(endpoint.name).model == endpoint.name


@dedicated
def test_a_deployment_is_provisioning_ready_scaling_and_stopped(project, llm_clock):
    endpoint, deployment = project.running()
    seen = [project.state(deployment)]
    assert refusal(lambda: project.chat(endpoint.name), 503, code="endpoint_not_ready")
    llm_clock.advance(seconds=READY)
    seen.append(project.state(deployment))
    project.scale(deployment, min_replicas=2, max_replicas=2)
    seen.append(project.state(deployment))
    assert project.now(deployment).status.ready_replicas == 1
    assert project.chat(endpoint.name).choices
    llm_clock.advance(seconds=READY)
    seen.append(project.state(deployment))
    project.scale(deployment, **NONE)
    seen.append(project.state(deployment))
    llm_clock.advance(seconds=10)
    seen.append(project.state(deployment))

    assert seen == ["PROVISIONING", "READY", "SCALING", "READY", "STOPPING", "STOPPED"]
    assert refusal(lambda: project.chat(endpoint.name), 503, code="endpoint_not_ready")


@dedicated
def test_a_deployment_answers_to_its_own_name_without_traffic(project, llm_clock):
    endpoint = project.endpoints.create(name="chat")
    deployment = project.deploy(endpoint, name="blue")
    assert deployment.name == f"{project.slug}/chat/blue"
    assert refusal(lambda: project.chat(deployment.name), 503, code="endpoint_not_ready")
    llm_clock.advance(seconds=READY)

    assert project.chat(deployment.name).model == deployment.name


@dedicated
def test_a_deployment_pins_model_and_config_by_the_names_of_resources(project):
    _, deployment = project.running()
    config = project.client.models.configs.retrieve(project.config())
    again = project.deploy(project.endpoints.create(name="b"), model=deployment.model, config=deployment.config)

    assert deployment.config == f"projects/{project.id}/configs/{config.id}"
    supported = project.client.models.list_supported(search=MODEL).data[0]
    revision = deployment.api_model_revision_id
    assert deployment.model == f"projects/{project.id}/models/{supported.id}/revisions/{revision}"
    assert (again.model, again.config, again.hardware) == (deployment.model, deployment.config, H100)


@dedicated
def test_an_endpoint_sums_up_what_is_behind_it(project, llm_clock):
    endpoint, blue = project.running(autoscaling={"min_replicas": 3})
    green = project.deploy(endpoint, name="green")
    project.route(endpoint, **{blue.id: 1, green.id: 1})
    llm_clock.advance(seconds=READY)
    seen = project.endpoints.retrieve(endpoint.id)

    assert [(each.id, each.ready_replicas, each.state) for each in seen.deployments] == [
        (blue.id, 3, "DEPLOYMENT_STATE_READY"),
        (green.id, 1, "DEPLOYMENT_STATE_READY"),
    ]
    assert [each.estimated_effective_traffic_share for each in seen.deployments] == [0.75, 0.25]
    assert blue.autoscaling.max_replicas == 3


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_another_name_is_the_one_that_answers(project, llm_clock):
    endpoint, deployment = project.running()
    llm_clock.advance(seconds=READY)
    renamed = project.endpoints.update(endpoint.id, name="talk")

    assert project.chat(renamed.name).choices
    assert project.chat(project.now(deployment).name).model == f"{project.slug}/talk/blue"
    for old in (endpoint.name, deployment.name):
        assert refusal(lambda old=old: project.chat(old), 404, code="model_not_available")


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_a_deployment_can_be_renamed(project, llm_clock):
    endpoint, blue = project.running()
    green = project.deploy(endpoint, name="green")
    update = project.endpoints.deployments.update
    llm_clock.advance(seconds=READY)
    renamed = update(blue.id, endpoint_id=endpoint.id, name="azul", etag=blue.etag)

    assert project.chat(renamed.name).model == f"{project.slug}/chat/azul"
    assert refusal(lambda: project.chat(blue.name), 404, code="model_not_available")
    taken = lambda: update(green.id, endpoint_id=endpoint.id, name=renamed.name)  # noqa: E731
    assert "azul exists already" in refusal(taken, 400)
    assert refusal(lambda: update(blue.id, endpoint_id=endpoint.id, name="x", etag=blue.etag), 409)


@dedicated
@pytest.mark.llm_allow("LLM103")
def test_what_has_traffic_or_deployments_cannot_be_deleted(project, llm_clock):
    endpoint, deployment = project.running()
    drop = lambda: project.endpoints.deployments.delete(deployment.id, endpoint_id=endpoint.id)  # noqa: E731
    assert "gets live traffic" in refusal(drop, 400)
    assert "has deployments" in refusal(lambda: project.endpoints.delete(endpoint.id), 400)
    project.route(endpoint)
    drop()
    assert project.endpoints.delete(endpoint.id) is not None

    assert list(project.endpoints.list()) == []
    for name in (endpoint.name, deployment.name):
        assert refusal(lambda name=name: project.chat(name), 404, code="model_not_available")


@dedicated
def test_to_validate_makes_nothing(project, llm_clock):
    endpoint = project.endpoints.create(name="chat")
    tried = project.deploy(endpoint, validate_only=True)
    llm_clock.advance(hours=1)

    assert (tried.name, tried.hardware) == (f"{project.slug}/chat/blue", H100)
    assert list(project.endpoints.deployments.list(endpoint.id)) == []
    assert "no range" in refusal(
        lambda: project.deploy(endpoint, autoscaling={"min_replicas": -1}, validate_only=True), 400
    )


# Money


@dedicated
def test_only_ready_replicas_are_paid_by_the_minute(project, together_api, llm_clock):
    _, deployment = project.running(autoscaling={"min_replicas": 2})
    account = together_api.account
    llm_clock.advance(seconds=READY)
    assert account.balance == 100
    llm_clock.advance(minutes=10, seconds=59)
    assert account.balance == 100 - 2 * HOURLY / 6
    assert account.endpoints == {deployment.id: 2 * HOURLY}
    project.scale(deployment, min_replicas=1)
    llm_clock.advance(minutes=9, seconds=1)
    assert account.balance == 100 - 2 * HOURLY / 6 - HOURLY / 6
    project.scale(deployment, **NONE)
    llm_clock.advance(days=9)

    assert account.balance == 100 - HOURLY / 2
    assert [event.what for event in account.events] == ["endpoint", "endpoint", "endpoint_stopped"]
    assert account.events[0].sentence == f"{deployment.id} of {MODEL} runs for $10.98 an hour."


@dedicated
def test_replicas_that_are_not_ready_yet_cost_nothing_while_others_answer(project, together_api, llm_clock):
    _, deployment = project.running()
    llm_clock.advance(seconds=READY)
    project.scale(deployment, min_replicas=3, max_replicas=3)
    llm_clock.advance(seconds=READY)
    assert together_api.account.balance == 100 - 5 * HOURLY / 60
    llm_clock.advance(minutes=1)

    assert together_api.account.balance == 100 - 8 * HOURLY / 60


@dedicated
def test_replicas_that_are_called_off_before_they_are_ready_cost_nothing(project, together_api, llm_clock):
    _, deployment = project.running(inactive_timeout=30)
    llm_clock.advance(seconds=READY)
    project.scale(deployment, min_replicas=3, max_replicas=3)
    llm_clock.advance(minutes=1)
    project.scale(deployment, min_replicas=1)
    assert project.state(deployment) == "READY"
    llm_clock.advance(hours=1)

    assert [event.what for event in together_api.account.events] == ["endpoint", "endpoint_stopped"]
    assert together_api.account.balance == 100 - HOURLY / 2


@dedicated
def test_prices_are_those_of_the_instance_types(project, together_api, llm_clock):
    prices = {each.id: each.price_cents_per_hour for each in project.endpoints.hardware.list().data}
    project.running(config=project.config(B200))
    llm_clock.advance(seconds=READY, hours=1)

    assert (prices[H100], prices[B200], prices["2x-h100-80gb-sxm"]) == (549, 899, 1098)
    assert together_api.account.balance == 100 - Decimal("8.99")
    assert project.endpoints.hardware.retrieve(B200).gpu_count == 1


@dedicated
def test_calls_of_an_endpoint_cost_nothing_and_have_no_limits(project, together_api, llm_clock):
    endpoint, _ = project.running()
    llm_clock.advance(seconds=READY)
    for _ in range(150):
        project.chat(endpoint.name)

    assert (together_api.calls.last.cost, together_api.account.balance) == (0, 100)


@pytest.mark.together_api(edition="2026-10-07", balance="0.15")
def test_what_the_account_cannot_pay_is_not_deployed_nor_scaled(project, together_api, llm_clock):
    endpoint = project.endpoints.create(name="chat")
    two = {"min_replicas": 2}
    words = refusal(lambda: project.deploy(endpoint, autoscaling=two), 402, code="insufficient_balance")
    assert words.endswith("0.19 USD")
    deployment = project.deploy(endpoint)
    assert refusal(lambda: project.scale(deployment, min_replicas=2, max_replicas=2), 402, code="insufficient_balance")

    assert [each.id for each in project.endpoints.deployments.list(endpoint.id)] == [deployment.id]
    assert project.now(deployment).autoscaling.min_replicas == 1
    assert {finding.code for call in together_api.calls for finding in call.violations} == {"LLM501"}


@pytest.mark.together_api(edition="2026-10-07", balance=11)
def test_when_the_money_is_gone_every_deployment_stops(project, together_api, llm_clock):
    endpoint, deployment = project.running()
    llm_clock.advance(hours=3)
    account = together_api.account
    assert [event.what for event in account.events] == ["endpoint", "suspended", "endpoint_stopped"]
    assert account.events[-1].sentence == f"{deployment.id} is stopped: there are no funds."
    account.buy_credits(5)

    assert project.state(deployment) == "STOPPED"
    assert refusal(lambda: project.chat(endpoint.name), 503, code="endpoint_not_ready")
    project.scale(deployment, max_replicas=1)
    assert project.state(deployment) == "STOPPED"
    project.scale(deployment, min_replicas=1)


@dedicated
def test_whoever_owns_the_account_can_stop_a_deployment(project, together_api, llm_clock):
    _, deployment = project.running()
    llm_clock.advance(seconds=READY)
    together_api.account.stop_endpoint(deployment.id)

    assert project.state(deployment) == "STOPPING"


@dedicated
def test_a_deployment_that_nobody_calls_stops_after_its_timeout(project, together_api, llm_clock):
    endpoint, deployment = project.running(inactive_timeout=30)
    llm_clock.advance(seconds=READY, minutes=29)
    project.chat(endpoint.name)
    llm_clock.advance(minutes=29)
    project.chat(deployment.name)
    llm_clock.advance(minutes=29, seconds=59)
    assert project.state(deployment) == "READY"
    llm_clock.advance(days=1)

    assert project.state(deployment) == "STOPPED"
    assert together_api.account.balance == 100 - 88 * HOURLY / 60


@dedicated
def test_a_window_to_zero_stops_it_too(project, llm_clock):
    _, deployment = project.running(autoscaling={**ONE, "scale_to_zero_window": "1h30m"}, inactive_timeout=120)
    llm_clock.advance(seconds=READY, minutes=89)
    assert project.state(deployment) == "READY"
    llm_clock.advance(minutes=1)

    assert project.state(deployment) == "STOPPING"


@dedicated
def test_a_reset_forgets_projects_and_what_runs(project, together_api, llm_clock):
    endpoint, _ = project.running()
    llm_clock.advance(seconds=READY)
    together_api.reset()
    llm_clock.advance(days=1)

    assert together_api.account.balance == 100
    assert list(Project().endpoints.list()) == []
    assert refusal(lambda: project.endpoints.retrieve(endpoint.id), 404, code="not_found")


# Etags, pages, filters


@dedicated
def test_an_old_etag_changes_nothing(project):
    endpoint = project.endpoints.create(name="chat")
    project.endpoints.update(endpoint.id, visibility="VISIBILITY_INTERNAL", etag=endpoint.etag)
    stale = (
        lambda: project.endpoints.update(endpoint.id, name="talk", etag=endpoint.etag),
        lambda: project.endpoints.delete(endpoint.id, etag=endpoint.etag),
    )

    for deed in stale:
        assert endpoint.id in refusal(deed, 409)
    kept = project.endpoints.retrieve(endpoint.id)
    assert (kept.name, kept.visibility) == (endpoint.name, "VISIBILITY_INTERNAL")
    project.endpoints.delete(endpoint.id, etag=kept.etag)


@dedicated
def test_a_mask_says_which_fields_change(project):
    endpoint = project.endpoints.create(name="chat")
    project.endpoints.update(endpoint.id, name="talk", visibility="VISIBILITY_INTERNAL", update_mask="visibility")
    kept = project.endpoints.retrieve(endpoint.id)

    assert (kept.name, kept.visibility) == (endpoint.name, "VISIBILITY_INTERNAL")
    unknown = lambda: project.endpoints.update(endpoint.id, name="talk", update_mask="created_at")  # noqa: E731
    assert "createdAt cannot be changed" in refusal(unknown, 400)


@dedicated
def test_lists_come_in_pages_the_newest_first_or_as_they_are_ordered(project, llm_clock):
    made = []
    for number in range(7):
        made.append(project.endpoints.create(name=f"e{number}").id)
        llm_clock.advance(seconds=1)
    project.endpoints.update(made[0], visibility="VISIBILITY_INTERNAL")
    first = project.endpoints.list(limit=3)

    assert [each.id for each in first.data] == made[:3:-1]
    assert first.next_cursor == made[4]
    assert [each.id for each in first] == made[::-1]
    assert [each.id for each in project.endpoints.list(order_by="created_at asc")] == made
    assert next(iter(project.endpoints.list(order_by="updated_at desc"))).id == made[0]
    shared = project.endpoints.list_org_scoped(project.organization)
    assert [each.id for each in shared] == [made[0]]


@dedicated
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('name:"chat"', ["chat-a", "chat-b"]),
        ("name = chat-a", ["chat-a"]),
        ("name = test-project/chat-a", ["chat-a"]),
        ('name:"*-b"', ["chat-b"]),
        ("name != chat-a AND NOT name:talk", ["chat-b"]),
        ("(name:talk OR name = chat-b) AND created_at > '2026-10-07T12:00:00Z'", ["chat-b"]),
        ('created_at <= "2026-10-07T14:00:00+02:00"', ["talk"]),
        ('name:"a[t"', []),
    ],
)
def test_a_filter_finds_by_name_and_time(project, llm_clock, text, found):
    for name in ("talk", "chat-a", "chat-b"):
        project.endpoints.create(name=name)
        llm_clock.advance(seconds=1)

    names = [
        each.name.removeprefix("test-project/") for each in project.endpoints.list(filter=text, order_by="created_at")
    ]
    assert names == found


@dedicated
def test_deployments_can_be_filtered_by_state_and_model(project, llm_clock):
    endpoint, blue = project.running()
    llm_clock.advance(seconds=READY)
    green = project.deploy(endpoint, name="green", model=OTHER)
    model = green.model.partition("/revisions/")[0]

    def found(text):
        return [each.id for each in project.endpoints.deployments.list(endpoint.id, filter=text)]

    assert found("state = DEPLOYMENT_STATE_READY") == [blue.id]
    assert found(f'model = "{model}"') == [green.id]
    assert found(f"name = {project.slug}/chat/green") == [green.id]


@dedicated
@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "= chat",
        "size > 3",
        "name ~ chat",
        "(name:chat",
        "name:chat AND",
        "NOT",
        "created_at > yesterday",
        "created_at > 2026-10-07T12:00:00",
        'created_at : "2026-10-07T12:00:00Z"',
        "(" * 60 + "name:a" + ")" * 60,
        "name:" + "a" * 5000,
        "\x00",
    ],
)
def test_what_is_no_filter_is_refused(project, text):
    assert refusal(lambda: project.endpoints.list(filter=text), 400) == "invalid filter expression"


@dedicated
@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": -1}, {"after": "ep_nobody"}, {"order_by": "name"}, {"order_by": "created_at up"}]
)
def test_what_is_no_page_is_refused(project, query):
    project.endpoints.create(name="chat")

    assert refusal(lambda: project.endpoints.list(**query), 400)


# What happened


@dedicated
def test_events_tell_the_story_the_newest_first(project, llm_clock):
    endpoint, deployment = project.running()
    llm_clock.advance(seconds=READY)
    begun = datetime(2026, 10, 7, 12, tzinfo=UTC)

    def told(**query):
        return [each.type for each in project.endpoints.list_events(endpoint.id, **query)]

    assert told() == ["deployment.scaled", "endpoint.updated", "deployment.created", "endpoint.created"]
    assert told(deployment_ids=[deployment.id]) == ["deployment.scaled", "deployment.created"]
    assert told(source_kinds=["SOURCE_KIND_ENDPOINT"]) == ["endpoint.updated", "endpoint.created"]
    assert told(types=["deployment.scaled"]) == told(since=begun.replace(minute=5)) == ["deployment.scaled"]
    assert told(until=begun) == told(min_level="LEVEL_WARN") == told(subject_id="ro_1") == []
    scaled, updated, created, _ = project.endpoints.list_events(endpoint.id)
    assert (scaled.old_replicas, scaled.new_replicas, created.name) == (0, 1, deployment.name)
    assert updated.paths == ["trafficSplit"]
    assert "is not of this endpoint" in refusal(lambda: told(deployment_ids=["dep_1"]), 400)
    assert refusal(lambda: told(since="yesterday"), 400)


@dedicated
def test_analytics_count_the_calls_of_the_time_asked_for(project, llm_clock):
    endpoint, deployment = project.running()
    with pytest.raises(together.APIStatusError):
        project.chat(endpoint.name)
    llm_clock.advance(seconds=READY)
    project.chat(endpoint.name)
    project.chat(deployment.name)

    def requests(**query):
        metrics = project.endpoints.analytics(endpoint.id, **query).metrics
        return metrics.request_metrics.total_requests, metrics.request_metrics.failed_requests

    llm_clock.advance(seconds=1)
    assert requests() == ("3", "1")
    assert requests(deployment_id=deployment.id) == ("1", "0")
    assert requests(start_time=datetime(2026, 10, 7, 12, 5, tzinfo=UTC)) == ("2", "0")
    assert refusal(lambda: requests(end_time="2020-01-01T00:00:00Z", start_time="2021-01-01T00:00:00Z"), 400)
    assert refusal(lambda: requests(deployment_id="dep_1"), 400)
    assert refusal(lambda: requests(end_time="0001-01-01T00:00:00Z"), 400)


# Rollouts


@pytest.fixture
def pair(project, llm_clock):
    """An endpoint, the deployment that has its traffic, and one that shall have it."""
    endpoint, blue = project.running(autoscaling={"min_replicas": 2})
    green = project.deploy(endpoint, name="green", model=OTHER, autoscaling=NONE)
    llm_clock.advance(seconds=READY)
    return endpoint, blue, green


def shares(project, endpoint):
    deployments = project.endpoints.retrieve(endpoint.id).deployments
    return [round(each.estimated_effective_traffic_share, 4) for each in deployments]


def plan(project, pair, **more):
    endpoint, blue, green = pair
    return project.endpoints.rollouts.create(
        endpoint.id, source_deployment_id=blue.id, target_deployment_id=green.id, **more
    )


@dedicated
def test_a_rollout_wakes_its_target_moves_the_traffic_in_steps_and_stops_its_source(
    project, pair, together_api, llm_clock
):
    endpoint, blue, green = pair
    rollouts = project.endpoints.rollouts
    rollout = plan(project, pair)
    assert (rollout.state, shares(project, endpoint)) == ("ROLLOUT_STATE_PENDING", [1, 0])
    rollouts.start(rollout.id, endpoint_id=endpoint.id)
    assert project.state(green) == "PROVISIONING"
    seen = []
    llm_clock.advance(seconds=READY)
    for _ in range(5):
        now = rollouts.retrieve(rollout.id, endpoint_id=endpoint.id)
        seen.append(
            (now.state.removeprefix("ROLLOUT_STATE_"), now.current_traffic_percent, shares(project, endpoint)[1])
        )
        llm_clock.advance(seconds=150)

    assert seen == [
        ("RUNNING", 5, 0.05), ("RUNNING", 25, 0.25), ("RUNNING", 50, 0.5), ("RUNNING", 100, 1), ("COMPLETED", 100, 1)
    ]  # fmt: skip
    assert (project.state(blue), project.now(green).status.ready_replicas) == ("STOPPED", 2)
    assert [each.deployment_id for each in project.endpoints.retrieve(endpoint.id).traffic_split] == [green.id]
    assert list(together_api.account.endpoints) == [green.id]
    assert project.chat(endpoint.name).choices
    about = project.endpoints.list_events(endpoint.id, subject_id=rollout.id)
    assert [event.type for event in about] == ["rollout.completed"]


@dedicated
def test_a_rollout_can_rest_go_on_and_be_cut_short(project, pair, llm_clock):
    endpoint, blue, _ = pair
    rollouts, rollout = project.endpoints.rollouts, plan(project, pair, final_source_replicas=1)
    rollouts.start(rollout.id, endpoint_id=endpoint.id)
    llm_clock.advance(seconds=READY)
    paused = rollouts.pause(rollout.id, endpoint_id=endpoint.id, reason="lunch")
    llm_clock.advance(hours=2)
    assert shares(project, endpoint) == [0.95, 0.05]
    assert (paused.pause_info.reason, paused.status.steps[0].state) == ("lunch", "ROLLOUT_STEP_STATE_PAUSED")
    rollouts.resume(rollout.id, endpoint_id=endpoint.id)
    llm_clock.advance(seconds=150)
    assert shares(project, endpoint) == [0.75, 0.25]
    done = rollouts.promote(rollout.id, endpoint_id=endpoint.id)

    assert (done.state, shares(project, endpoint)) == ("ROLLOUT_STATE_COMPLETED", [0, 1])
    assert project.now(blue).status.ready_replicas == 1


@dedicated
def test_a_cancelled_rollout_leaves_the_traffic_where_it_is(project, pair, llm_clock):
    endpoint = pair[0]
    rollouts, rollout = project.endpoints.rollouts, plan(project, pair)
    rollouts.start(rollout.id, endpoint_id=endpoint.id)
    llm_clock.advance(seconds=READY + 150)
    revert = lambda: rollouts.cancel(  # noqa: E731
        rollout.id, endpoint_id=endpoint.id, reason="no", disposition="CANCEL_DISPOSITION_REVERT"
    )
    assert "cannot be reverted" in refusal(revert, 400)
    assert "cancel it first" in refusal(lambda: rollouts.delete(rollout.id, endpoint_id=endpoint.id), 400)
    over = rollouts.cancel(rollout.id, endpoint_id=endpoint.id, reason="slow")
    llm_clock.advance(minutes=30)

    assert (over.state, shares(project, endpoint)) == ("ROLLOUT_STATE_CANCELED", [0.75, 0.25])
    assert [each.id for each in rollouts.list(endpoint.id, filter="ROLLOUT_FILTER_TERMINAL")] == [rollout.id]
    assert list(rollouts.list(endpoint.id, filter="ROLLOUT_FILTER_ACTIVE")) == []
    rollouts.delete(rollout.id, endpoint_id=endpoint.id)
    assert list(rollouts.list(endpoint.id)) == []


@dedicated
def test_blue_green_moves_all_traffic_at_once(project, pair, llm_clock):
    endpoint, blue, _ = pair
    rollouts, rollout = project.endpoints.rollouts, plan(project, pair, blue_green={}, final_target_replicas=1)
    rollouts.start(rollout.id, endpoint_id=endpoint.id)
    llm_clock.advance(seconds=READY - 1)
    assert shares(project, endpoint) == [1, 0]
    llm_clock.advance(seconds=1)

    assert shares(project, endpoint) == [0, 1]
    assert rollouts.retrieve(rollout.id, endpoint_id=endpoint.id).strategy == "ROLLOUT_STRATEGY_TYPE_BLUE_GREEN"
    llm_clock.advance(seconds=610)
    assert project.state(blue) == "STOPPED"


@pytest.mark.together_api(edition="2026-10-07", balance="1.50")
def test_a_rollout_whose_target_cannot_be_paid_does_not_start(project, together_api, llm_clock):
    endpoint, blue = project.running()
    green = project.deploy(endpoint, name="green", autoscaling=NONE)
    llm_clock.advance(seconds=READY)
    rollout = plan(project, (endpoint, blue, green), final_target_replicas=20)
    start = lambda: project.endpoints.rollouts.start(rollout.id, endpoint_id=endpoint.id)  # noqa: E731

    assert refusal(start, 402, code="insufficient_balance")
    assert project.endpoints.rollouts.retrieve(rollout.id, endpoint_id=endpoint.id).state == "ROLLOUT_STATE_PENDING"


@dedicated
def test_a_rollout_whose_target_is_gone_waits(project, pair, together_api, llm_clock):
    endpoint, _, green = pair
    rollouts, rollout = project.endpoints.rollouts, plan(project, pair)
    rollouts.start(rollout.id, endpoint_id=endpoint.id)
    llm_clock.advance(seconds=READY)
    together_api.account.stop_endpoint(green.id)
    llm_clock.advance(hours=1)

    assert rollouts.retrieve(rollout.id, endpoint_id=endpoint.id).state == "ROLLOUT_STATE_SYSTEM_PAUSED"
    assert project.chat(endpoint.name).choices
    rollouts.promote(rollout.id, endpoint_id=endpoint.id)  # all traffic goes to what is not there
    assert refusal(lambda: project.chat(endpoint.name), 503, code="endpoint_not_ready")


@dedicated
def test_what_a_rollout_leaves_open_can_be_previewed(project, pair):
    endpoint, blue, green = pair
    seen = project.endpoints.rollouts.preview_defaults(
        endpoint.id, source_deployment_id=blue.id, target_deployment_id=green.id
    )

    assert [step.traffic for step in seen.estimated_effective_steps] == [5, 25, 50, 100]
    assert (seen.spec.final_source_replicas, seen.spec.final_target_replicas) == (0, 2)
    assert list(project.endpoints.rollouts.list(endpoint.id)) == []


@dedicated
def test_a_rollout_under_way_forbids_what_would_disturb_it(project, pair):
    endpoint, blue, green = pair
    rollout = plan(project, pair)

    assert project.endpoints.retrieve(endpoint.id).active_rollout_id == rollout.id
    assert "active rollout" in refusal(lambda: plan(project, pair), 400)
    assert "a rollout moves the traffic" in refusal(lambda: project.route(endpoint, **{blue.id: 1}), 400)
    drop = lambda: project.endpoints.deployments.delete(green.id, endpoint_id=endpoint.id)  # noqa: E731
    assert "live traffic" in refusal(drop, 400)
    for deed in ("pause", "resume", "promote"):
        act = getattr(project.endpoints.rollouts, deed)
        assert "is PENDING" in refusal(lambda act=act: act(rollout.id, endpoint_id=endpoint.id), 400)
    start = lambda: project.endpoints.rollouts.pause(rollout.id, endpoint_id=endpoint.id, etag="0")  # noqa: E731
    assert refusal(start, 409)


@dedicated
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"canary": {"steps": [{"traffic": 50}, {"traffic": 20}, {"traffic": 100}]}}, "steps must rise"),
        ({"canary": {"steps": [{"traffic": 50}]}}, "steps must rise"),
        ({"canary": {}, "blue_green": {}}, "one strategy"),
        ({"blue_green": {}, "metrics": [{"name": "router_latency"}]}, "canary rollouts alone"),
        ({"final_target_replicas": 0}, "finalTargetReplicas must be 1 to"),
        ({"final_source_replicas": -1}, "finalSourceReplicas must be 0 to"),
        ({"target_deployment_id": "dep_1"}, "deployment dep_1 is not of this endpoint"),
        ({"target_deployment_id": "<source>"}, "source and target are the same deployment"),
    ],
)
def test_what_is_no_rollout_is_refused(project, pair, more, words):
    endpoint, blue, green = pair
    ask = {"source_deployment_id": blue.id, "target_deployment_id": green.id, **more}
    if ask["target_deployment_id"] == "<source>":
        ask["target_deployment_id"] = blue.id

    for asked in (project.endpoints.rollouts.create, project.endpoints.rollouts.preview_defaults):
        assert words in refusal(lambda asked=asked: asked(endpoint.id, **ask), 400)


# Experiments


def members(*parts):
    control, *others = parts
    role = "AB_EXPERIMENT_MEMBER_ROLE_"
    return [
        {"deployment_id": control[0], "percent": control[1], "role": f"{role}CONTROL"},
        *({"deployment_id": id, "percent": percent, "role": f"{role}VARIANT"} for id, percent in others),
    ]


@dedicated
def test_an_ab_experiment_shares_out_a_hundred_percent(project, pair):
    endpoint, blue, green = pair
    experiments = project.endpoints.ab_experiments
    made = experiments.create(endpoint.id, name="taste", members=members((blue.id, 90), (green.id, 10)))
    changed = experiments.update(
        made.id, endpoint_id=endpoint.id, members=members((blue.id, 50), (green.id, 50)), etag=made.etag
    )

    assert [each.percent for each in changed.members] == [50, 50]
    assert [each.id for each in experiments.list(endpoint.id)] == [made.id]
    assert refusal(lambda: experiments.delete(made.id, endpoint_id=endpoint.id, etag=made.etag), 409)
    experiments.delete(made.id, endpoint_id=endpoint.id, etag=changed.etag)
    assert refusal(lambda: experiments.retrieve(made.id, endpoint_id=endpoint.id), 404)


@dedicated
def test_what_is_no_ab_experiment_is_refused(project, pair):
    endpoint, blue, green = pair
    create = project.endpoints.ab_experiments.create
    create(endpoint.id, name="taken", members=members((blue.id, 50), (green.id, 50)))
    bad = {
        "must add up to 100": members((blue.id, 50), (green.id, 60)),
        "2 to 20 different": members((blue.id, 100)),
        "different deployments": members((blue.id, 50), (blue.id, 50)),
        "exactly one": members((blue.id, 50), (green.id, 50))[1:] * 1 + members((green.id, 50), (blue.id, 50))[1:],
        "not of this endpoint": members((blue.id, 50), ("dep_1", 50)),
    }

    for words, wrong in bad.items():
        assert words in refusal(lambda wrong=wrong: create(endpoint.id, name="x", members=wrong), 400)
    again = lambda: create(endpoint.id, name="taken", members=members((blue.id, 50), (green.id, 50)))  # noqa: E731
    assert "exists already" in refusal(again, 400)


@dedicated
def test_a_shadow_experiment_copies_traffic_to_what_has_none(project, pair):
    endpoint, blue, green = pair
    experiments = project.endpoints.shadow_experiments
    source = {"endpoint": {"sampling": {"uniform": {"rate": 0.5}}}}
    made = experiments.create(endpoint.id, name="mirror", source=source)
    place = {"endpoint_id": endpoint.id, "experiment_id": made.id}
    target = experiments.targets.create(**place, name="green", target_deployment_id=green.id)
    renamed = experiments.targets.update(target.id, **place, name="verde", update_mask="name")

    assert experiments.retrieve(made.id, endpoint_id=endpoint.id).targets[0].name == renamed.name == "verde"
    live = lambda: experiments.targets.create(**place, name="blue", target_deployment_id=blue.id)  # noqa: E731
    assert "gets live traffic" in refusal(live, 400)
    unmasked = lambda: experiments.targets.update(target.id, **place, update_mask="", name="x")  # noqa: E731
    assert "updateMask is required" in refusal(unmasked, 400)
    experiments.targets.delete(target.id, **place)
    assert list(experiments.targets.list(**place)) == []
    many = [{"name": f"t{number}", "target_deployment_id": green.id} for number in range(101)]
    crowd = lambda: experiments.create(endpoint.id, name="crowd", source=source, targets=many)  # noqa: E731
    assert "at most 100 targets" in refusal(crowd, 400)
    both = experiments.create(endpoint.id, name="both", source=source, targets=many[:2])
    assert {each.name for each in both.targets} == {"t0", "t1"}
    experiments.delete(made.id, endpoint_id=endpoint.id)
    assert refusal(lambda: experiments.targets.list(**place), 404)


# Wrong input


@dedicated
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"config": ""}, "deployment.config (or deployment.config_id) is required"),
        ({"model": ""}, "deployment.model (or deployment.model_id) is required"),
        ({"config": "file_01jh6x76wtemjr74t1fh0faj5t"}, "config file_01jh6x76wtemjr74t1fh0faj5t not found"),
        ({"model": "ml_nobody"}, "model ml_nobody not found"),
        ({"model": "test-project/chat"}, "model test-project/chat not found"),
        ({"model_revision_id": "rv_nobody"}, "revision rv_nobody"),
        ({"autoscaling": {"min_replicas": -1}}, "minReplicas -1 and maxReplicas -1 are no range"),
        ({"autoscaling": {"max_replicas": -1}}, "minReplicas 1 and maxReplicas -1 are no range"),
        ({"autoscaling": {"min_replicas": 3, "max_replicas": 2}}, "no range"),
        ({"autoscaling": {"min_replicas": 10**40}}, "no range"),
        ({"autoscaling": {"min_replicas": 0, "max_replicas": 2}}, "minReplicas must be at least 1"),
        ({"autoscaling": {"min_replicas": 0, "max_replicas": -1}}, "minReplicas must be at least 1"),
        ({"autoscaling": {**ONE, "scale_to_zero_window": "soon"}}, "is no duration such as 30m"),
        ({"inactive_timeout": 29}, "inactiveTimeout must be 0 or 30 to 1440 minutes"),
        ({"inactive_timeout": 1441}, "inactiveTimeout must be 0 or 30 to 1440 minutes"),
        ({"inactive_timeout": -30}, "inactiveTimeout must be 0 or 30 to 1440 minutes"),
        ({"name": ""}, "name is required"),
        ({"name": "a/b"}, "name must be bare"),
    ],
)
def test_what_cannot_be_deployed_is_refused_and_makes_nothing(project, together_api, llm_clock, more, words):
    endpoint = project.endpoints.create(name="chat")

    assert words in refusal(lambda: project.deploy(endpoint, **more), 400)
    llm_clock.advance(hours=1)
    assert list(project.endpoints.deployments.list(endpoint.id)) == []
    assert together_api.account.balance == 100
    for call in together_api.calls:
        call.violations.clear()


@dedicated
def test_a_name_is_taken_once(project):
    endpoint, _ = project.running(name="chat")

    assert "chat exists already" in refusal(lambda: project.endpoints.create(name=f"{project.slug}/chat"), 400)
    assert "blue exists already" in refusal(lambda: project.deploy(endpoint), 400)
    for name in ("other/chat", "", f"{project.slug}/"):
        assert refusal(lambda name=name: project.endpoints.create(name=name), 400)


@dedicated
@pytest.mark.parametrize("id", ["ep_1", "dep_1", "file_01jh6x76wtemjr74t1fh0faj5t", "endpoint-1"])
def test_ids_that_are_nobodys_are_not_found(project, id):
    endpoint, deployment = project.running()
    elsewhere = project.endpoints.create(name="elsewhere")
    deeds = (
        lambda: project.endpoints.retrieve(id),
        lambda: project.endpoints.update(id, name="x"),
        lambda: project.endpoints.delete(id),
        lambda: project.endpoints.list_events(id),
        lambda: project.endpoints.analytics(id),
        lambda: project.deploy(type(endpoint).model_construct(id=id)),
        lambda: project.endpoints.deployments.list(id),
        lambda: project.endpoints.deployments.retrieve(id, endpoint_id=endpoint.id),
        lambda: project.endpoints.deployments.retrieve(deployment.id, endpoint_id=elsewhere.id),
        lambda: project.endpoints.adapters.list(endpoint_id=elsewhere.id, deployment_id=deployment.id),
        lambda: project.endpoints.rollouts.retrieve(id, endpoint_id=endpoint.id),
        lambda: project.endpoints.placement_profiles.retrieve(id),
        lambda: project.endpoints.hardware.retrieve(id),
        lambda: project.endpoints.list(project_id="proj_other"),
        lambda: project.endpoints.list_org_scoped("another"),
    )

    for deed in deeds:
        assert "not found" in refusal(deed, 404, code="not_found")


@dedicated
def test_traffic_goes_to_deployments_of_the_endpoint_by_weights_from_nothing(project):
    endpoint, deployment = project.running()
    _, other = project.running(name="other")

    assert "is not of this endpoint" in refusal(lambda: project.route(endpoint, **{other.id: 1}), 400)
    assert "is not 0 or more" in refusal(lambda: project.route(endpoint, **{deployment.id: -1}), 400)
    twice = [{"deployment_id": deployment.id, "weight": 1}] * 2
    assert "twice" in refusal(lambda: project.endpoints.update(endpoint.id, traffic_split=twice), 400)
    assert project.endpoints.retrieve(endpoint.id).traffic_split == endpoint.traffic_split


@pytest.mark.parametrize("lives", [(40, 7000, 25_000), (25, 100, 9_000), (500, 30, 90_000)])
def test_one_long_step_of_the_clock_is_many_short_ones(lives):
    balance, first, second = lives
    ledgers = []
    for steps in (1, 500):
        with simulate("together", edition="2026-10-07", balance=balance) as api:
            project = Project()
            _, deployment = project.running(inactive_timeout=200, autoscaling={"min_replicas": 2})
            for seconds in (first, second):
                for _ in range(steps):
                    api.clock.advance(seconds=seconds / steps)
                if seconds == first:
                    project.scale(deployment, min_replicas=3, max_replicas=3)
            entries = [(entry.at, entry.amount) for entry in api.account.entries]
            ledgers.append((api.account.balance, entries, [event.sentence for event in api.account.events]))

    assert ledgers[0] == ledgers[1]
    assert "is stopped" in ledgers[0][2][-1]
