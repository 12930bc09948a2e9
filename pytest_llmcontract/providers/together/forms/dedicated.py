"""Together's dedicated endpoints of both kinds, and the models that projects deploy on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.operations.catalogue import (
    UPLOAD_SECONDS,
    Config,
    Files,
    config_id,
    known_id,
    upload_status,
)
from pytest_llmcontract.core.operations.deployments import Analytics, replicas_of
from pytest_llmcontract.core.operations.endpoints import Endpoint, Machines
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.core.operations.resources import Nothing, Resource
from pytest_llmcontract.core.operations.rollouts import Preview, steps_of
from pytest_llmcontract.providers.together.forms.shown import Show, iso, without_none

_USER = "user"


# The first kind


def endpoint_v1(turn: Turn, answer: Thing) -> dict[str, Any]:
    """An endpoint with everything that is known of it."""
    endpoint: Endpoint = answer.thing
    scale = endpoint.asked.get("autoscaling") or {"min_replicas": 1, "max_replicas": 1}
    return {
        **_short_v1(turn, endpoint),
        "display_name": endpoint.asked.get("display_name") or endpoint.model.id,
        "hardware": endpoint.machine.id,
        "autoscaling": dict(scale),
        "inactive_timeout": endpoint.asked.get("inactive_timeout"),
    }


def endpoints_v1(turn: Turn, answer: Things) -> dict[str, Any]:
    """All endpoints, each in short."""
    return {"object": "list", "data": [_short_v1(turn, each) for _, each in answer.things]}


def _short_v1(turn: Turn, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "object": "endpoint",
        "id": endpoint.id,
        "name": endpoint.name,
        "model": endpoint.model.id,
        "type": "dedicated",
        "owner": endpoint.name.partition("/")[0],
        "state": endpoint.run.state(turn.at),
        "created_at": iso(turn, endpoint.at),
    }


def hardware(turn: Turn, answer: Machines) -> dict[str, Any]:
    """Machines, and for a model whether there are any left: there always are."""
    return {"object": "list", "data": [_hardware(turn, each, told=answer.told) for each in answer.machines]}


def _hardware(turn: Turn, machine: Machine, *, told: bool) -> dict[str, Any]:
    cents = machine.cents_per_minute
    return {
        "object": "hardware",
        "id": machine.id,
        "pricing": {"cents_per_minute": int(cents) if cents == int(cents) else float(cents)},
        "specs": {
            "gpu_type": machine.gpu,
            "gpu_link": machine.link,
            "gpu_memory": machine.memory,
            "gpu_count": machine.count,
        },
        **({"availability": {"status": "available"}} if told else {}),
        "updated_at": iso(turn, turn.at),
    }


def zones(turn: Turn, answer: Things) -> dict[str, Any]:
    """Where machines stand."""
    return {"avzones": [name for name, _ in answer.things]}


def adapters_v1(turn: Turn, answer: Things) -> dict[str, Any]:
    """The adapters of an endpoint."""
    rows = [
        {"model_id": name, "endpoint_name": each.name, "adapter_name": name.partition(":")[2]}
        for name, each in answer.things
    ]
    return {"object": "list", "data": rows}


# The second kind


def page(one: Show) -> Show:
    """A page of things that *one* shows."""

    def show(turn: Turn, answer: Things) -> dict[str, Any]:
        rows = [one(turn, Thing(id, thing)) for id, thing in answer.things]
        return {"object": "list", "data": rows, "next_cursor": answer.things[-1][0] if answer.more else None}

    return show


def nothing(turn: Turn, answer: Nothing) -> dict[str, Any]:
    """Done."""
    return {}


def _head(turn: Turn, resource: Resource) -> dict[str, Any]:
    return {
        "id": resource.id,
        "projectId": resource.places["project"],
        "createdAt": iso(turn, resource.at),
        "updatedAt": iso(turn, resource.changed),
        "etag": resource.etag,
    }


def endpoint(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A name and what is behind it."""
    resource = answer.thing
    deployments, rollout_id = resource.more["view"]()
    return {
        **_head(turn, resource),
        "name": resource.fields["name"],
        "endpointType": "ENDPOINT_TYPE_DEDICATED",
        "visibility": resource.fields.get("visibility") or "VISIBILITY_PRIVATE",
        "trafficSplit": resource.fields["trafficSplit"],
        "deployments": [_summary(turn, each, share) for each, share in deployments],
        **({"activeRolloutId": rollout_id} if rollout_id else {}),
    }


def _summary(turn: Turn, resource: Resource, share: float) -> dict[str, Any]:
    whole = deployment(turn, Thing(resource.id, resource))
    names = ("id", "name", "createdAt", "autoscaling", "model", "modelId", "trafficMode", "desiredReplicas", "hardware")
    return {
        **{name: whole[name] for name in names},
        "state": whole["status"]["state"],
        "readyReplicas": whole["status"]["readyReplicas"],
        "estimatedEffectiveTrafficShare": share,
    }


def deployment(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A model on machines."""
    resource = answer.thing
    run, fields, project = resource.more["run"], resource.fields, resource.places["project"]
    state, wanted = run.state(turn.at), fields["autoscaling"]["minReplicas"]
    model = f"projects/{project}/models/{fields['modelId']}/revisions/{fields['modelRevisionId']}"
    optional = ("inactiveTimeout", "maxConcurrentRequestsPerReplica", "placement")
    return {
        **_head(turn, resource),
        "endpointId": resource.places["endpoint"],
        "name": fields["name"],
        "model": model,
        "modelId": fields["modelId"],
        "modelRevisionId": fields["modelRevisionId"],
        "config": f"projects/{project}/configs/{fields['configId']}",
        "configId": fields["configId"],
        "hardware": resource.more["machine"].instance,
        "autoscaling": fields["autoscaling"],
        "trafficMode": "TRAFFIC_MODE_LIVE",
        "desiredReplicas": wanted,
        "status": {
            "state": f"DEPLOYMENT_STATE_{state}",
            "message": f"Deployment is {state.lower()}",
            "readyReplicas": run.ready(turn.at),
            "scheduledReplicas": 0 if run.rests(turn.at) else wanted,
        },
        **{name: fields[name] for name in optional if fields.get(name) is not None},
    }


def event(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Something that happened."""
    resource = answer.thing
    about = resource.fields["deploymentId"]
    return without_none(
        {
            "id": resource.id,
            "endpointId": resource.places["endpoint"],
            "createdAt": iso(turn, resource.at),
            "level": "LEVEL_INFO",
            "source": "api",
            "sourceKind": "SOURCE_KIND_DEPLOYMENT" if about else "SOURCE_KIND_ENDPOINT",
            "type": resource.fields["type"],
            "message": resource.fields["message"],
            "deploymentId": about,
            **{name: resource.fields.get(name) for name in ("name", "oldReplicas", "newReplicas", "paths")},
        }
    )


def analytics(turn: Turn, answer: Analytics) -> dict[str, Any]:
    """Counts of the calls; int64 numbers are texts."""
    statuses = [call.status for call in answer.calls if call.status is not None]
    good = [status for status in statuses if status < 400]
    by_code = {str(code): str(statuses.count(code)) for code in sorted(set(statuses))}
    usages: list[Usage] = [call.usage for call in answer.calls if call.usage is not None]
    span = {"startTime": iso(turn, answer.since), "endTime": iso(turn, answer.until)}
    return {
        "endpointId": answer.endpoint.id,
        "timeRange": span,
        "metrics": {
            "endpointId": answer.endpoint.id,
            "timeRange": span,
            "requestMetrics": {
                "totalRequests": str(len(statuses)),
                "successfulRequests": str(len(good)),
                "failedRequests": str(len(statuses) - len(good)),
                "requestsPerSecond": len(statuses) / (answer.until - answer.since),
                "requestsByStatusCode": by_code,
            },
            "tokenMetrics": {
                "totalInputTokens": str(sum(usage.input_tokens for usage in usages)),
                "totalOutputTokens": str(sum(usage.output_tokens for usage in usages)),
            },
            "errorMetrics": {"errorRate": (len(statuses) - len(good)) / len(statuses) if statuses else 0.0},
        },
        "deploymentAnalytics": [{"deploymentId": each.id, "timeRange": span} for each in answer.deployments],
        "timeSeries": [],
    }


def instance_type(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A machine, by the hour and replica."""
    machine: Machine = answer.thing
    return {
        "id": machine.instance,
        "name": machine.instance,
        "description": f"{machine.count} x {machine.gpu.upper()}",
        "gpuType": machine.gpu,
        "gpuCount": machine.count,
        "gpuMemoryGib": machine.memory,
        "priceCentsPerHour": machine.cents_per_hour,
        "regions": [{"name": "us-central-4b", "headroom": {"relation": "RELATION_GTE", "value": 1}}],
    }


# What is tried


def rollout(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Traffic on its way from one deployment to another."""
    resource = answer.thing
    more, fields, head = resource.more, resource.fields, _head(turn, resource)
    del head["projectId"], head["updatedAt"]
    chosen = next((name for name in ("blueGreen", "canary") if name in fields), "rolling")
    words = {"blueGreen": "BLUE_GREEN", "canary": "CANARY", "rolling": "ROLLING"}
    steps, reached = steps_of(fields), max(0, more["passed"] - 1)
    optional = {
        "startedAt": iso(turn, more["started"]) if "started" in more else None,
        "completedAt": iso(turn, more["ended"]) if "ended" in more else None,
        "pauseInfo": _pause(turn, more) if more["state"] in ("PAUSED", "SYSTEM_PAUSED") else None,
        "currentStep": None if more["state"] == "PENDING" else reached,
    }
    return {
        **head,
        "endpointId": resource.places["endpoint"],
        "sourceDeploymentId": fields["sourceDeploymentId"],
        "targetDeploymentId": fields["targetDeploymentId"],
        "state": f"ROLLOUT_STATE_{more['state']}",
        "strategy": f"ROLLOUT_STRATEGY_TYPE_{words[chosen]}",
        "currentTrafficPercent": more["percent"],
        "status": {
            "totalSteps": len(steps),
            "steps": [
                {"stepIndex": index, "targetTrafficPercent": share, "state": _step_state(index, more)}
                for index, share in enumerate(steps)
            ],
        },
        **without_none(optional),
    }


def _step_state(index: int, more: Mapping[str, Any]) -> str:
    state, current = more["state"].removeprefix("SYSTEM_"), more["passed"] - 1
    if index > current:
        return "ROLLOUT_STEP_STATE_PENDING"
    return f"ROLLOUT_STEP_STATE_{'PASSED' if index < current or state == 'COMPLETED' else state}"


def _pause(turn: Turn, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"pausedAt": iso(turn, more["since"]), "reason": more["reason"]}


def rollout_preview(turn: Turn, answer: Preview) -> dict[str, Any]:
    """The whole of what a rollout would do."""
    low, high = replicas_of(answer.target.fields)
    steps = [{"traffic": share} for share in steps_of(answer.asked)]
    names = ("sourceDeploymentId", "targetDeploymentId", "blueGreen", "canary", "metrics", "rolling")
    final = dict(zip(("finalSourceReplicas", "finalTargetReplicas"), answer.final, strict=True))
    return {
        "spec": {**{name: answer.asked[name] for name in names if name in answer.asked}, **final},
        "sourceReplicas": replicas_of(answer.source.fields)[0],
        "targetReplicas": low,
        "targetMinReplicas": low,
        "targetMaxReplicas": high,
        "estimatedEffectiveSteps": steps,
        "warnings": [],
    }


def ab_experiment(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Shares of traffic."""
    fields = {name: answer.thing.fields.get(name) for name in ("name", "description", "members")}
    return _experiment(turn, answer.thing) | without_none(fields)


def _experiment(turn: Turn, resource: Resource) -> dict[str, Any]:
    return {**_head(turn, resource), "endpointId": resource.places["endpoint"], "createdBy": _USER}


def shadow_experiment(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Copies of traffic."""
    resource = answer.thing
    targets = [target(turn, Thing(each.id, each)) for each in resource.more["view"]()]
    fields = {name: resource.fields.get(name) for name in ("name", "description", "source")}
    state = f"SHADOW_EXPERIMENT_STATE_{'ACTIVE' if targets else 'INACTIVE'}"
    return _experiment(turn, resource) | without_none(fields) | {"state": state, "targets": targets}


def target(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Where a copy goes."""
    head = _head(turn, answer.thing)
    del head["projectId"]
    fields = {name: answer.thing.fields.get(name) for name in ("name", "description", "targetDeploymentId")}
    return {**head, "experimentId": answer.thing.places["experiment"], **without_none(fields)}


def adapter(turn: Turn, answer: Thing) -> dict[str, Any]:
    """An adapter on a deployment; it is loaded at once."""
    resource = answer.thing
    revision, model = resource.fields["adapterRevisionId"], resource.fields["adapterModelId"]
    here = {
        "adapterModelId": model,
        "clusterId": "us-central-4b",
        "state": "ADAPTER_LOAD_STATE_READY",
        "readyPodCount": 1,
        "failedPodCount": 0,
        "totalPodCount": 1,
        "realizedRevisionId": revision,
    }
    return {
        "id": resource.id,
        "adapterModelId": model,
        "desiredRevisionId": revision,
        "etag": resource.etag,
        "perCluster": [here],
    }


def placement_profile(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Nobody has made one."""
    raise AssertionError("there are none")


# Models


def supported_model(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A model that the provider has, and what it runs on."""
    model: Model = answer.thing.model
    prices = {"input": model.prices.input, "output": model.prices.output, "cachedInput": model.prices.cached_input}
    begun = f"{model.since}T00:00:00Z"
    products = ["PRODUCT_SERVERLESS"] if model.serverless else []
    return {
        "id": answer.id,
        "name": model.id,
        "displayName": model.name or model.id,
        "displayType": model.type,
        "publisher": model.owner,
        "baseModel": model.id,
        "baseModelId": answer.id,
        "capabilities": [_CAPABILITIES[model.type]] if model.type in _CAPABILITIES else [],
        "inputModalities": [f"MODALITY_{name.upper()}" for name in model.input_modalities],
        "outputModalities": [f"MODALITY_{name.upper()}" for name in model.output_modalities],
        "features": [word for name, word in _FEATURES.items() if name in model.capabilities],
        "products": [*products, "PRODUCT_DEDICATED"],
        "status": "SUPPORTED_MODEL_STATUS_SUPPORTED",
        "contextLength": str(model.context or 0),
        "pricing": {name: float(price) for name, price in prices.items() if price is not None},
        "deploymentProfiles": [_profile(answer.id, model, each) for each in answer.thing.machines],
        "createdAt": begun,
        "updatedAt": begun,
    }


_CAPABILITIES = {
    "chat": "CAPABILITY_CHAT",
    "embedding": "CAPABILITY_EMBEDDING",
    "rerank": "CAPABILITY_RERANKING",
    "image": "CAPABILITY_IMAGE_GENERATION",
    "video": "CAPABILITY_VIDEO_GENERATION",
}
_FEATURES = {
    "tools": "FEATURE_TOOL_CALLING",
    "json_schema": "FEATURE_STRUCTURED_OUTPUT",
    "reasoning": "FEATURE_REASONING",
}


def _profile(id: str, model: Model, machine: Machine) -> dict[str, Any]:
    return {
        "profileId": known_id("prof", f"{model.id} {machine.instance}"),
        "config": config_id(machine),
        "certifiedConfigRevisionId": known_id("rv", config_id(machine)),
        "certifiedModelRevisionId": known_id("rv", model.id),
        "model": id,
        "modelName": model.id,
        "gpuType": machine.gpu,
        "gpuCount": machine.count,
        "parallelism": f"tp{machine.count}",
        "quantization": "bf16",
        "performanceBenchmarks": {"maxContextLength": str(model.context or 0)},
    }


def config(turn: Turn, answer: Thing) -> dict[str, Any]:
    """How a model runs on a machine."""
    known: Config = answer.thing
    return {
        "id": known.id,
        "projectId": known.project,
        "referenceModel": known.model.id,
        "referenceModelId": known_id("ml", known.model.id),
        "selectors": [{"key": "instance_type", "value": known.machine.instance}],
        "certifications": [],
    }


def own_model(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A model of the project's own."""
    resource = answer.thing
    fields = resource.fields
    kind = "ADAPTER" if fields["type"] == "adapter" else "DEFAULT"
    optional = {"description": fields.get("description"), "baseModelId": fields.get("baseModelId")}
    return {
        "id": resource.id,
        "name": fields["name"],
        "projectId": resource.places["project"],
        "organizationId": resource.more["organization"],
        "visibility": fields.get("visibility") or "VISIBILITY_PRIVATE",
        "weights": {"type": f"WEIGHTS_TYPE_{kind}"},
        "baseModel": fields["baseModel"],
        **without_none(optional),
    }


def revisions(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Every time its files were uploaded, the newest first."""
    rows = [
        {
            "revisionId": id,
            "createdAt": iso(turn, at),
            "lastValidatedAt": iso(turn, at),
            "validationStatus": "REVISION_VALIDATION_STATUS_SUCCESS",
        }
        for id, at in reversed(answer.thing.more["revisions"])
    ]
    return {"object": "list", "data": rows, "next_cursor": None}


def model_files(turn: Turn, answer: Files) -> dict[str, Any]:
    """Files of a revision: names alone, nobody holds weights here."""
    if not answer.revision:
        return {"object": "list", "data": [], "next_cursor": None}
    rows = [{"path": "config.json", "sizeBytes": "1024"}, {"path": "model.safetensors", "sizeBytes": "1048576"}]
    return {
        "object": "list",
        "data": rows,
        "next_cursor": None,
        "revisionId": answer.revision,
        "revisionCreatedAt": iso(turn, answer.at),
        "totalSizeBytes": "1049600",
    }


def remote_upload(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Files that are being fetched."""
    resource = answer.thing
    head = _head(turn, resource)
    del head["etag"]
    return {
        **head,
        "modelId": resource.fields["modelId"],
        "remoteUrl": resource.fields["remoteUrl"],
        "status": f"REMOTE_UPLOAD_STATUS_{upload_status(turn.at, resource.at)}",
        "restartCount": 0,
        "maxRestarts": 3,
    }


def upload_events(turn: Turn, answer: Thing) -> dict[str, Any]:
    """What has happened to an upload."""
    told = [("pending", 0.0), ("running", 1.0), ("succeeded", float(UPLOAD_SECONDS))]
    rows = [
        {
            "id": f"{answer.id}-{index}",
            "createdAt": iso(turn, answer.thing.at + after),
            "level": "LEVEL_INFO",
            "type": f"remote_upload.{name}",
            "message": f"Upload is {name}",
        }
        for index, (name, after) in enumerate(told)
        if answer.thing.at + after <= turn.at
    ]
    return {"object": "list", "data": rows, "next_cursor": None}


def _kind(name: str, one: Show, *words: str) -> dict[str, Show]:
    """The forms of a kind of resource: one of them, a page of them, and that one is gone."""
    shown = {"list": page(one), "delete": nothing}
    return {f"v2.{name}.{word}": shown.get(word, one) for word in words}


_ALL = ("create", "list", "retrieve", "update", "delete")

SHOWN: Mapping[str, Show] = {
    "endpoints.create": endpoint_v1,
    "endpoints.retrieve": endpoint_v1,
    "endpoints.update": endpoint_v1,
    "endpoints.delete": endpoint_v1,
    "endpoints.list": endpoints_v1,
    "endpoints.adapters.list": adapters_v1,
    "endpoints.adapters.add": lambda turn, answer: {"model_id": answer.id},
    "endpoints.adapters.remove": lambda turn, answer: {"model_id": answer.id, "deleted": True},
    "endpoints.zones": zones,
    "hardware.list": hardware,
    **_kind("endpoints", endpoint, *_ALL),
    "v2.endpoints.list_organization": page(endpoint),
    "v2.endpoints.events": page(event),
    "v2.endpoints.analytics": analytics,
    **_kind("deployments", deployment, *_ALL),
    **_kind("adapters", adapter, *_ALL),
    **_kind("rollouts", rollout, "create", "list", "retrieve", "delete"),
    **_kind("rollouts", rollout, "start", "pause", "resume", "promote", "cancel"),
    "v2.rollouts.preview": rollout_preview,
    **_kind("ab_experiments", ab_experiment, *_ALL),
    **_kind("shadow_experiments", shadow_experiment, *_ALL),
    **_kind("targets", target, *_ALL),
    **_kind("placement_profiles", placement_profile, "list", "retrieve"),
    **_kind("instance_types", instance_type, "list", "retrieve"),
    **_kind("supported_models", supported_model, "list", "retrieve"),
    **_kind("configs", config, "list", "retrieve"),
    **_kind("models", own_model, *_ALL),
    "v2.models.list_organization": page(own_model),
    "v2.models.files": model_files,
    "v2.models.revisions": revisions,
    **_kind("uploads", remote_upload, "create", "list", "retrieve"),
    "v2.uploads.events": upload_events,
}
"""By operation."""
