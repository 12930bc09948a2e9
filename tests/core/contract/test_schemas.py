"""The schema files: that they are sound, say how they know, refer to each other, and serve other tools."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_llmcontract.core.contract.schemas import DatedSchema, on_day, read_schema
from pytest_llmcontract.core.errors import DataError
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.places import find_schemas

SCHEMAS = find_schemas()
EXAMPLES = Path(__file__).parents[2] / "examples" / "replies"
SHARED = sorted(f"shared/{file.name}" for file in (SCHEMAS / "shared").glob("*.json"))
OWN = sorted(f"{provider}/{file.name}" for provider in ("groq", "together") for file in (SCHEMAS / provider).glob("*"))
KINDS = ("request", "reply", "event", "error")
DAYS = (date(2024, 1, 1), date(2025, 5, 29), date(2026, 11, 20))

WITHOUT_JSON = {
    "audio.speech",
    "endpoints.delete",
    "files.content",
    "files.put",
    "files.upload_url",
    "fine_tuning.download",
    "images.content",
}
"""Operations whose reply is sound, a picture or a file, or has no body."""
WITHOUT_BODY = {"files.preprocess", "v2.rollouts.start"}
"""Operations that are posted, and say all in their address."""
NOT_COVERED = {"voices.list", "clusters", "jig", "post_training"}
"""Operations of Together's that docs/schemas.md leaves out by name."""


ALL = SHARED + OWN


def offenders(names: Iterable[str], problems: Callable[[str], object]) -> dict[str, object]:
    """File -> what is wrong with it, for those with which something is."""
    return {name: found for name in names if (found := problems(name))}


class TestFiles:
    """Lint: each test holds all files to one rule, and names those that break it."""

    def test_are_json_schemas(self) -> None:
        checker = Draft202012Validator(Draft202012Validator.META_SCHEMA)

        assert offenders(ALL, lambda name: list(checker.iter_errors(dict(read_schema(name))))) == {}

    def test_are_named_by_operation_and_kind(self) -> None:
        def problems(name: str) -> object:
            provider, _, file = name.partition("/")
            operation, _, kind = file.removesuffix(".json").rpartition(".")
            operations = {*load_edition(provider).operations.values(), "", "batches", "files"}
            return [word for word, known in ((operation, operations), (kind, KINDS)) if word not in known]

        assert offenders(OWN, problems) == {}

    @pytest.mark.parametrize("provider", ["groq", "together"])
    def test_every_operation_has_its_reply(self, provider: str) -> None:
        operations = set(load_edition(provider).operations.values()) - NOT_COVERED - WITHOUT_JSON

        assert [name for name in sorted(operations) if f"{provider}/{name}.reply.json" not in OWN] == []

    @pytest.mark.parametrize("provider", ["groq", "together"])
    def test_every_operation_with_a_body_has_its_request(self, provider: str) -> None:
        lines = load_edition(provider).operations.items()
        posted = {name for line, name in lines if line.startswith("POST") and not name.endswith("cancel")}

        assert [
            name for name in sorted(posted - NOT_COVERED - WITHOUT_BODY) if f"{provider}/{name}.request.json" not in OWN
        ] == []

    def test_have_no_alternatives(self) -> None:
        """So that every error is about what was meant: see the docstring of core/contract/schemas.py."""
        alternatives = {"anyOf", "oneOf", "patternProperties"}

        assert offenders(ALL, lambda name: keys_of(name) & alternatives) == {}

    def test_explain_the_annotations_they_use(self) -> None:
        def problems(name: str) -> object:
            explained = set(re.findall(r"x-[a-z]+(?=[:,])", read_schema(name).get("$comment", "")))
            return explained ^ {key for key in keys_of(name) if key.startswith("x-")}

        assert offenders(ALL, problems) == {}

    def test_explain_the_sources_they_name(self) -> None:
        def problems(name: str) -> object:
            schema = read_schema(name)
            texts = [str(node.get("description", "")) for node in nodes(schema) if node is not schema]
            lists = [words for text in texts for words in re.findall(r"\[([a-z, ]+)\]", text)]
            named = {word for words in lists for word in words.split(", ")}
            return {word for word in named if f"[{word}] " not in schema.get("description", "")}

        assert offenders(ALL, problems) == {}

    def test_every_field_of_a_request_says_how_it_is_known(self) -> None:
        def problems(name: str) -> object:
            fields = read_schema(name)["properties"].values()
            described = [field.get("description", field.get("$ref", "")) for field in fields]
            return [text for text in described if "[" not in text and "#/" not in text]

        assert offenders([name for name in OWN if name.endswith(".request.json")], problems) == {}

    def test_the_lint_itself_names_what_it_finds(self) -> None:
        assert offenders(["a", "b"], lambda name: {"x"} if name == "b" else set()) == {"b": {"x"}}


class TestReferences:
    @pytest.mark.parametrize("day", DAYS, ids=str)
    def test_lead_somewhere_on_every_day(self, day: date) -> None:
        """What came later must not be referred to from what was there before."""
        files = {file: on_day(read_schema(file), day) for file in ALL}

        def problems(name: str) -> object:
            ways = {reference: target(name, reference) for reference in references(files[name])}
            return [way for way, (file, pointer) in ways.items() if resolved(files[file], pointer) is None]

        assert offenders(OWN, problems) == {}

    def test_go_to_another_folder_once_at_most(self) -> None:
        """``check-jsonschema`` gets lost on the second way up: its ``..`` is dropped."""

        def problems(name: str) -> object:
            others = [target(name, reference) for reference in references(read_schema(name))]
            onward = [
                step
                for file, pointer in others
                if file != name
                for step in beyond(file, references(resolved(read_schema(file), pointer)))
            ]
            return [step for step in onward if step.startswith("..")]

        assert offenders(ALL, problems) == {}

    def test_every_definition_is_used(self) -> None:
        used = {target(name, reference) for name in ALL for reference in references(read_schema(name))}
        defined = {(name, f"/$defs/{definition}") for name in ALL for definition in read_schema(name).get("$defs", {})}

        assert defined - used == set()

    def test_what_is_extended_is_not_closed(self) -> None:
        """A closed object knows its own fields only: who refers to it cannot add any."""

        def problems(name: str) -> object:
            return [
                (node["$ref"], added)
                for node in nodes(read_schema(name))
                if "$ref" in node and "properties" in node and (added := added_to_closed(name, node))
            ]

        assert offenders(ALL, problems) == {}

    def test_a_missing_file_is_named(self) -> None:
        with pytest.raises(DataError, match=r"no\.such\.operation\.request\.json"):
            read_schema("groq/no.such.operation.request.json")


class TestDays:
    def test_a_property_is_there_between_its_days(self) -> None:
        schema = {"properties": {"a": {"x-since": "2025-03-01", "x-until": "2025-06-01", "type": "string"}}}

        there = [bool(on_day(schema, date(2025, *day))["properties"]) for day in ((2, 28), (3, 1), (5, 31), (6, 1))]

        assert there == [False, True, True, False]

    def test_a_branch_that_does_not_hold_keeps_its_place(self) -> None:
        schema = {"allOf": [{"x-until": "2025-01-01", "type": "string"}, {"type": "integer"}]}

        assert on_day(schema, date(2026, 11, 20)) == {"allOf": [True, {"type": "integer"}]}

    @pytest.mark.parametrize(("day", "kind"), [((2025, 2, 28), "a"), ((2025, 3, 1), "b"), ((2025, 6, 1), "c")])
    def test_a_value_is_what_it_was_on_the_day(self, day: tuple[int, int, int], kind: str) -> None:
        older = [{"x-until": "2025-03-01", "const": "a"}, {"x-until": "2025-06-01", "const": "b"}]
        schema = {"properties": {"kind": {"x-was": older, "const": "c"}}}

        assert on_day(schema, date(*day))["properties"]["kind"]["const"] == kind

    def test_an_open_object_is_closed_for_our_own_reading(self) -> None:
        schema = {"properties": {"a": {"x-open": True}}}

        assert on_day(schema, date(2026, 11, 20)) == {
            "properties": {"a": {"x-open": True, "unevaluatedProperties": False}}
        }


class TestBundles:
    def test_need_no_other_file(self) -> None:
        """A bundle works in a validator that knows nothing of our folder."""
        anything = {"choices": [{}], "error": {}, "data": [{}], "messages": [{}]}
        for name in OWN:
            document = json.loads(json.dumps(DatedSchema(name, DAYS[-1]).document))

            list(Draft202012Validator(document).iter_errors(anything))


class TestOtherTools:
    """``check-jsonschema``, as a user calls it in a checkout."""

    def test_accept_every_file(self) -> None:
        run = check_jsonschema("--check-metaschema", *(str(SCHEMAS / name) for name in ALL))

        assert run.returncode == 0, run.stdout

    @pytest.mark.parametrize("provider", ["groq", "together"])
    def test_judge_a_reply(self, provider: str) -> None:
        schema = str(SCHEMAS / provider / "chat.completions.reply.json")
        good, bad = (example(f"{verdict}/{provider}/chat.completions/{name}.json") for verdict, name in WELL_KNOWN)

        right = check_jsonschema("--schemafile", schema, "-", stdin=good)
        wrong = check_jsonschema("--schemafile", schema, "-", stdin=bad)

        assert right.returncode == 0, right.stdout
        assert wrong.returncode == 1
        assert "is not of type" in wrong.stdout


WELL_KNOWN = (("accepted", "plain"), ("refused", "wrong_type"))


def example(name: str) -> str:
    return json.dumps(json.loads((EXAMPLES / name).read_text("utf-8"))["body"])


def check_jsonschema(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *args]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(value)


def keys_of(name: str) -> set[str]:
    return {key for node in nodes(read_schema(name)) for key in node}


def added_to_closed(name: str, node: Mapping[str, Any]) -> set[str]:
    """The properties that *node* of file *name* adds to what it refers to, if that is closed."""
    file, pointer = target(name, node["$ref"])
    extended = resolved(read_schema(file), pointer)
    closed = extended.get("x-open") or extended.get("additionalProperties") is False
    return node["properties"].keys() - extended.get("properties", {}).keys() if closed else set()


def references(schema: Any) -> list[str]:
    return [node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)]


def beyond(file: str, steps: list[str]) -> set[str]:
    """Where references of *file* lead, directly or not."""
    found: set[str] = set()
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            other, pointer = target(file, step)
            if other == file:
                waiting += references(resolved(read_schema(file), pointer))
    return found


def target(name: str, reference: str) -> tuple[str, str]:
    file, _, pointer = reference.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name, pointer


def resolved(schema: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/") if pointer else ():
        schema = schema.get(part) if schema else None
    return schema
