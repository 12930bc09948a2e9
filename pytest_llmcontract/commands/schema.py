"""``llmcontract schema``: prints a JSON Schema that a finding names, or the part of it that it points at."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_llmcontract.commands.answer import print_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    schema = commands.add_parser("schema", help="a JSON Schema that a finding names, usable anywhere")
    schema.add_argument(
        "provider", metavar="PROVIDER", help="groq, together …; or a whole place: schemas/groq/….json#/…"
    )
    schema.add_argument(
        "name", metavar="NAME", nargs="?", help="such as chat.completions.request, or …#/properties/n (default: a list)"
    )
    schema.add_argument("--edition", metavar="DATE", help="the day it held on (default: that of the newest edition)")
    schema.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.contract.schemas import DatedSchema, schema_files
    from pytest_llmcontract.core.errors import unknown

    folder, name, pointer = _place(args.provider, args.name)
    files = sorted(file.removesuffix(".json") for file in schema_files(folder))
    if not files:
        raise unknown("provider", folder, _folders())
    if not name:
        print("\n".join(files))
        return 0
    if name not in files:
        raise unknown(f"{folder} schema", name, files)
    file = f"{folder}/{name}.json"
    print_json(_part(DatedSchema(file, _day(folder, args.edition)).document, pointer, f"schemas/{file}"))
    return 0


def _place(provider: str, name: str | None) -> tuple[str, str, str]:
    """Folder, file and pointer of what is asked for, also where somebody pastes what a finding says."""
    file, _, pointer = (name or provider).removeprefix("schemas/").partition("#")
    folder, slash, rest = file.partition("/")
    if slash:
        return folder, rest.removesuffix(".json"), pointer
    return (provider, file.removesuffix(".json"), pointer) if name else (file, "", pointer)


def _folders() -> list[str]:
    from pytest_llmcontract.core.facts.places import find_schemas

    return [folder.name for folder in find_schemas().iterdir() if folder.is_dir()]


def _day(folder: str, edition: str | None) -> Any:
    """The day that *edition* means, or that of the newest; of what all providers share the newest of all."""
    from pytest_llmcontract.core.facts.load import edition_date, parsed_date
    from pytest_llmcontract.core.facts.registry import provider_names

    if folder in provider_names():
        return edition_date(folder, edition)
    return parsed_date(edition) if edition else max(edition_date(name) for name in provider_names())


def _part(schema: Any, pointer: str, where: str) -> Any:
    """What *pointer* points at.

    Raises:
        BadInput: There is nothing.
    """
    from pytest_llmcontract.core.errors import unknown

    so_far = ""
    for step in pointer.strip("/").split("/") if pointer.strip("/") else ():
        known = schema if isinstance(schema, dict) else dict(enumerate(schema)) if isinstance(schema, list) else {}
        key: Any = (
            int(step) if isinstance(schema, list) and step.isdigit() else step.replace("~1", "/").replace("~0", "~")
        )
        if key not in known:
            raise unknown(f"part of {where}#{so_far}", step, map(str, known))
        schema, so_far = known[key], f"{so_far}/{step}"
    return schema
