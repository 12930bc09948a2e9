"""The methods of an SDK, and how each is called: ``sdks/<name>.json``.

``calls`` has the ways in which a method is called: the keywords ``with`` which, other methods that are called
``before``, the virtual seconds that ``later`` is, the status with which it is ``refused``, an ``edition`` other than
the newest, and that it gives ``nothing``. Texts in angle brackets are as in :mod:`walking`, with methods in place of
operations and numbers of ways in place of cases. ``left_out`` has patterns of methods, each with the
reason why nothing answers them; ``not_yet`` those that this version does not answer. ``unlike`` are the places of
replies at which the provider is not as the SDK has it, and why that is known.

A table ``of`` another has that one's calls too; what one has in ``beta``, another has without.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from walking import first_model, sound

from pytest_llmcontract import SimulatedProvider

HERE = Path(__file__).parent / "sdks"
_NAMED = re.compile(r"<([a-z][a-z0-9_.]*)(?::([a-z_]+|[0-9]+))?(/[^<>]*)?>")


@cache
def table(name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    if "of" in found:
        other = table(found["of"])
        found = {**other, **found, "calls": {**other["calls"], **found["calls"]}}
    if "beta" in found:
        text = json.dumps(json.loads((HERE / f"{found['beta']}.json").read_text("utf-8"))["calls"])
        found["calls"] = {**json.loads(re.sub(r'(["<])(endpoints|models)\.', r"\1beta.\2.", text)), **found["calls"]}
    return found


def methods(client: Any, path: str = "") -> Iterator[str]:
    """Every public method of every resource, ``chat.completions.create``."""
    for name, resource in _resources(client):
        for method in dir(type(resource)):
            if not method.startswith(("_", "with_")) and inspect.isfunction(getattr(type(resource), method)):
                yield f"{path}{name}.{method}"
        yield from methods(resource, f"{path}{name}.")


def _resources(holder: Any) -> Iterator[tuple[str, Any]]:
    for name in dir(type(holder)):
        if name.startswith(("_", "with_")) or inspect.isfunction(getattr(type(holder), name)):
            continue
        try:
            found = getattr(holder, name)
        except Exception:  # a property that wants more than a client has
            continue
        if any(base.__name__ == "SyncAPIResource" for base in type(found).__mro__):
            yield name, found


def left_out(name: str, method: str) -> bool:
    entry = table(name)
    return any(fnmatchcase(method, pattern) for pattern in (*entry["left_out"], *entry.get("not_yet", ())))


class SdkWalk:
    """One client, and what it made so far.

    Args:
        folder: For files that the client reads.
    """

    def __init__(self, name: str, client: Any, api: SimulatedProvider, folder: Path) -> None:
        self._calls, self._client, self._api, self._folder = table(name)["calls"], client, api, folder
        self._made: dict[tuple[str, int], Any] = {}

    def call(self, method: str, way: Mapping[str, Any]) -> Any:
        """What the method gives; a stream as a list."""
        for other in way.get("before", ()):
            name, _, number = other.partition(":")
            self._result(name, int(number or 0))
        fields = {name: self._filled(value) for name, value in way.get("with", {}).items()}
        if way.get("later"):
            self._api.clock.advance(seconds=way["later"])
        return read(self._method(method)(**fields))

    def _method(self, path: str) -> Any:
        found = self._client
        for name in path.split("."):
            found = getattr(found, name)
        return found

    def _result(self, method: str, number: int = 0) -> Any:
        if (method, number) not in self._made:
            known = method in self._calls
            self._made[method, number] = self.call(method, self._calls[method][number] if known else {})
        return self._made[method, number]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Mapping) and ("sound" in value or "text" in value) and value.keys() & {"name", "path"}:
            return self._file(value)
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := _NAMED.fullmatch(value):
            return self._meant(*whole.groups())
        return _NAMED.sub(lambda found: str(self._meant(*found.groups())), value)

    def _file(self, value: Mapping[str, Any]) -> Any:
        data = sound(value["sound"]) if "sound" in value else self._filled(value["text"]).encode()
        if "name" in value:
            return value["name"], data
        path = self._folder / value["path"]
        path.write_bytes(data)
        return path

    def _meant(self, name: str, case: str | None, rest: str | None) -> Any:
        if name in ("model", "voice"):
            model = first_model(self._api.edition, case or "chat")
            return model.id if name == "model" else next(iter(model.voices), "alloy")
        found = self._result(name, int(case or 0))
        for part in (rest or "").strip("/").split("/"):
            found = found[int(part)] if part.isdecimal() else getattr(found, part)
        return found


def read(result: Any) -> Any:
    """*result*, a stream of it as a list, a manager of one as what it holds."""
    if hasattr(result, "__enter__") and not hasattr(result, "__iter__") and not hasattr(result, "read"):
        with result as stream:
            return list(stream)
    if isinstance(result, str | bytes | list | BaseModel) or not isinstance(result, Iterable):
        return result
    return list(result)


def misfits(result: Any) -> list[tuple[str, str]]:
    """Where *result* is not what the SDK's own types say, and how: a field is missing, or of another type.

    SDKs build their models without looking; here they are looked at.
    """
    if isinstance(result, list):
        return [found for item in result for found in misfits(item)]
    if not isinstance(result, BaseModel):
        return []
    text = result.model_dump_json(by_alias=True, exclude_unset=True, warnings=False)
    try:
        type(result).model_validate_json(text, strict=True)
    except ValidationError as problem:
        return [(".".join(map(str, error["loc"])), error["msg"]) for error in problem.errors()]
    return []


def is_known(name: str, method: str, place: str) -> bool:
    """Whether the provider itself is unlike the SDK's types at that *place*."""
    rows = table(name).get("unlike", ())
    return any(fnmatchcase(method, row["methods"]) and fnmatchcase(place, row["at"]) for row in rows)
