"""Models of a Together project: what can be deployed, what is registered and uploaded, and when it answers."""

from __future__ import annotations

import pytest
import together

if together.__version__.split(".")[0] == "2":
    pytest.skip("the SDK has them since version 3", allow_module_level=True)

MODEL = "Qwen/Qwen3-8B"
READY, UPLOADED = 300, 600
ONE = {"min_replicas": 1, "max_replicas": 1}
today = pytest.mark.together_api(edition="2026-10-07", balance=100)


class Project:
    """A project of the account, and what is done with models in it."""

    def __init__(self):
        who = together.Together(api_key="k", max_retries=0).whoami()
        self.organization, self.slug = who.organization.id, who.project.slug
        self.client = together.Together(api_key="k", max_retries=0, project_id=who.project.id)
        self.models = self.client.models
        self.base = self.models.list_supported(search=MODEL).data[0]

    def register(self, name="mine", type="model", **more):
        return self.models.create(base_model_id=self.base.id, name=name, type=type, **more)

    def upload(self, model):
        return self.models.remote_uploads.create(model_id=model.id, remote_url="https://huggingface.co/a/b", token="t")

    def deploy(self, model, name="chat"):
        endpoint = self.client.endpoints.create(name=name)
        config = self.models.configs.list().data[0].id
        deployment = self.client.endpoints.deployments.create(
            endpoint.id, name="blue", autoscaling=ONE, model=model, config=config
        )
        split = [{"deployment_id": deployment.id, "weight": 1}]
        return self.client.endpoints.update(endpoint.id, traffic_split=split), deployment

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


# What there is


@today
def test_supported_models_say_what_they_run_on(project):
    model = project.models.retrieve_supported(project.base.id)
    profiles = {each.gpu_type for each in model.deployment_profiles}

    assert (model.name, profiles) == (MODEL, {"h100-80gb", "b200-180gb"})
    config = project.models.configs.retrieve(model.deployment_profiles[0].config)
    assert config.selectors[0].value == "1x-h100-80gb-sxm"


@today
def test_supported_models_can_be_searched_in_pages(project):
    found = project.models.list_supported(search="QWEN3", limit=2)

    assert len(found.data) == 2
    names = [each.name for each in found]
    assert len(set(names)) == len(names) > 2
    assert all("qwen3" in name.lower() for name in names)
    serverless = {each.name for each in project.models.list_supported(product="PRODUCT_SERVERLESS", limit=500)}
    assert "openai/gpt-oss-120b" in serverless
    assert MODEL not in serverless
    seeing = {each.name for each in project.models.list_supported(modality="MODALITY_IMAGE", limit=500)}
    assert MODEL not in seeing
    assert "Qwen/Qwen3-VL-8B-Instruct" in seeing


@today
def test_what_is_not_there_is_not_found(project):
    for id in ("ml_nobody", "file_01jh6x76wtemjr74t1fh0faj5t"):
        for deed in (
            project.models.retrieve_supported,
            project.models.retrieve,
            project.models.delete,
            project.models.list_files,
            project.models.list_revisions,
            project.models.configs.retrieve,
            project.models.remote_uploads.retrieve,
            project.models.remote_uploads.events,
        ):
            assert "not found" in refusal(lambda deed=deed, id=id: deed(id), 404, code="not_found")
    assert list(project.models.configs.list(reference_model="ml_nobody")) == []
    two = lambda: project.models.configs.list(reference_model=MODEL, reference_model_id="openai/gpt-oss-20b")  # noqa: E731
    assert "different models" in refusal(two, 400)


# A model of one's own


@today
def test_a_model_is_registered_uploaded_deployed_and_answers(project, llm_clock):
    own = project.register(description="ours")
    assert (own.name, own.base_model, own.weights.type) == (f"{project.slug}/mine", MODEL, "WEIGHTS_TYPE_DEFAULT")
    assert "has no files yet" in refusal(lambda: project.deploy(own.id, "early"), 400)
    upload = project.upload(own)
    llm_clock.advance(seconds=UPLOADED)
    assert refusal(lambda: project.chat(own.name), 404, code="model_not_available")
    endpoint, deployment = project.deploy(own.id)
    llm_clock.advance(seconds=READY)

    revision = project.models.list_revisions(own.id).data[0].revision_id
    assert (deployment.api_model_id, deployment.api_model_revision_id) == (own.id, revision)
    assert project.chat(endpoint.name).choices
    assert "token" not in upload.model_dump_json()


@today
def test_an_upload_is_pending_running_and_done_and_makes_a_revision(project, llm_clock):
    own = project.register()
    upload, uploads = project.upload(own), project.models.remote_uploads
    seen = [upload.status]
    for seconds in (1, UPLOADED - 1):
        assert project.models.list_revisions(own.id).data == []
        assert project.models.list_files(own.id).data == []
        llm_clock.advance(seconds=seconds)
        seen.append(uploads.retrieve(upload.id).status)
    project.upload(own)
    llm_clock.advance(seconds=UPLOADED)
    newest, oldest = (each.revision_id for each in project.models.list_revisions(own.id).data)

    assert [name.removeprefix("REMOTE_UPLOAD_STATUS_") for name in seen] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert project.models.list_files(own.id).revision_id == newest
    assert project.models.list_files(own.id, revision_id=oldest).revision_id == oldest
    assert refusal(lambda: project.models.list_files(own.id, revision_id="rv_nobody"), 404)
    assert len(list(uploads.list())) == 2
    assert [each.type for each in uploads.events(upload.id).data] == [
        "remote_upload.pending",
        "remote_upload.running",
        "remote_upload.succeeded",
    ]


@today
def test_a_model_that_is_deployed_cannot_be_deleted(project, llm_clock):
    own = project.register()
    project.upload(own)
    llm_clock.advance(seconds=UPLOADED)
    endpoint, deployment = project.deploy(own.name)
    project.models.update(own.id, name="renamed")
    assert f"is deployed as {deployment.id}" in refusal(lambda: project.models.delete(own.id), 400)
    project.client.endpoints.update(endpoint.id, traffic_split=[])
    project.client.endpoints.deployments.delete(deployment.id, endpoint_id=endpoint.id)
    project.models.delete(own.id)

    assert list(project.models.list()) == []


@today
@pytest.mark.llm_allow("LLM103")
def test_an_adapter_answers_to_its_name_while_it_is_loaded(project, llm_clock):
    adapter = project.register("style", "adapter")
    adapters = project.client.endpoints.adapters
    endpoint, deployment = project.deploy(MODEL)
    place = {"endpoint_id": endpoint.id, "deployment_id": deployment.id}
    assert "has no files yet" in refusal(lambda: adapters.create(**place, adapter_model_id=adapter.id), 400)
    project.upload(adapter)
    llm_clock.advance(seconds=UPLOADED)
    loaded = adapters.create(**place, adapter_model_id=adapter.id)

    assert loaded.id.startswith("dad_")
    assert project.chat(adapter.name).model == adapter.name
    assert [each.adapter_model_id for each in adapters.list(**place)] == [adapter.id]
    stale = lambda: adapters.delete(loaded.id, **place, etag="0")  # noqa: E731
    assert refusal(stale, 409)
    adapters.delete(loaded.id, **place, etag=loaded.etag)
    assert refusal(lambda: project.chat(adapter.name), 404, code="model_not_available")


@today
def test_models_are_seen_by_their_project_or_by_the_organization(project):
    mine, ours = project.register("mine"), project.register("ours")
    project.models.update(ours.id, visibility="VISIBILITY_INTERNAL")

    assert {each.id for each in project.models.list()} == {mine.id, ours.id}
    assert [each.id for each in project.models.list(visibility="VISIBILITY_PRIVATE")] == [mine.id]
    assert [each.id for each in project.models.list_org_scoped(project.organization)] == [ours.id]


@today
@pytest.mark.llm_allow("LLM103")
def test_what_cannot_be_registered_is_refused(project):
    project.register("taken")
    project.client.endpoints.create(name="chat")
    bad = [
        ({"type": "lora"}, "type must be model or adapter"),
        ({"name": "taken"}, "taken exists already"),
        ({"name": "chat"}, "chat exists already"),
        ({"name": "other/mine"}, f"begin with {project.slug}/"),
        ({"name": ""}, "name is required"),
    ]

    for more, words in bad:
        assert words in refusal(lambda more=more: project.register(**more), 400)
    unknown = lambda: project.models.create(base_model_id="ml_nobody", name="x", type="model")  # noqa: E731
    assert "base model ml_nobody not found" in refusal(unknown, 400)
    nowhere = lambda: project.models.remote_uploads.create(model_id="ml_nobody", remote_url="https://a.b/c")  # noqa: E731
    assert "model ml_nobody not found" in refusal(nowhere, 400)
    assert [each.name for each in project.models.list()] == [f"{project.slug}/taken"]


@today
def test_an_upload_of_the_older_way_takes_no_name_of_another(project, llm_clock):
    own, endpoint = project.register("mine"), project.client.endpoints.create(name="chat")
    for name in (own.name, endpoint.name):
        body = {"model_name": name, "model_source": "https://huggingface.co/a/b"}
        again = lambda body=body: project.client.post("/v1/models", cast_to=object, body=body)  # noqa: E731
        assert "exists already" in refusal(again, 400)


@today
def test_endpoints_and_own_models_stand_in_the_list_of_models(project):
    own, endpoint = project.register("mine"), project.client.endpoints.create(name="chat")
    listed = project.client.get("/v1/models", cast_to=object)

    assert {own.name, endpoint.name} <= {each["id"] for each in listed}
