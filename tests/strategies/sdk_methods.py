"""Reads out of an SDK's source with which types it writes requests and reads replies, by the address of a call.

A method ends in ``self._post("/v1/rerank", body=maybe_transform({…}, RerankCreateParams), cast_to=Rerank)``.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Union, get_args, get_type_hints

from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict, is_typeddict

_VERBS = {"get": "GET", "post": "POST", "patch": "PATCH", "put": "PUT", "delete": "DELETE", "get_api_list": "GET"}
_NO_TYPES = (
    "object",
    "NoneType",
    "BinaryAPIResponse",
    "_legacy_response.HttpxBinaryResponseContent",
    "HttpxBinaryResponseContent",
)

_Given = Mapping[str | None, ast.expr]


class Typed(NamedTuple):
    """The types of one call; ``None``: the SDK has none."""

    request: Any
    reply: Any
    event: Any


@cache
def typed_calls(sdk: str) -> dict[str, Typed]:
    """``"POST /v1/rerank"`` → its types. What varies in an address is ``{}``."""
    resources = import_module(f"{sdk}.resources")
    within = pkgutil.walk_packages(resources.__path__, f"{resources.__name__}.")
    names = [*(found.name for found in within), f"{sdk}._client"]
    found: dict[str, Typed] = {}
    for address, typed in (pair for name in names for pair in _calls_of(import_module(name))):
        found.setdefault(address, typed)  # the asynchronous one is second
    return found


def _calls_of(module: ModuleType) -> Iterator[tuple[str, Typed]]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and (address := _address(node)):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            yield address, Typed(*(read(given, module) for read in (_of_body, _of_reply, _of_event)))


def _address(call: ast.Call) -> str:
    """Of what is called there; empty where nothing is."""
    verb = _VERBS.get(call.func.attr.removeprefix("_")) if isinstance(call.func, ast.Attribute) else None
    if verb is None or not call.args:
        return ""
    for node in ast.walk(call.args[0]):  # within path_template(…), or what stands there for a client of another address
        if isinstance(node, ast.JoinedStr):
            return verb + " " + "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if isinstance(node, ast.Constant) and str(node.value).startswith("/"):
            return f"{verb} {re.sub(r'{[^}]*}', '{}', str(node.value))}"
    return ""


def _of_body(given: _Given, module: ModuleType) -> Any:
    """``body=maybe_transform({…}, RerankCreateParams)``: of its fields those that are sent in the body."""
    node = given.get("body")
    if not isinstance(node, ast.Call) or len(node.args) != 2:
        return None
    sent = {ast.literal_eval(key) for key in node.args[0].keys if key} if isinstance(node.args[0], ast.Dict) else None
    whole = _meant(node.args[1], module)
    return Union[tuple(_with_fields(one, sent) for one in get_args(whole) or [whole])]  # noqa: UP007


def _with_fields(params: Any, sent: set[str] | None) -> Any:
    """The same without what stands in the address, and without a file, whose type is none for pydantic."""
    fields = get_type_hints(params, include_extras=True)
    wanted = {name: kind for name, kind in fields.items() if (sent is None or name in sent) and name != "file"}
    made = TypedDict(params.__name__, wanted, total=False)
    made.__pydantic_config__ = {"alias_generator": to_camel} if _is_renamed(made) else {}
    return made


def _is_renamed(kind: Any) -> bool:
    """Whether something in it is sent by another name: ``Annotated[str, PropertyInfo(alias=…)]``."""
    inner = get_type_hints(kind, include_extras=True).values() if is_typeddict(kind) else get_args(kind)
    return "alias=" in str(getattr(kind, "__metadata__", "")) or any(map(_is_renamed, inner))


def _of_reply(given: _Given, module: ModuleType) -> Any:
    node = given.get("page", given.get("cast_to"))
    if isinstance(node, ast.Call):  # cast(Any, Transcription); some other function decides by what is asked for
        node = node.args[1] if ast.unparse(node.func) == "cast" else None
    return None if node is None or ast.unparse(node) in _NO_TYPES else _meant(node, module)


def _of_event(given: _Given, module: ModuleType) -> Any:
    """``stream_cls=Stream[ChatCompletionChunk]``"""
    node = given.get("stream_cls")
    return _meant(node.slice, module) if isinstance(node, ast.Subscript) else None


def _meant(node: ast.expr, module: ModuleType) -> Any:
    if isinstance(node, ast.IfExp):  # …ParamsStreaming if stream else …ParamsNonStreaming
        return Union[_meant(node.body, module), _meant(node.orelse, module)]  # noqa: UP007
    return eval(ast.unparse(node), vars(module))
