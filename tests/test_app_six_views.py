"""Pages of a network with a chain of fusions on six views: 64 coalitions, elements that are not classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import data, explain
from qfusion._memory_cache import CACHE
from qfusion.app import tasks
from qfusion.data import DataSet, Modality, Target, registry
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.row_splits import stratified_split
from qfusion.data.sources import Source
from qfusion.models import base
from qfusion.models.network import gate_angles
from qfusion.study import opening
from qfusion.study.sample import Sample
from qfusion.training import Options, checkpoint, checkpoint_cards, metrics, train
from tests.support import circuit_views
from tests.support.app import PAGES, headline_of, plain, said, value, visit
from tests.support.third_model import SHAPE, VIEWS

MODEL, DATA = "fresh", "six-views"


def stand_in() -> DataSet:
    """Six views of digits, 200 random rows: more for testing than are explained together."""
    rng, y = np.random.default_rng(0), np.repeat(np.arange(10), 20)
    ids = numbered_ids("digit", len(y))
    modalities = tuple(
        Modality(
            name,
            rng.normal(size=(10, size))[y] + rng.normal(size=(len(y), size)),
            None,
            tuple(f"{what} {i}" for i in range(size)),
            SHAPE if name == "pix" else None,
        )
        for name, size, what in VIEWS
    )
    return DataSet(
        DATA,
        "Six views",
        "",
        "",
        "",
        modalities,
        Target("classification", "digit", None, tuple("0123456789")),
        y,
        ids,
        stratified_split(y),
        pd.DataFrame({"digit": y}, index=ids),
    )


@pytest.fixture(scope="module")
def six_views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DataSet, Any]]:
    """The data set as the pages load it, and a network that has seen two epochs of it, among the user's models."""
    folder: Path = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_MODELS", str(folder))
        found = stand_in()
        source = Source(DATA, found.title, lambda: found, made="is drawn for tests")
        patch.setitem(registry.sources(), DATA, source)
        _forget()
        dataset = data.load(DATA)
        result = train(
            "entangled-qcnn",
            dataset,
            dict(elements=4, hidden=8),
            Options(epochs=2, rate=1e-2, patience=0, loss="cross_entropy"),
        )
        measured = {
            split: metrics.evaluate(result.model, dataset, split)
            for split in ("train", "valid", "test")
        }
        spread = {split: metrics.summary([each]) for split, each in measured.items()}
        card = checkpoint_cards.make_card(
            result.model,
            dataset,
            name=MODEL,
            title="Fresh",
            seed=0,
            training=result.settings(),
            metrics=spread,
            this_seed=measured,
            seeds=[0],
        )
        checkpoint.save(folder / MODEL, result.model, card)
        yield (
            dataset,
            opening.build_study(MODEL, card, checkpoint.load(MODEL).model, dataset),
        )
    _forget()


def _forget() -> None:
    """No cache may take one set for the other: they have one name. All else is kept by their digests."""
    CACHE.clear(registry.load_manifest.__wrapped__)  # type: ignore[attr-defined]
    CACHE.clear(tasks.load_dataset.__wrapped__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("title", PAGES)
def test_every_page_opens(title: str, six_views: Any) -> None:
    app = visit(title, model=MODEL, data=DATA)
    assert app.selectbox(key="model").value == MODEL
    assert not app.error
    assert not app.warning
    assert (
        f"{len(six_views[0].rows('test'))} of them in the test split"
        in app.selectbox(key="sample").help
    )


@pytest.mark.parametrize("view", circuit_views.VIEWS)
def test_every_view_of_the_circuit_opens(view: str, six_views: Any) -> None:
    app = visit("Circuit", model=MODEL, data=DATA, part=view)
    assert not app.error
    assert view == "Export" or "**Shows**" in said(app)


def test_samples_show_the_librarys_decision(six_views: Any) -> None:
    dataset, study = six_views
    row = int(dataset.rows("test")[-1])  # beyond those that are explained together
    assert row not in study.explained_rows
    app = visit("Samples", whole=False, model=MODEL, data=DATA, sample=str(dataset.ids[row]))
    assert f"Predicted ‘{study.classes[study.predicted[row]]}’" in plain(said(app))
    found = explain.explain(
        base.log_odds_against_others(checkpoint.load(MODEL).model),
        dataset.inputs([row], dtype=torch.float64),
        study.background,
    )
    terms = found.dividends[0, :, study.predicted[row]]
    assert len(terms) == 64
    assert headline_of(found, terms) in plain(said(app))


def test_a_table_in_the_middle_of_the_chain_is_edited(six_views: Any) -> None:
    dataset, study = six_views
    row = int(dataset.rows("test")[0])
    app = visit(
        "Circuit",
        whole=False,
        model=MODEL,
        data=DATA,
        sample=str(dataset.ids[row]),
        part="Fusion rules",
        element="element 2",
        stage="3",
        outcome="10",
    )
    assert "(yes: fused" in said(app)
    app.number_input(key="_number.2.3.2").set_value(3.0).run()
    assert not app.exception
    assert app.text_input(key="phi").value == "2.3.10=3"
    phi = gate_angles.apply_edits("2.3.10=3", study.model.phi, gate_angles.table_shape(study.model))
    changed = study.model.with_angles(phi)
    assert value(app, "Test accuracy") == pytest.approx(
        metrics.evaluate(changed, dataset, "test")["accuracy"], abs=6e-4
    )
    with torch.no_grad():
        scores = changed(dataset.inputs([row], dtype=torch.float64))[0].numpy()
    assert np.allclose(Sample(study, row, 0, "2.3.10=3").scores, scores, atol=1e-10)
    app.button(key="_reset_cell").click().run()
    assert app.text_input(key="phi").value == ""
