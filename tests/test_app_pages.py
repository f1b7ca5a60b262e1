"""Every page opens without an exception and shows the numbers of the library: links and invalid input."""

from __future__ import annotations

import gc
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch

from qfusion import cli, data, explain, plugin
from qfusion._memory_cache import CACHE
from qfusion.app import page_runs, tasks
from qfusion.app.overview import TITLES
from qfusion.data import registry
from qfusion.errors import InvalidInput
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED
from qfusion.quantum import decomposition
from qfusion.study import compare, text
from qfusion.study.backends import kets
from qfusion.study.opening import open_study
from qfusion.training import checkpoint, checkpoint_cards, metrics
from qfusion.views import decision, overview
from tests.support.app import FILES, PAGES, plain, said, value, visit

VIEWS = ("Decision", "Correlations", "Trajectories", "State", "Steady state")


@pytest.fixture(params=["planted", "mosi"])
def source(request: pytest.FixtureRequest) -> str:
    """Both data sets; the real one only where its files are."""
    if request.param == "mosi":
        request.getfixturevalue("real_data")
    return str(request.param)


# What real data are shown by is asked where their words and numbers stand on the page: of the rest one set is enough.
ON_PLANTED = pytest.mark.parametrize("source", ["planted"], indirect=True)


@pytest.fixture
def model_of(source: str) -> Any:
    return checkpoint.load(f"qj-{source}").model


def test_pages_are_opened_one_after_another_on_the_data_chosen(real_data: Path) -> None:
    """As by clicks in the sidebar; on the embedded data sets in tests/test_browser_pages.py, and each cold in
    tests/test_app_links.py."""
    app = visit("Overview", data="mosi")
    for title in (*PAGES[1:], PAGES[0]):
        app.switch_page("app.py" if title == "Overview" else FILES[title]).run()
        assert not app.exception
        assert not app.error
        assert not app.warning
        assert app.title[0].value == title
        assert app.selectbox(key="data").value == "mosi"
        assert app.query_params["model"] in ("qj-mosi", ["qj-mosi"])


@ON_PLANTED
def test_example_sample_opens_with_one_click(source: str) -> None:
    links = [
        each.proto
        for each in visit("Overview", data=source).get("page_link")
        if each.proto.label.startswith("Open ")
    ]
    assert len(links) == 3
    for link in links:
        wanted = plain(link.label).removeprefix("Open ")
        there = visit("Samples", whole=False, **dict(parse_qsl(link.query_string)))
        assert link.page == "samples"
        assert there.selectbox(key="sample").value == wanted
        assert f"Sample {wanted}" in plain(said(there))


def test_overview_shows_card_metrics_and_three_examples(source: str) -> None:
    card = checkpoint.load(f"qj-{source}").card
    app = visit("Overview", data=source)
    mae = card["metrics"]["test"]["mae"]
    study = open_study(f"qj-{source}", source)
    written = [each.text for each in overview.test_metrics(study).figure.layout.annotations]
    assert f"{mae['mean']:.3f} ± {mae['std']:.3f}" in written
    words = plain(said(app))
    assert all(TITLES[card.kind] in words for card in compare.find_examples(study))
    assert f"On {card['data']['sizes']['test']:,} test samples" in words


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "over 5 training seeds; the ring is the loaded seed (0)."),
        ({"seeds": [3], "seed": 3}, "the loaded weights, training seed 3."),
    ],
)
def test_metrics_name_the_available_seeds(changed: dict[str, Any], words: str) -> None:
    study = open_study("qj-planted")
    shows = overview.test_metrics(replace(study, card=study.card | changed)).caption
    assert shows.endswith(words)
    assert ("seed" in shows) == ("seed" in words)


@pytest.mark.parametrize(
    ("modalities", "words"),
    [
        (1, "solid alone"),
        (2, "solid alone, dashed in pairs"),
        (3, "solid alone, dashed in pairs, dotted all three"),
        (4, "solid alone, dashed in pairs, dotted in larger groups"),
    ],
)
def test_dashes_follow_the_number_of_modalities(modalities: int, words: str) -> None:
    assert decision.describe_dashes(modalities) == words


def test_garbage_collector_skips_the_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.unfreeze()
    monkeypatch.setattr(page_runs, "frozen_modules", 0)
    visit("Samples", data="planted")
    app = visit("Overview", data="planted")
    kept = gc.get_freeze_count()
    assert kept > 100_000
    assert len(gc.get_objects()) < kept / 2
    app.run()
    assert gc.get_freeze_count() < 1.01 * kept  # nothing new is loaded, nothing more is set aside


def test_example_samples_match_their_names(source: str) -> None:
    study = open_study(f"qj-{source}", source)
    found = {
        item.kind: study.dividends(study.dataset.row(item.sample))
        for item in compare.find_examples(study)
    }
    single = {kind: np.array([terms[m] for m in study.modalities]) for kind, terms in found.items()}
    joint = {
        kind: sum(v for term, v in terms.items() if "+" in term) for kind, terms in found.items()
    }
    assert abs(np.sign(single["agreement"]).sum()) == len(study.modalities)
    assert single["conflict"].max() > 0 > single["conflict"].min()
    assert abs(joint.get("synergy", 1.0)) > 0.1
    assert len({item.sample for item in compare.find_examples(study)}) == 3


def test_samples_page_shows_prediction_and_dividends_of_the_library(
    source: str, model_of: Any
) -> None:
    dataset = data.load(source)
    row = int(dataset.rows("test")[7])
    sample = str(dataset.ids[row])
    app = visit("Samples", whole=False, data=source, sample=sample)
    inputs = dataset.inputs([row], dtype=torch.float64)
    with torch.no_grad():
        prediction = float(model_of(inputs)[0, 0])
    trained_on = checkpoint_cards.training_split(checkpoint.load(f"qj-{source}").card)
    background = explain.background(
        model_of, dataset.inputs(dataset.rows(trained_on), dtype=torch.float64)
    )
    found = explain.explain(model_of, inputs, background)
    largest = max(
        (abs(v), v)
        for term, v in zip(found.coalitions, found.dividends[0, :, 0], strict=True)
        if term
    )[1]
    words = plain(said(app))
    assert f"Sample {sample}" in words
    title = f"Predicted {prediction:+.2f}, annotated {dataset.y[row]:+.2f}"
    assert title in words
    assert f"({largest:+.2f})" in words
    assert f"{found.background_size:,} training samples" in words
    content = dataset.content(row)["text"]
    assert content.text in [element.value for element in app.text]


def test_picking_another_sample_changes_the_page() -> None:
    app = visit("Samples", whole=False, data="planted")
    ids = data.load("planted").ids
    app.selectbox(key="sample").select(str(ids[3])).run()
    assert not app.exception
    assert f"Sample {ids[3]}" in plain(said(app))
    assert app.query_params["sample"] in (str(ids[3]), [str(ids[3])])


def test_filters_leave_the_rows_that_pass(planted: Any) -> None:
    app = visit("Samples", whole=False, data="planted", split="valid")
    count = len(planted.rows("valid"))
    assert f"{count:,} of {count:,} valid samples pass" in said(app)
    assert "does not pass these filters" in said(app)
    app.button(key="_first_that_passes").click().run()
    first = str(planted.ids[planted.rows("valid")[0]])
    assert app.selectbox(key="sample").value == first
    assert "does not pass these filters" not in said(app)
    app.text_input(key="find").set_value("no such words anywhere").run()
    assert not app.exception
    assert "No sample passes these filters" in said(app)


def test_the_list_begins_with_the_content_and_the_outcome(planted: Any) -> None:
    app = visit("Samples", whole=False, data="planted")
    [listed] = [frame for frame in app.dataframe if "truth → prediction" in frame.value]
    assert list(listed.proto.column_order)[:4] == ["thumbnail", "text", "truth → prediction", "id"]
    row = planted.row("p0017")
    truth = f"{planted.y[row]:+.2f}".replace("-", "−")
    assert listed.value.set_index("id").loc["p0017", "truth → prediction"].startswith(truth)


def test_scatter_offers_entanglement_measures(planted: Any) -> None:
    from qfusion.study.evolution import track

    study = open_study("qj-planted", "planted")
    found = kets.negativities(study, np.array([5, 7]))
    track = track(study, 7, LEARNED, negativity=True)
    assert found[1, 2] == pytest.approx(track.measures.single("negativity")["vision"][-1], abs=1e-6)
    app = visit(
        "Samples",
        data="planted",
        find=str(planted.ids[planted.rows("test")[0]]),
        x="negativity[text]",
    )
    assert not app.error


@ON_PLANTED
def test_sliders_change_prediction_and_metrics_as_in_the_library(
    source: str, model_of: Any
) -> None:
    dataset = data.load(source)
    row = int(dataset.rows("test")[3])
    app = visit("Dynamics", whole=False, data=source, sample=str(dataset.ids[row]))
    expected = metrics.evaluate(model_of, dataset, "test")
    assert value(app, "MAE") == pytest.approx(expected["mae"], abs=6e-4)
    app.slider(key="H.text").set_value(0.3)
    app.slider(key="D.text-audio").set_value(2.0)
    app.slider(key="T").set_value(1.5).run()
    assert not app.exception
    tweaked = model_of.tweaked(
        Tweak(couplings={"text": 0.3}, duration=1.5, dissipations={"text+audio": 2.0})
    )
    expected = metrics.evaluate(tweaked, dataset, "test")
    with torch.no_grad():
        prediction = float(tweaked(dataset.inputs([row], dtype=torch.float64))[0, 0])
    assert value(app, "Score") == pytest.approx(prediction, abs=6e-4)
    for name in ("mae", "corr", "acc7"):
        assert value(app, metrics.LABELS[name].short.partition(" (")[0]) == pytest.approx(
            expected[name], abs=6e-4
        )
    assert "Changed: H: text × 0.3, dissipation: text + audio × 2, T = 1.5" in plain(said(app))
    app.button(key="_unitary").click().run()
    assert app.slider(key="D.text-audio").value == 0
    assert (app.slider(key="H.text").value, app.slider(key="T").value) == (0.3, 1.5)
    app.button(key="_local").click().run()
    assert app.slider(key="H.text-audio").value == 0
    assert (app.slider(key="H.text").value, app.slider(key="D.text").value) == (0.3, 0)
    app.button(key="_reset").click().run()
    assert app.slider(key="H.text").value == 1.0
    assert "No changes to the learned model" in said(app)


def test_page_compares_its_states_with_qutip() -> None:
    app = visit("Dynamics", whole=False, data="planted")
    app.button(key="_qutip").click().run()
    line = next(c.value for c in app.caption if "QuTiP differs" in c.value)
    assert 1e-13 < float(line.split("at most ")[1].split(" in")[0]) < 1e-7


def test_reduced_entropies_of_all_samples_equal_the_states_own(source: str) -> None:
    from qfusion.quantum import measures, states

    study = open_study(f"qj-{source}", source)
    with torch.no_grad():
        rho = study.model.evolve_states(
            states.density(study.backend.kets(range(5))), [study.model.duration]
        )[0]
    for m in range(len(study.modalities)):
        direct = measures.von_neumann_entropy(states.partial_trace(rho, study.model.dims, (m,)))
        assert np.allclose(study.backend.entropies[:5, m], direct.numpy(), atol=1e-9)


def test_link_restores_the_whole_view() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        data="planted",
        **{"H.text-audio": "0.5", "D.text": "2", "T": "0.5", "view": "State"},
    )
    assert app.slider(key="H.text-audio").value == 0.5
    assert app.slider(key="D.text").value == 2.0
    assert app.slider(key="T").value == 0.5
    assert "Density matrix" in said(app)


def test_slider_strengths_persist() -> None:
    app = visit("Dynamics", whole=False, data="planted")
    energies, rates = decomposition.coalition_strengths(
        open_study("qj-planted", "planted").model.system()
    )
    for start, found in (("H.", energies), ("D.", rates)):
        sliders = [each for each in app.slider if str(each.key).startswith(start)]
        terms = [str(each.key).removeprefix(start).replace("-", "+") for each in sliders]
        assert terms == sorted(found, key=lambda term: -found[term])
        assert all(
            each.label.endswith(f" · {found[term]:.2g}")
            for each, term in zip(sliders, terms, strict=True)
        )


def test_cursor_is_valid_for_shorter_or_zero_duration() -> None:
    app = visit("Dynamics", whole=False, data="planted", view="State", t="0.9")
    for duration in (0.5, 0.0, 2.0):
        app.slider(key="T").set_value(duration).run()
        assert not app.exception
        assert f"t = {0.9 * duration:.2f}" in said(app)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_for_zero_duration_and_without_jumps(view: str) -> None:
    app = visit(
        "Dynamics",
        data="planted",
        view=view,
        T="0",
        runs="4",
        **{
            f"D.{name}": "0"
            for name in (
                "text",
                "audio",
                "vision",
                "text-audio",
                "text-vision",
                "audio-vision",
                "text-audio-vision",
            )
        },
    )
    assert not app.error


@pytest.mark.parametrize(
    ("title", "query", "words"),
    [
        ("Overview", {"model": "qj-plantd"}, "qj-plantd"),
        ("Samples", {"data": "moosi"}, "moosi"),
        ("Samples", {"sample": "<script>alert(1)</script>"}, "<script>alert(1)</script>"),
        ("Dynamics", {"H.text": "abc"}, "abc"),
        ("Dynamics", {"H.text": "nan"}, "H.text"),
        ("Dynamics", {"rate.9": "1"}, "rate.9"),
        ("Dynamics", {"D.text": "-3"}, "D.text"),
        ("Dynamics", {"H.smell": "1"}, "H.smell"),
        ("Dynamics", {"T": "1e9"}, "`T`"),
        ("Dynamics", {"view": "Nowhere"}, "Nowhere"),
        ("Samples", {"x": "beauty"}, "beauty"),
    ],
)
def test_invalid_link_value_is_skipped_with_a_notice(
    title: str, query: dict[str, str], words: str
) -> None:
    app = visit(title, whole=False, **({"split": "valid"} if title == "Samples" else {}), **query)
    assert len(app.warning) == 1
    shown = plain(app.warning[0].value)
    assert words in shown
    assert "In the link" in shown
    assert app.title[0].value == title
    assert app.selectbox(key="model").value == "qj-planted"
    if title == "Samples":
        assert app.get("button_group")[0].value in ("valid", ["valid"])
    app.button(key="_close_notices").click().run()
    assert not app.warning


def test_every_invalid_link_value_is_skipped_with_a_notice() -> None:
    wrong = {"model": "nope", "H.text": "abc"}
    app = visit("Dynamics", whole=False, **wrong, **{"sample": "p0031", "D.audio": "2"})
    said_of = [plain(each.value) for each in app.warning]
    assert any("nope" in words for words in said_of)
    assert any("abc" in words for words in said_of)
    assert app.selectbox(key="sample").value == "p0031"
    assert app.slider(key="D.audio").value == 2.0


def test_data_that_do_not_fit_the_model_show_a_notice(real_data: Path) -> None:
    app = visit("Overview", whole=False, model="qj-planted", data="mosi")
    assert "does not fit" in app.warning[0].value
    assert app.selectbox(key="data").value == "planted"


def test_changing_the_data_changes_the_model_with_it(real_data: Path) -> None:
    app = visit("Samples", whole=False, data="planted")
    app.selectbox(key="data").select("mosi").run()
    assert not app.exception
    assert app.selectbox(key="model").value == "qj-mosi"
    app.selectbox(key="model").select("qj-planted").run()
    assert app.selectbox(key="data").value == "planted"
    assert not app.exception


def test_missing_data_show_download_instructions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    another = replace(registry.sources()["mosi"], name="another", title="Another")
    monkeypatch.setitem(registry.sources(), "another", another)
    app = visit("Overview", whole=False)
    assert not app.error
    label = app.button(key="_missing_data").label
    assert re.fullmatch(r"(1 model|\d+ models) without data here", label)
    app.button(key="_missing_data").click().run()
    assert "CMU" in said(app)
    assert "python -m qfusion data get mosi" in said(app)
    asked = visit("Overview", whole=False, data="mosi")
    assert "data get mosi" in asked.warning[0].value
    assert asked.selectbox(key="data").value == "planted"


@pytest.mark.parametrize(
    ("link", "shown"),
    [({"model": "qj-mosi"}, "planted"), ({"model": "qj-mosi", "data": "planted"}, "planted")],
)
def test_models_without_their_data_are_not_offered(
    link: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    app = visit("Overview", whole=False, **link)
    assert not app.error
    assert f"Model '{link['model']}' lacks its data" in plain(app.warning[0].value)
    assert app.selectbox(key="data").value == shown
    offered = " ".join(app.selectbox(key="model").options)
    assert "qj-planted" in offered
    assert "mosi" not in offered


def test_links_cannot_open_model_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder as `train --out my-model` makes it."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    checkpoint.save(folder / checkpoint_cards.CARD, *vars(checkpoint.load("qj-planted")).values())
    monkeypatch.setenv("QFUSION_OPENED", "")
    monkeypatch.setattr("qfusion.app.server.serve", lambda options: None)
    with pytest.raises(SystemExit) as ended:
        cli.main(["app", "--model", str(folder)])
    assert not ended.value.code
    app = visit("Samples", whole=False, model="my-model")
    assert not app.warning
    assert not app.error
    assert app.selectbox(key="model").value == "my-model"
    asked = visit("Samples", whole=False, model=str(folder))
    assert "does not exist" in asked.warning[0].value
    assert asked.selectbox(key="model").value == "qj-planted"
    with pytest.raises(InvalidInput, match="where it lies"):
        checkpoint.remove("my-model")


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint of the user's own with one byte of its weights changed."""
    source = next(
        folder for folder in checkpoint_cards.folders() if (folder / "qj-planted.json").is_file()
    )
    for suffix in (".json", ".safetensors"):
        shutil.copy(source / f"qj-planted{suffix}", tmp_path / f"altered{suffix}")
    weights = bytearray((tmp_path / "altered.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "altered.safetensors").write_bytes(weights)
    monkeypatch.setattr(checkpoint_cards, "folders", lambda: [source, tmp_path])
    return "altered"


@pytest.mark.parametrize("title", ["Overview", "Dynamics"])
def test_altered_checkpoint_shows_a_notice_and_another_can_be_selected(
    title: str, altered: str
) -> None:
    app = visit(title, whole=False, model=altered)
    assert "altered" in app.error[0].value
    app.selectbox(key="model").select("qj-planted").run()
    assert not app.exception
    assert not app.error


def test_data_with_nan_show_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        raise InvalidInput(
            "Data set 'planted' must be finite, but modality 'audio' of sample `p0007` holds NaN. Clean it."
        )

    CACHE.clear(tasks.load_dataset.__wrapped__)  # type: ignore[attr-defined]
    monkeypatch.setattr(data, "load", load)
    app = visit("Overview", whole=False)
    assert "p0007" in app.error[0].value
    assert app.selectbox(key="model").value == "qj-planted"


def test_texts_are_shown_literally() -> None:
    hostile = "<b>x</b> **bold** $y$ :smile: [a](javascript:1) `code`\n# head"
    shown = text.escape_markdown(hostile)
    assert "\n" not in shown
    assert all(f"\\{mark}" in shown for mark in "<>*$[]()`#")
    assert ":smile:" not in shown.replace("\\", "")
    assert (
        text.message("Argument `rho` is <bad>. Mend it.")
        == "Argument `rho` is \\<bad\\>\\. Mend it\\."
    )


def test_csv_contains_no_spreadsheet_formulas() -> None:
    import pandas as pd

    written = (
        text.csv(pd.DataFrame({"id": ["=1+1", "@x", "fine"], "n": [-1.0, 2.0, 3.0]}))
        .decode()
        .splitlines()
    )
    assert written == ["id,n", "'=1+1,-1.0", "'@x,2.0", "fine,3.0"]


def test_removed_model_is_replaced_by_one_that_fits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    for ending in ("json", "safetensors"):
        shipped = plugin.asset_path("models") / f"qj-parity.{ending}"
        shutil.copy(shipped, tmp_path / f"mine.{ending}")
    card = json.loads((tmp_path / "mine.json").read_text())
    card |= {"weights": "mine.safetensors", "name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(card))
    app = visit("Overview", whole=False, model="mine", data="parity")
    checkpoint.remove("mine")
    app.run()
    assert not app.error
    assert "Model 'mine' does not exist" in said(app)
    assert app.selectbox(key="data").value == "parity"
    assert app.selectbox(key="model").value in ("qj-parity", "qcnn-parity")


def test_duration_of_another_model_is_ignored() -> None:
    """T of one that evolves for longer is no tweak of this one."""
    app = visit("Dynamics", whole=False, model="qj-parity", data="parity")
    app.session_state["T"] = 40.0
    app.selectbox(key="model").set_value("qj-planted").run()
    assert not app.error
    assert "Changed: T" not in said(app)
