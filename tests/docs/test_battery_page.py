"""The page of the battery lists every behaviour as it is."""

from __future__ import annotations

from pages import ROOT

from pytest_llmcontract.core.battery.behaviours import OUTCOMES, Behaviour, behaviours_of


def row(behaviour: Behaviour) -> str:
    whose = f" *({', '.join(name.title() for name in behaviour.providers)})*" if behaviour.providers else ""
    return f"| `{behaviour.id}` | {behaviour.what}{whose} | {', '.join(behaviour.may)} |"


def test_the_page_has_every_behaviour():
    """Copy the rows from this test's output when the data changes."""
    page = (ROOT / "docs" / "battery.md").read_text("utf-8")
    rows = dict.fromkeys(row(behaviour) for provider in ("groq", "together") for behaviour in behaviours_of(provider))
    missing = [row for row in rows if row not in page]

    assert missing == [], "\n".join(missing)


def test_the_page_has_every_outcome_and_every_key():
    page = (ROOT / "docs" / "battery.md").read_text("utf-8")

    assert [name for name in (*OUTCOMES, *Behaviour.model_fields) if f"`{name}`" not in page] == []
