"""A broken file of facts: one line that names file, record and key."""

from __future__ import annotations

import json
import shutil
from datetime import date

import pytest

from pytest_llmcontract.core.errors import DataError
from pytest_llmcontract.core.facts.load import assemble
from pytest_llmcontract.core.facts.places import PACKAGE

DAY = date(2026, 6, 4)


@pytest.fixture
def folder(tmp_path):
    for file in (PACKAGE / "providers" / "groq").glob("*.json"):
        (tmp_path / "groq").mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "groq")
    return tmp_path / "groq"


def change(folder, file, edit):
    facts = json.loads((folder / file).read_text("utf-8"))
    edit(facts)
    (folder / file).write_text(json.dumps(facts), "utf-8")


def test_a_copy_loads(folder):
    assert assemble(folder, "groq", DAY).date == DAY


@pytest.mark.parametrize(
    ("file", "edit", "says"),
    [
        ("models.json", lambda f: f[0].update(contxt=1), "groq/models.json: record 'allam-2-7b': unknown key 'contxt'"),
        ("models.json", lambda f: f[0].pop("owner"), "record 'allam-2-7b': key 'owner' is missing"),
        ("models.json", lambda f: f[0].update(context="wide"), "record 'allam-2-7b': context: "),
        ("models.json", lambda f: f[0].update(prices={"inptu": "1"}), "unknown key 'prices.inptu'"),
        ("models.json", lambda f: f[0].update(source="gossip"), "no source 'gossip' in sources.json"),
        ("models.json", lambda f: f[0].update(sources={"prices": "gossip"}), "no source 'gossip' in sources.json"),
        ("models.json", lambda f: f.append(f[0]), "groq/models.json: record 'allam-2-7b' is there twice"),
        (
            "models.json",
            lambda f: f[0].update(changes=[{"on": "2099-01-01", "contxt": 1, "source": "models-list"}]),
            "record 'allam-2-7b': changes: unknown key 'contxt'",
        ),
        (
            "models.json",
            lambda f: f[0].update(changes=[{"on": "soon", "source": "models-list"}]),
            "record 'allam-2-7b': changes: 'on' is no date",
        ),
        ("limits.json", lambda f: f[0]["limits"].update(TPN=1), "groq/limits.json: record 'free': limits: "),
        ("limits.json", lambda f: f.append(f[0]), "groq/limits.json: record 'free' is there twice on 2026-06-04"),
        ("limits.json", lambda f: f[0].update(per="day"), "unknown key 'per'"),
        ("errors.json", lambda f: f[0].update(statu=1), "groq/errors.json: record 'bad_request': unknown key 'statu'"),
        ("errors.json", lambda f: f.append(f[0]), "record 'bad_request' is there twice on 2026-06-04"),
        ("errors.json", lambda f: f[0].pop("default_for_status"), "status 400 needs one default_for_status, has none"),
        ("errors.json", lambda f: f[1].update(default_for_status=True), "has bad_request, unsupported_property"),
        ("errors.json", lambda f: f[0].update(step="somewhere"), "which is not on the path"),
        ("dialect.json", lambda f: f[0].update(key="colour"), "groq/dialect.json: record 'colour': no such switch"),
        ("dialect.json", lambda f: f.append(f[-1]), "record 'x_groq_seed' is there twice on 2026-06-04"),
        ("sources.json", lambda f: f["models-list"].update(read="once"), "record 'models-list': read: "),
        ("sources.json", lambda f: f["models-list"].update(kind="rumour"), "record 'models-list': kind: "),
        ("api.json", lambda f: f["path"].append("prayer"), "unknown step 'prayer'"),
        ("api.json", lambda f: f.update(colour=1), "groq/api.json: unknown key 'colour'"),
    ],
)  # fmt: skip
def test_a_broken_record(folder, file, edit, says):
    change(folder, file, edit)
    with pytest.raises(DataError) as caught:
        assemble(folder, "groq", DAY)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(folder.parent) not in str(caught.value)


def test_a_file_that_is_no_json(folder):
    (folder / "limits.json").write_text('[{"plan": "fr', "utf-8")
    with pytest.raises(DataError, match=r"groq/limits\.json: no JSON: Unterminated string"):
        assemble(folder, "groq", DAY)


def test_a_file_that_is_not_there(folder):
    (folder / "limits.json").unlink()
    with pytest.raises(DataError, match=r"groq/limits\.json: no such file"):
        assemble(folder, "groq", DAY)
