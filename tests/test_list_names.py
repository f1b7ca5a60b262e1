"""Names of models and data sets in lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qfusion.models import FUSION
from qfusion.training import checkpoint_cards
from qfusion.views.pages import address
from qfusion.views.words.names import Group, name_model, name_system
from tests.support.app import offered_ids, visit


def test_a_model_whose_card_cannot_be_read_is_listed_by_its_id() -> None:
    name = name_model("damaged", {}, shipped=False)
    assert name.option == "damaged"
    assert name.in_line == "damaged"


def test_every_kind_has_a_short_name() -> None:
    names = {kind: name_system(kind) for kind in FUSION}
    assert max(map(len, names.values())) <= 16
    assert name_system("of-a-plugin") == "of-a-plugin"


def test_models_are_grouped_by_system_and_own_ones_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    (tmp_path / "mine.json").write_text(
        json.dumps({"format": 1, "model": "quantum-jump", "title": "Mine"})
    )
    (tmp_path / "damaged.json").write_text("{")
    names = list(address.model_names().values())
    assert [name.group for name in names] == sorted(name.group for name in names)
    assert {name.id: name.group for name in names}["mine"] == Group.OWN
    assert {name.id for name in names} == set(checkpoint_cards.available())


def test_pickers_show_titles_and_links_keep_ids() -> None:
    app = visit("Overview", model="qj-parity")
    model, data = app.selectbox(key="model"), app.selectbox(key="data")
    assert model.options[0].startswith("QiNN-QJ · ")
    assert "Two digits: odd or even (parity)" in data.options
    assert (model.value, data.value) == ("qj-parity", "parity")
    assert app.query_params["model"] in ("qj-parity", ["qj-parity"])
    assert len(set(offered_ids(app, "model"))) == len(model.options)
    closed = [
        entry.proto.body
        for entry in app.get("html")
        if '<div class="qf-closed"' in entry.proto.body
    ]
    assert "<span>QiNN-QJ</span><small>qj-parity</small>" in closed[0]
    assert "Two digits: odd or even" in closed[1]
