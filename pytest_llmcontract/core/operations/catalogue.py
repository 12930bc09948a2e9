"""Models as a project registers and deploys them: supported ones, its own, their revisions, uploads and configs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.operations.fine_tuning import MODELS, add_model, drop_model
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, page_size, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import (
    ChangeResource,
    DropResource,
    ListResources,
    MakeResource,
    OfProject,
    Resource,
    RetrieveResource,
    foreign,
    known_resource,
    lies_there,
    paged,
)
from pytest_llmcontract.core.refusal import Refusal

UPLOADS, JOBS = "v2.uploads", "upload_jobs"
UPLOAD_SECONDS = 600
"""How long a model takes to be fetched (assumed)."""
_TYPES = {"model": "model", "models": "model", "adapter": "adapter", "adapters": "adapter"}


def known_id(prefix: str, name: str) -> str:
    """The id of something that is the same for everybody, made of its name."""
    return f"{prefix}_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def model_named(state: State, name: str) -> Model | None:
    """A model by the id of its registration, or by its name."""
    registered = state.kept[MODELS].get(name, state.clock.seconds)
    if registered is not None:
        return state.own_models.get(registered.fields["name"])
    today = state.clock.now.date()
    if model := state.model(name):
        return model if model.since <= today else None
    return next((each for each in state.models() if known_id("ml", each.id) == name), None)


def config_named(state: State, name: str) -> Machine:
    """The machine that a config runs on; of a config nobody has listed the first."""
    there = [each for each in state.edition.machines if each.instance] or list(state.edition.machines)
    return next((each for each in there if name in (each.instance, config_id(each))), there[0])


def config_id(machine: Machine) -> str:
    """The id of the config that runs on a machine."""
    return known_id("cr", machine.instance)


# What the provider offers


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that the provider has."""

    id: str
    model: Model
    machines: tuple[Machine, ...]


class ListSupported(OfProject):
    """Those that can be deployed, or are served already."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        try:
            size = page_size(turn, 50, 500) or 50
        except BadInput as problem:
            return wrong(state, turn, str(problem), "limit")
        return paged(state, turn, [each for each in _offered(state) if _asked_for(turn, each.model)], size)


def _offered(state: State) -> list[Offered]:
    today = state.clock.now.date()
    there = [model for model in state.edition.models.values() if model.since <= today and not model.is_retired(today)]
    machines = tuple(each for each in state.edition.machines if each.instance)
    return [Offered(known_id("ml", model.id), model, machines) for model in there]


def _asked_for(turn: Turn, model: Model) -> bool:
    search, modality, product = (asked(turn, name) for name in ("search", "modality", "product"))
    media = {f"MODALITY_{name.upper()}" for name in (*model.input_modalities, *model.output_modalities)}
    return (
        search.lower() in f"{model.id} {model.name}".lower()
        and (not modality or modality in media)
        and (product != "PRODUCT_SERVERLESS" or model.serverless)
    )


class RetrieveSupported(OfProject):
    """One of them, by id or by name."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        found = next((each for each in _offered(state) if id in (each.id, each.model.id)), None)
        if found is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        return Thing(found.id, found)


@dataclass(frozen=True, slots=True)
class Config:
    """How a model is run on a machine."""

    id: str
    model: Model
    machine: Machine
    project: str


class ListConfigs(OfProject):
    """One for each machine, of the model that is asked for."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        name = asked(turn, "referenceModelId") or asked(turn, "referenceModel")
        model = model_named(state, name) if name else next(iter(state.edition.models.values()))
        found = [_config(state, model, each) for each in state.edition.machines if each.instance] if model else []
        try:
            size = page_size(turn, 50, 500) or 50
        except BadInput as problem:
            return wrong(state, turn, str(problem), "limit")
        return paged(state, turn, found, size)


def _config(state: State, model: Model, machine: Machine) -> Config:
    return Config(config_id(machine), model, machine, identity_of(state).project)


class RetrieveConfig(OfProject):
    """One of them."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        machine = next((each for each in state.edition.machines if each.instance and config_id(each) == id), None)
        if outside := foreign(state, turn):
            return outside
        if machine is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        return Thing(id, _config(state, next(iter(state.edition.models.values())), machine))


# A project's own


class Register(MakeResource):
    """The name of a model whose files come later."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        name, slug = str(turn.body["name"]), identity_of(state).slug
        owner, slash, bare = name.rpartition("/")
        if (slash and owner != slug) or not bare:
            return wrong(state, turn, f"name must be bare, or begin with {slug}/", "name")
        if str(turn.body["type"]) not in _TYPES:
            return wrong(state, turn, "type must be model or adapter", "type")
        if model_named(state, str(turn.body["baseModelId"])) is None:
            return wrong(state, turn, f"base model {turn.body['baseModelId']} not found", "baseModelId")
        if f"{slug}/{bare}" in state.own_models:
            return wrong(state, turn, f"a model {bare} exists already", "name")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        base = model_named(state, str(resource.fields["baseModelId"]))
        name = f"{identity_of(state).slug}/{str(resource.fields['name']).rpartition('/')[2]}"
        assert base is not None
        resource.fields |= {"name": name, "baseModel": base.id, "type": _TYPES[str(resource.fields["type"])]}
        resource.more |= {"revisions": [], "organization": identity_of(state).organization}
        add_model(state, name, base)


class ChangeModel(ChangeResource):
    """Its name, its description, who sees it."""

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        bare = str(thing.fields["name"] or before["name"]).rpartition("/")[2]
        thing.fields["name"] = f"{identity_of(state).slug}/{bare}"
        if thing.fields["name"] != before["name"]:
            model = state.own_models.pop(before["name"])
            state.gates.pop(before["name"], None)
            add_model(state, thing.fields["name"], model)


class DropModel(DropResource):
    """It cannot be deployed any more."""

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        drop_model(state, thing.fields["name"])


class ListModels(ListResources):
    """Those that a visibility shows."""

    def there(self, state: State, turn: Turn) -> list[Any]:
        wanted = asked(turn, "visibility")
        found = super().there(state, turn)
        return [each for each in found if not wanted or each.fields.get("visibility", _PRIVATE) == wanted]


_PRIVATE = "VISIBILITY_PRIVATE"


class Upload(MakeResource):
    """Fetch the files of a model from an address."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        id = turn.body["modelId"]
        if state.kept[MODELS].get(id, turn.at) is None:
            return wrong(state, turn, f"model {id} not found", "modelId")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.fields.pop("token", None)
        model = known_resource(state, MODELS, resource.fields["modelId"])
        revision = state.envelope.new_id("rv", turn.now)
        done = turn.at + UPLOAD_SECONDS
        state.schedule.after(UPLOAD_SECONDS, lambda: model.more["revisions"].append((revision, done)))


def upload_status(at: float, begun: float) -> str:
    """The state of an upload: pending, running, succeeded."""
    past = at - begun
    return "PENDING" if past < 1 else "RUNNING" if past < UPLOAD_SECONDS else "SUCCEEDED"


# The older way: an upload is a job, and its model has a name at once


@dataclass(slots=True)
class UploadJob:
    """The upload of a model."""

    id: str
    at: float
    asked: dict[str, Any]
    name: str
    model_id: str

    @property
    def ends(self) -> float:
        """When it is complete."""
        return self.at + UPLOAD_SECONDS

    def status(self, at: float) -> str:
        """Its state at that moment."""
        words = {"PENDING": "Queued", "RUNNING": "Running", "SUCCEEDED": "Complete"}
        return words[upload_status(at, self.at)]


class StartUpload(Operation):
    """Fetch a model from elsewhere."""

    calls_model = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name, source = turn.body.get("model_name"), turn.body.get("model_source")
        for field_name, value in (("model_name", name), ("model_source", source)):
            if not isinstance(value, str) or not value:
                return wrong(state, turn, f"{field_name} is required", field_name)
        full = f"{identity_of(state).slug}/{str(name).rpartition('/')[2]}"
        kept = {key: value for key, value in turn.body.items() if key != "hf_token"}
        ids = state.envelope.new_id("upload_job", turn.now), state.envelope.new_id("model", turn.now)
        job = UploadJob(ids[0], turn.at, kept, full, ids[1])
        base = state.model(str(turn.body.get("base_model")))
        state.schedule.after(UPLOAD_SECONDS, lambda: add_model(state, full, base))
        return Thing(job.id, state.kept[JOBS].put(job.id, job))


class ListUploads(OfKind):
    """All of them."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        return Things(tuple(state.kept[JOBS].page(turn.at, newest_first=True).things))


@dataclass(frozen=True, slots=True)
class Files:
    """What a revision of a model consists of."""

    revision: str
    at: float
    usage: Usage = NOTHING_USED


class ListFiles(OfProject):
    """Those of the newest revision, or of the one that is asked for."""

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        revisions = thing.more["revisions"]
        wanted = asked(turn, "revisionId")
        found = [each for each in revisions if wanted in ("", each[0])]
        if wanted and not found:
            return state.edition.refusal("no_such_thing", {"target": wanted}, operation=turn.operation)
        return Files(*found[-1]) if found else Files("", thing.at)


OPERATIONS: Mapping[str, Operation] = {
    "models.upload": StartUpload(),
    "jobs.retrieve": Retrieve(JOBS),
    "jobs.list": ListUploads(JOBS),
    "v2.supported_models.list": ListSupported("supported"),
    "v2.supported_models.retrieve": RetrieveSupported("supported"),
    "v2.configs.list": ListConfigs("configs"),
    "v2.configs.retrieve": RetrieveConfig("configs"),
    "v2.models.create": Register(MODELS, "ml", "baseModelId", "name", "type"),
    "v2.models.list": ListModels(MODELS),
    "v2.models.list_organization": ListModels(MODELS),
    "v2.models.retrieve": RetrieveResource(MODELS),
    "v2.models.update": ChangeModel(MODELS, "name", "description", "visibility"),
    "v2.models.delete": DropModel(MODELS),
    "v2.models.files": ListFiles(MODELS, lies_there),
    "v2.models.revisions": RetrieveResource(MODELS),
    "v2.uploads.create": Upload(UPLOADS, "job", "modelId", "remoteUrl"),
    "v2.uploads.list": ListResources(UPLOADS),
    "v2.uploads.retrieve": RetrieveResource(UPLOADS),
    "v2.uploads.events": RetrieveResource(UPLOADS),
}
