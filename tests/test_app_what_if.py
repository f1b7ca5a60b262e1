"""The What-if page and "Inside a modality" equal the library: links, edits, invalid input."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest

import qfusion
from qfusion import data, explain
from qfusion.data.synthetic import planted_editing
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import attribution, counterfactual
from qfusion.figures import state_changes
from qfusion.models import terms
from qfusion.study import opening, text, what_if
from qfusion.study.attribution import title
from qfusion.study.opening import explained_model, open_study
from qfusion.study.what_if import DROP, FLIP, INPUT, KEPT, STATE, SWAP, Change
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.views import flips
from qfusion.views.pages.what_if import TITLES
from qfusion.views.words import answers
from tests.support import charts
from tests.support.app import plain, said, value, visit
from tests.support.basis_labels import qubits

__all__ = ["qubits"]  # a fixture

MODELS = {
    "planted": "qj-planted",
    "mosi": "qj-mosi",
    "parity": "qcnn-parity",
}


@pytest.fixture(params=["planted", "parity"])
def source(request: pytest.FixtureRequest) -> str:
    """Data of both systems; the real ones only where their files are."""
    if request.param == "mosi":
        request.getfixturevalue("real_data")
    return str(request.param)


def parts(source: str) -> tuple[Any, Any, Any, int]:
    """Model, data, background and the row of a test sample."""
    found = checkpoint.load(MODELS[source])
    dataset = data.load(source)
    behind = dataset.inputs(
        dataset.rows(checkpoint_cards.training_split(found.card)), dtype=torch.float64
    )
    model = explained_model(found.model, dataset)
    return (
        model,
        dataset,
        explain.background(model, behind),
        int(dataset.rows("test")[3]),
    )


def test_page_shows_the_nearest_flip(source: str) -> None:
    model, dataset, _, row = parts(source)
    states = counterfactual.encode_samples(model, dataset.inputs([row], dtype=torch.float64))
    app = visit("What if", whole=False, data=source, sample=str(dataset.ids[row]))
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    assert "What would flip it?" in words
    found = [counterfactual.nearest_state(model, states, name) for name in model.modalities]
    nearest = min(found, key=lambda change: change.distance)
    if nearest.possible:
        way = {
            "planted": f"{nearest.distance / (np.pi / 2):.0%} of the way to an orthogonal state",
            "parity": f"{nearest.distance / (np.pi * np.sqrt(8)):.0%} of the largest distance",
        }[source]
        assert f"the smallest, of {nearest.modality} by {nearest.distance:.2f} rad ({way})" in words
    else:
        assert "No change of a single modality would flip it" in words
    for change in found:
        assert any(b.key == f"_flip-{change.modality}" for b in app.button) == change.possible


def test_swap_drop_and_flip_equal_the_model(source: str) -> None:
    model, dataset, background, row = parts(source)
    first, second = dataset.names[:2]
    donor = str(dataset.ids[dataset.rows("test")[9]])
    app = visit(
        "What if",
        data=source,
        sample=str(dataset.ids[row]),
        **{f"do.{first}": TITLES[SWAP], f"with.{first}": donor, f"do.{second}": TITLES[DROP]},
    )
    inputs = dict(dataset.inputs([row], dtype=torch.float64))
    inputs[first] = dataset.inputs([dataset.row(donor)], dtype=torch.float64)[first]
    as_it_is = explain.explain(model, inputs, background)
    left = "+".join(name for name in dataset.names if name != second)
    expected = as_it_is.values[0, as_it_is.coalitions.index(left)]
    if dataset.target.kind == "regression":
        assert value(app, "Score") == pytest.approx(expected[0], abs=6e-4)
    else:
        explained = int(model(dataset.inputs([row], dtype=torch.float64)).argmax())
        label = f"Log-odds of ‘{dataset.target.classes[explained]}’"
        assert value(app, label) == pytest.approx(expected[explained], abs=6e-4)
    words = plain(said(app))
    assert f"Changing {first} and {second}" in words
    assert f"{background.size:,} training samples" in words
    assert "changes most" in words


def test_edited_states_and_their_links(source: str) -> None:
    model, dataset, _, row = parts(source)
    name = dataset.names[0]
    states = counterfactual.encode_samples(model, dataset.inputs([row], dtype=torch.float64))
    numbers = list(what_if.shown_state(states[name]))
    app = visit(
        "What if",
        whole=False,
        data=source,
        sample=str(dataset.ids[row]),
        **{f"do.{name}": TITLES[STATE], f"set.{name}.1": "0.9"},
    )
    numbers[1] = 0.9
    assert app.slider(key=f"set.{name}.1").value == 0.9
    scores = counterfactual.score_encodings(
        model, {**states, name: what_if.set_state(states[name], tuple(numbers))}
    )[0].numpy()
    label, explained = "Score", 0
    if dataset.target.kind == "classification":
        explained = terms.decision(counterfactual.score_encodings(model, states)[0])
        label = f"Log-odds of ‘{dataset.target.classes[explained]}’"
    assert value(app, label) == pytest.approx(scores[explained], abs=6e-4)
    app.button(key="_what_if_reset").click().run()
    assert not app.exception
    assert app.selectbox(key=f"do.{name}").value == TITLES[KEPT]
    assert "#### Changing" not in said(app)


def test_edited_words_voice_and_face_change_features_and_prediction() -> None:
    model, dataset, _, row = parts("planted")
    made = planted_editing.find_recipe(dataset)
    app = visit(
        "What if",
        whole=False,
        data="planted",
        sample=str(dataset.ids[row]),
        say="the plot was not very good",
        **{
            "do.text": TITLES[INPUT],
            "do.audio": TITLES[INPUT],
            "voice.pitch": "0.4",
            "voice.tempo": "-0.3",
            "do.vision": TITLES[INPUT],
            "face.mouth": "-0.8",
        },
    )
    edits = {
        "text": planted_editing.replace_words("the plot was not very good"),
        "audio": planted_editing.replace_voice(made, row, {"pitch": 0.4, "tempo": -0.3}),
        "vision": planted_editing.replace_face(made, row, {"mouth": -0.8}),
    }
    with torch.no_grad():
        expected = float(
            model({name: what_if.features(edit) for name, edit in edits.items()})[0, 0]
        )
    assert value(app, "Score") == pytest.approx(expected, abs=6e-4)
    assert app.get("audio")
    app.text_input(key="say").set_value("the plot was superb").run()
    assert not app.exception
    assert value(app, "Score") > expected
    app.selectbox(key="do.audio").select(TITLES[KEPT])
    app.selectbox(key="do.vision").select(TITLES[KEPT]).run()
    latents = (
        dataset.table[["latent_text", "latent_audio", "latent_vision"]].iloc[row].to_numpy().copy()
    )
    latents[0] = 0.70
    assert value(app, "True score without noise") == pytest.approx(
        planted_editing.true_score(latents), abs=6e-4
    )
    app.text_input(key="say").set_value("the <b>plott</b> was fine").run()
    assert "is not in the vocabulary" in plain_error(app)
    assert app.selectbox(key="do.text").value == TITLES[INPUT]


def plain_error(app: AppTest) -> str:
    return str(app.error[0].value).replace("\\", "").replace("\u200b", "")


def test_unspecified_controls_keep_the_sample_value_or_default() -> None:
    study, row = open_study("qj-planted", "planted"), 3
    own = what_if.shown_state(what_if.own_states(study, row)["vision"])
    near = {0: round(own[0], 3), 1: own[1] + 0.25}
    found = what_if.wanted_changes(
        study, row, {"text": {"action": SWAP}, "vision": {"action": STATE, "state": near}}
    )
    donor = opening.default_contrast(study, row)
    assert found == (
        Change(SWAP, donor=donor),
        Change(),
        Change(STATE, state=(own[0], near[1], *own[2:])),
    )
    (words, *_) = what_if.wanted_changes(study, row, {"text": {"action": INPUT}})
    assert words.words == what_if.own_words(study, row) != ""
    for wrong in (
        {"smell": {}},
        {"text": {"action": "burn"}},
        {"text": {"action": STATE, "state": {99: 0.1}}},
    ):
        with pytest.raises((InvalidInput, NotFound)):
            what_if.wanted_changes(study, row, wrong)


def test_buttons_apply_the_nearest_flip_and_the_nearest_sample() -> None:
    dataset = data.load("planted")
    app = visit("What if", whole=False, data="planted", sample="p0014")
    before = value(app, "Score")
    app.button(key="_flip-audio").click().run()
    assert not app.exception
    assert app.selectbox(key="do.audio").value == TITLES[FLIP]
    assert before * value(app, "Score") <= 0
    assert "**flips** the decision" in plain(said(app))
    lend = app.button(key="_lend-text")
    lend.click().run()
    donor = app.selectbox(key="with.text").value
    assert f"‘{text.describe_sample(dataset, dataset.row(donor))}’" in plain(lend.label)
    assert donor in dataset.ids.tolist()
    app.selectbox(key="sample").select("p0031").run()
    assert not app.exception
    assert "#### Changing" not in said(app)  # changes were made for the sample before


def test_no_flip_is_reported_where_none_exists(monkeypatch: Any) -> None:
    sample = opening.open_sample("qj-planted", "p0014")
    found = what_if.what_would_flip(sample.study, sample.row)
    assert "confirmed by running the model again" in flips.nearest_flips(sample).caption
    nothing = {
        name: replace(flip, state=replace(flip.state, possible=False, distance=math.inf))
        for name, flip in found.items()
    }
    monkeypatch.setattr(what_if, "what_would_flip", lambda *_: nothing)
    picture = flips.nearest_flips(sample)
    assert "confirmed by running the model again" not in picture.caption
    assert picture.alternative == "Distances to a flip: text none, audio none, vision none."


def patients(columns: dict[str, list[str]]) -> Any:
    """Returns a model of a user's own whose score is linear in features of two modalities, with names and units."""
    random = np.random.default_rng(0)
    names = [name for part in columns.values() for name in part]
    table = pd.DataFrame(random.normal(size=(40, len(names))), columns=names)

    def score(**features: Any) -> Any:
        return sum(np.asarray(part).sum(1) for part in features.values())

    table["y"] = np.sign(table.sum(axis=1))
    return qfusion.open(score, table, modalities=columns, target="y")


@pytest.mark.parametrize(
    ("columns", "units"),
    [
        (
            {"body": ["age (years)"], "blood": ["glucose (mmol/l)"]},
            ("in ‘age (years)’", "in ‘glucose (mmol/l)’"),
        ),
        (
            {"body": ["age (years)"], "blood": ["iron", "zinc", "lead"]},
            ("in ‘age (years)’", "in the norm of its features"),
        ),
    ],
)
def test_flips_of_features_are_in_their_own_units(
    columns: dict[str, list[str]], units: tuple[str, str]
) -> None:
    study = patients(columns)
    found = what_if.what_would_flip(study, 0)
    for (name, flip), unit in zip(found.items(), units, strict=True):
        words = plain(answers.describe_flips(study, {name: flip}))
        assert (
            f"A change of {name} alone by {flip.state.distance:.2f} {unit} would flip it" in words
        )
    picture = flips.nearest_flips(study.sample(str(study.dataset.ids[0])))
    written = picture.figure.to_json() + picture.title + picture.caption + picture.alternative
    assert "rad" not in written.replace("gradients", "")
    assert "in their own units" in picture.figure.layout.xaxis.title.text
    assert {"distance", "its_distance"} <= set(picture.numbers.columns)


def test_each_distance_stands_at_its_own_mark_unless_both_are_close() -> None:
    figure = state_changes.flip_distances(
        ["a", "b", "c"],
        [0.5, 0.5, np.inf],
        [0.9, 0.55, np.inf],
        ["a", "b", "c"],
        farthest=1.57,
        unit="u",
    )
    texts = next(trace for trace in figure.select_traces({"mode": "text"}))
    written = {
        (x, y): words.strip()
        for x, y, words in zip(texts.x, texts.y, texts.text, strict=True)
        if words.strip()
    }
    assert written == {
        (0.5, 0): "0.50",
        (0.9, 0): "0.90",
        (0.55, 1): "0.50, ◇ 0.55",
        (0.0, 2): "no state of it",
    }


def test_flipping_parameters_are_listed() -> None:
    # of a physics, thirteen evolutions for each knob: with qubits, below
    app = visit("What if", data="parity", knobs="true")
    words = plain(said(app))
    assert (
        "confirmed by running the model" in words
        or "parameters flips this decision on its own" in words
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"do.text": "explode"}, "explode"),
        ({"do.smell": TITLES[DROP]}, "do.smell"),
        ({"with.text": "p99999"}, "p99999"),
        ({"set.text.0": "nan"}, "set.text.0"),
        ({"set.text.9": "0.5"}, "set.text.9"),
        ({"voice.pitch": "7"}, "pitch"),
        ({"say": "<script>x</script>"}, "is not in the vocabulary"),
        ({"knobs": "maybe"}, "maybe"),
    ],
)
def test_invalid_link_value_shows_a_notice(query: dict[str, str], words: str) -> None:
    app = visit("What if", whole=False, data="planted", **query)
    assert len(app.warning) == 1
    assert words in str(app.warning[0].value).replace("\\", "").replace("\u200b", "")
    assert not app.error
    assert app.metric


def test_unsupported_edits_are_not_offered(source: str) -> None:
    _, dataset, _, _ = parts(source)
    app = visit("What if", whole=False, data=source)
    for name in dataset.names:
        assert (TITLES[INPUT] in app.selectbox(key=f"do.{name}").options) == (source == "planted")


def test_a_qubit_is_edited_on_the_bloch_sphere(qubits: str) -> None:
    model = checkpoint.load(qubits).model
    dataset = data.load("planted")
    row = int(dataset.rows("test")[0])
    app = visit(
        "What if",
        model=qubits,
        data="planted",
        sample=str(dataset.ids[row]),
        knobs="true",
        **{"do.audio": TITLES[STATE], "set.audio.0": "2.0", "set.audio.1": "-1.0"},
    )
    ket = torch.tensor([[math.cos(1.0), math.sin(1.0) * np.exp(-1j)]], dtype=torch.complex128)
    states = counterfactual.encode_samples(model, dataset.inputs([row], dtype=torch.float64))
    assert value(app, "Score") == pytest.approx(
        float(counterfactual.score_encodings(model, {**states, "audio": ket})), abs=6e-4
    )
    theta, phi = what_if.shown_state(ket)
    assert (theta, phi) == (pytest.approx(2.0), pytest.approx(-1.0))
    back = what_if.set_state(states["text"], what_if.shown_state(states["text"]))
    assert float(counterfactual.distance(back[0], states["text"][0])) < 1e-7
    words = plain(said(app))
    assert "The state of audio moved by" in words
    assert "knobs can" in words or "None of the 15 parameters flips this decision" in words


@pytest.mark.parametrize("source", list(MODELS), indirect=True)
def test_inside_a_modality_shows_the_attribution_of_the_library(source: str) -> None:
    model, dataset, background, row = parts(source)
    name, sample = dataset.names[-1], str(dataset.ids[row])
    closed = visit("Samples", data=source, sample=sample)
    assert "figure-inside" not in charts.figures(closed)
    inputs = dataset.inputs([row], dtype=torch.float64)
    output = (
        terms.decision(model(inputs)[0].detach()) if dataset.target.kind == "classification" else 0
    )
    term = "+".join(dataset.names[-2:])
    found = attribution.attribute(model, inputs, background, name, term, output)
    app = visit(
        "Samples",
        data=source,
        sample=sample,
        inside="true",
        **{"inside.of": name, "inside.term": title(term)},
    )
    words = plain(said(app))
    assert not app.error
    assert (
        f"from {found.start:+.3f} (at the training mean of every feature) to {found.end:+.3f} (this sample)"
        in words
    )
    largest = found.units[np.abs(found.units).argmax()]
    assert (f"({largest:+.3f})" in words) == (round(abs(largest), 3) > 0)
    assert f"{found.steps:,} steps" in words
    assert f"{background.size:,} training samples" in words
    assert ("so the features are shown" in words) == (source == "mosi")


def test_attributions_are_aligned_with_words_and_frames() -> None:
    app = visit(
        "Samples",
        data="planted",
        inside="true",
        **{"inside.from": "another sample", "inside.other": "p0007"},
    )
    assert "(at sample p0007)" in plain(said(app))
    assert "Of its features" in plain(said(app))


@pytest.mark.parametrize(
    "query",
    [
        {"inside.of": "smell"},
        {"inside.term": "beauty"},
        {"inside.from": "nowhere"},
        {"inside.other": "p9"},
    ],
)
def test_invalid_attribution_in_a_link_shows_a_notice(query: dict[str, str]) -> None:
    app = visit("Samples", data="planted", inside="true", **query)
    assert len(app.warning) == 1
    assert next(iter(query.values())) in str(app.warning[0].value)
    assert "integrated gradients" in plain(said(app))
