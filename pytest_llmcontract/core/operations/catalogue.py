"""Models as a project registers and deploys them: supported ones, its own, their revisions, uploads and configs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import Gate, State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.operations.fine_tuning import MODELS, add_model
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import (
    INTERNAL,
    PARENTS,
    ChangeResource,
    DropResource,
    ListResources,
    MakeResource,
    OfProject,
    Resource,
    RetrieveResource,
    below,
    foreign,
    lies_there,
    paged,
    seen_as,
)
from pytest_llmcontract.core.refusal import Refusal

UPLOADS, JOBS = "v2.uploads", "upload_jobs"
UPLOAD_SECONDS = 600
"""How long a model takes to be fetched (assumed)."""
_TYPES = {"model": "model", "models": "model", "adapter": "adapter", "adapters": "adapter"}


def known_id(prefix: str, name: str) -> str:
    """The id of something that is the same for everybody, made of its name."""
    return f"{prefix}_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


_RESOURCE = re.compile(r"projects/[^/]+/(?:models|configs)/(?P<id>[^/]+)(?:/revisions/(?P<revision>[^/]+))?")


def resource_id(name: str) -> str:
    """The id in the name of a resource, ``projects/…/models/ml_…/revisions/rv_…``; of anything else all of it."""
    found = _RESOURCE.fullmatch(name)
    return found["id"] if found else name


def revision_in(name: str) -> str:
    """The revision that the name of a resource pins; empty if it pins none."""
    found = _RESOURCE.fullmatch(name)
    return (found["revision"] or "") if found else ""


def model_named(state: State, name: str) -> Model | None:
    """A model by the name of its resource, its id or its own name; names of endpoints are none."""
    id, today = resource_id(name), state.clock.now.date()
    registered = registered_model(state, id)
    if registered is not None:
        return state.own_models.get(registered.fields["name"])
    if state.kept[_SERVED].get(id, state.clock.seconds):
        return None
    model = state.model(id) or next((each for each in state.models() if known_id("ml", each.id) == id), None)
    return model if model is not None and model.since <= today else None


def registered_model(state: State, name: str) -> Resource | None:
    """A model of the project's own, by the name of its resource, its id or its own name."""
    id, shelf = resource_id(name), state.kept[MODELS]
    things = (thing for _, thing in shelf.page(state.clock.seconds).things)
    found: Resource | None = shelf.get(id, state.clock.seconds)
    return found or next((each for each in things if each.fields["name"] == id), None)


def unknown_model(state: State, turn: Turn, name: str, path: str = "$.model") -> None:
    """Note that what a machine shall run is not there."""
    turn.find(
        "LLM103",
        f"the model {name!r} is none that runs on machines of one's own",
        path=path,
        sent=name,
        allowed=f"a model of Together's own that `llmcontract models {state.edition.provider}` lists, or one of yours",
        fix=f"if it is newer than this edition, add it: models={{{name!r}: {{…}}}}",
    )


def config_named(state: State, name: str) -> Machine | None:
    """The machine that a config runs on; of a config's id that nobody has listed the first (assumed)."""
    id, there = resource_id(name), [each for each in state.edition.machines if each.instance]
    found = next((each for each in there if id in (each.instance, config_id(each))), None)
    return found or (there[0] if there and id.startswith("cr_") else None)


# Names that calls can have as their model


_SERVED = "served"
"""The shelf of names behind which machines answer."""


def serve(state: State, name: str, model: Model | None, gate: Gate) -> None:
    """Calls of *name* come to a machine with *model*, if *gate* lets them in; ``None``: nothing runs there yet."""
    add_model(state, name, model)
    state.gates[name] = gate
    state.kept[_SERVED].put(name, True)


def forget_name(state: State, name: str) -> None:
    """No call has it as its model any more."""
    state.own_models.pop(name, None)
    state.gates.pop(name, None)
    state.kept[_SERVED].drop(name, state.clock.seconds)


def own_name(state: State, turn: Turn, before: str = "") -> str | Refusal:
    """The name of a model or an endpoint in full, as the body asks for it; or why it cannot be had.

    Args:
        before: The name it has now.
    """
    slug = identity_of(state).slug
    owner, slash, bare = str(turn.body["name"]).rpartition("/")
    if (slash and owner != slug) or not bare:
        return wrong(state, turn, f"name must be bare, or begin with {slug}/", "name")
    name = f"{slug}/{bare}"
    if name != before and name in state.own_models:
        return wrong(state, turn, f"{bare} exists already", "name")
    return name


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
    """Those that can be deployed."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        return paged(state, turn, [each for each in _offered(state) if _asked_for(turn, each.model)])


def _offered(state: State) -> list[Offered]:
    today = state.clock.now.date()
    there = [model for model in state.edition.models.values() if model.since <= today and not model.is_retired(today)]
    machines = tuple(each for each in state.edition.machines if each.instance)
    return [Offered(known_id("ml", model.id), model, machines) for model in there]


def _asked_for(turn: Turn, model: Model) -> bool:
    search, modality, product = (asked(turn, name) for name in ("search", "modality", "product"))
    media = {f"MODALITY_{name.upper()}" for name in model.input_modalities}
    return (
        search.lower() in f"{model.id} {model.name}".lower()
        and (not modality or modality in media)
        and (product != "PRODUCT_SERVERLESS" or model.serverless)
    )


class RetrieveSupported(OfProject):
    """One of them, by id."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        found = next((each for each in _offered(state) if each.id == id), None)
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
        names = [name for name in (asked(turn, "referenceModel"), asked(turn, "referenceModelId")) if name]
        models = [model_named(state, name) for name in names] or [next(iter(state.edition.models.values()))]
        if len({model and model.id for model in models}) > 1:
            return wrong(state, turn, "referenceModel and referenceModelId name different models", "referenceModel")
        model = models[0]
        found = [_config(state, model, each) for each in state.edition.machines if each.instance] if model else []
        return paged(state, turn, found)


def _config(state: State, model: Model, machine: Machine) -> Config:
    return Config(config_id(machine), model, machine, identity_of(state).project)


class RetrieveConfig(OfProject):
    """One of them."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = resource_id(turn.targets["id"])
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
        name, base = own_name(state, turn), str(turn.body["baseModelId"])
        if isinstance(name, Refusal):
            return name
        if str(turn.body["type"]) not in _TYPES:
            return wrong(state, turn, "type must be model or adapter", "type")
        if _base(state, base) is None:
            unknown_model(state, turn, base, "$.baseModelId")
            return wrong(state, turn, f"base model {base} not found", "baseModelId")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        base = _base(state, str(resource.fields["baseModelId"]))
        name = own_name(state, turn)
        assert base is not None
        assert isinstance(name, str)
        resource.fields |= {"name": name, "baseModel": base.id, "type": _TYPES[str(resource.fields["type"])]}
        resource.more |= {"revisions": [], "organization": identity_of(state).organization}
        add_model(state, name, base)


def _base(state: State, id: str) -> Model | None:
    """The model of that id, and of no name."""
    return None if resource_id(id) in {model.id for model in state.models()} else model_named(state, id)


class ChangeModel(ChangeResource):
    """Its name, its description, who sees it."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        return renamed(state, turn, thing, new)

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        if thing.fields["name"] != before["name"]:
            model = state.own_models[before["name"]]
            forget_name(state, before["name"])
            add_model(state, thing.fields["name"], model)


def renamed(state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
    """Give the new values the full name, if there is another; or why it cannot be had. A name is not taken away."""
    if new.get("name") is None:
        new.pop("name", None)
        return None
    name = own_name(state, turn, thing.fields["name"])
    if isinstance(name, Refusal):
        return name
    new["name"] = name
    return None


class DropModel(DropResource):
    """It cannot be deployed any more; one that is cannot be taken away."""

    def kept_by(self, state: State, turn: Turn, thing: Any) -> Refusal | None:
        running = below(state, PARENTS["deployment"])
        using = [each.id for each in running if each.fields["modelId"] == thing.id]
        return wrong(state, turn, f"model {thing.id} is deployed as {using[0]}: delete that first") if using else None

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        forget_name(state, thing.fields["name"])


class Upload(MakeResource):
    """Fetch the files of a model from an address."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        id = str(turn.body["modelId"])
        return None if registered_model(state, id) else wrong(state, turn, f"model {id} not found", "modelId")

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.fields.pop("token", None)
        model = registered_model(state, str(resource.fields["modelId"]))
        assert model is not None
        resource.fields["modelId"] = model.id
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


class StartUpload(OfKind):
    """Fetch a model from elsewhere."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name, source = turn.body.get("model_name"), turn.body.get("model_source")
        for field_name, value in (("model_name", name), ("model_source", source)):
            if not isinstance(value, str) or not value:
                return wrong(state, turn, f"{field_name} is required", field_name)
        full = f"{identity_of(state).slug}/{str(name).rpartition('/')[2]}"
        if state.kept[_SERVED].get(full, turn.at) or registered_model(state, full):
            return wrong(state, turn, f"{full} exists already", "model_name")
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
    "models.upload": StartUpload(JOBS),
    "jobs.retrieve": Retrieve(JOBS),
    "jobs.list": ListUploads(JOBS),
    "v2.supported_models.list": ListSupported("supported"),
    "v2.supported_models.retrieve": RetrieveSupported("supported"),
    "v2.configs.list": ListConfigs("configs"),
    "v2.configs.retrieve": RetrieveConfig("configs"),
    "v2.models.create": Register(MODELS, "ml", "baseModelId", "name", "type"),
    "v2.models.list": ListResources(MODELS, seen_as("")),
    "v2.models.list_organization": ListResources(MODELS, seen_as(INTERNAL)),
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
