"""Pages of an entangled-fusion network equal the library: edits, noise, links, invalid input."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from qfusion import data, explain
from qfusion._sentences import true_minus
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import fusion
from qfusion.figures.circuits import boxes
from qfusion.models import base
from qfusion.models.network import gate_angles, network_model, qcnn, truth_tables
from qfusion.quantum.states import partial_trace
from qfusion.study import circuits, opening
from qfusion.study.backends.masses import MassBackend
from qfusion.study.opening import open_sample, open_study
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards, metrics
from qfusion.views import circuit as circuit_views
from qfusion.views.pages import notebook
from tests.support.app import headline_of, plain, said, value, visit
from tests.support.entangled import model_of

SHAPE = gate_angles.Shape(6, 1, 8, 3)


@pytest.fixture
def digits() -> Study:
    """The network for digits on its data."""
    if "qcnn-digits" not in checkpoint_cards.available():
        pytest.skip("qcnn-digits is not here: train it with scripts/train_models.py")
    found = checkpoint.load("qcnn-digits")
    study = opening.build_study("qcnn-digits", found.card, found.model, data.load("digits"))
    assert isinstance(study.backend, MassBackend)
    return study


@pytest.fixture(scope="module")
def pairs() -> Study:
    """A network of eight qubits, whose states have a sixteenth of the entries of those of digits."""
    found = checkpoint.load("qcnn-parity")
    study = opening.build_study("qcnn-parity", found.card, found.model, data.load("parity"))
    assert isinstance(study.backend, MassBackend)
    return study


def wrong_sample(study: Study) -> int:
    """A test sample that is predicted wrong."""
    rows = study.dataset.rows("test")
    return int(rows[np.flatnonzero(study.predicted[rows] != study.dataset.y[rows])[0]])


def test_missing_features_show_a_notice() -> None:
    words = said(visit("Dynamics", model="qcnn-parity"))
    assert "no evolution in time" in words
    assert "**Shows**" in words


def test_overview_describes_the_network(pairs: Study) -> None:
    card = pairs.card
    app = visit("Overview", model="qcnn-parity", words="full")
    words = plain(said(app))
    assert f"{card['parameters']['fusion']:,} parameters after the encoders" in words
    assert f"{pairs.model.elements} truth tables of 4 angles" in words
    shown = app.dataframe[0].value.set_index("metric")
    assert shown.loc["Accuracy", "mean over seeds ± standard deviation"].startswith(
        f"{card['metrics']['test']['accuracy']['mean']:.3f}"
    )


def test_samples_page_shows_decision_for_the_selected_class(digits: Study) -> None:
    row = wrong_sample(digits)
    sample, truth = str(digits.dataset.ids[row]), int(digits.dataset.y[row])
    app = visit("Samples", whole=False, model="qcnn-digits", sample=sample)
    words = plain(said(app))
    assert f"Predicted ‘{digits.classes[digits.predicted[row]]}’" in words
    assert f"but it is ‘{digits.classes[truth]}’" in words
    found = explain.explain(
        base.log_odds_against_others(checkpoint.load("qcnn-digits").model),
        digits.dataset.inputs([row], dtype=torch.float64),
        digits.background,
    )
    for output in (int(digits.predicted[row]), truth):
        if output == truth:
            app.selectbox(key="output").select(digits.classes[truth]).run()
            assert not app.exception
        dividends = found.dividends[0, :, output]
        headline = headline_of(found, dividends)
        assert f"For ‘{digits.classes[output]}’: {headline}" in plain(said(app))
    assert (
        visit(
            "Samples", whole=False, model="qcnn-digits", sample=sample, output=digits.classes[truth]
        )
        .selectbox(key="output")
        .value
        == digits.classes[truth]
    )


def test_masses_equal_the_model(digits: Study) -> None:
    row = int(digits.dataset.rows("test")[4])
    with torch.no_grad():
        encoded = checkpoint.load("qcnn-digits").model.encode(
            digits.dataset.inputs([row], dtype=torch.float64)
        )
    assert torch.allclose(
        torch.stack([encoded[m][0] for m in digits.modalities], -1),
        digits.backend.masses[row],
        atol=1e-12,
    )
    app = visit("Samples", model="qcnn-digits", sample=str(digits.dataset.ids[row]))
    read = fusion.fusion_evidence(digits.model, digits.backend.named_masses(row))
    assert f"({read.disagreement.max():.2f})" in said(app) or (
        read.conflict and f"K = {read.conflict:.2f}" in said(app)
    )


def test_filters_by_class_and_verdict(digits: Study) -> None:
    rows = digits.dataset.rows("test")
    wrong = int((digits.predicted[rows] != digits.dataset.y[rows]).sum())
    app = visit("Samples", whole=False, model="qcnn-digits", verdict="wrong")
    assert f"{wrong:,} of {len(rows):,} test samples pass" in said(app)
    app.multiselect(key="class").select("3").run()
    assert not app.exception
    threes = int(((digits.predicted[rows] != 3) & (digits.dataset.y[rows] == 3)).sum())
    assert (
        f"{threes:,} of {len(rows):,} test samples pass"
        if threes
        else "No sample passes these filters"
    ) in said(app)


def accuracy(app: AppTest) -> float:
    return value(app, "Test accuracy")


def test_edited_angle_changes_decision_and_metrics_as_in_the_library(
    digits: Study,
) -> None:
    row = int(digits.dataset.rows("test")[3])
    app = visit(
        "Circuit",
        whole=False,
        model="qcnn-digits",
        sample=str(digits.dataset.ids[row]),
        part="Fusion rules",
        outcome="011",
    )
    model: Any = checkpoint.load("qcnn-digits").model
    assert accuracy(app) == pytest.approx(
        metrics.evaluate(model, digits.dataset, "test")["accuracy"], abs=6e-4
    )
    app.slider(key="_phi.0.0.3").set_value(0.5).run()
    assert not app.exception
    assert app.text_input(key="phi").value == "0.011=0.5"
    phi = model.phi.clone()
    phi[0, 0, 3] = 0.5
    edited = model.with_angles(phi)
    assert accuracy(app) == pytest.approx(
        metrics.evaluate(edited, digits.dataset, "test")["accuracy"], abs=6e-4
    )
    with torch.no_grad():
        scores = base.log_odds_against_others(edited)(
            digits.dataset.inputs([row], dtype=torch.float64)
        )[0]
    answer = Sample(digits, row, 0, "0.011=0.5")
    assert np.allclose(answer.scores, scores.numpy(), atol=1e-12)
    assert np.allclose(answer.explanation.dividends[0].sum(0), answer.scores, atol=1e-10)
    app.button(key="_rule_learned").click().run()
    assert app.text_input(key="phi").value == ""
    assert accuracy(app) == pytest.approx(
        metrics.evaluate(model, digits.dataset, "test")["accuracy"], abs=6e-4
    )


def test_cell_can_be_selected_edited_and_reset(digits: Study) -> None:
    learned = digits.model.phi.detach()
    app = visit(
        "Circuit",
        whole=False,
        model="qcnn-digits",
        part="Fusion rules",
        phi="2:or,1.000=0.3",
        element=digits.backend.elements[1],
        outcome="110",
    )
    app.selectbox(key="element").select(digits.backend.elements[2]).run()
    shown = gate_angles.wrap_angle(float(truth_tables.rule_angles("or", 3)[6]))
    assert app.slider(key="_phi.2.0.6").value == round(shown, 2)
    assert (
        f"φ = {shown:.3f} rad → mass 1.00; learned {gate_angles.wrap_angle(float(learned[2, 0, 6])):.3f}"
        in plain(said(app)).replace("*", "")
    )
    app.number_input(key="_number.2.0.6").set_value(1.2345).run()
    assert not app.exception
    assert app.text_input(key="phi").value == "2:or,1.000=0.3,2.110=1.2345"
    assert app.slider(key="_phi.2.0.6").value == 1.23
    assert f"mass {np.sin(1.2345 / 2) ** 2:.2f}" in plain(said(app)).replace("*", "")
    assert "Fused by edited tables" in said(app)
    app.button(key="_reset_cell").click().run()
    assert app.text_input(key="phi").value == "2:or,1.000=0.3,2.110:learned"
    assert app.number_input(key="_number.2.0.6").value == pytest.approx(
        gate_angles.wrap_angle(float(learned[2, 0, 6])), abs=1e-4
    )
    assert app.button(key="_reset_cell").disabled
    app.button(key="_reset_all").click().run()
    assert app.text_input(key="phi").value == ""
    assert app.button(key="_reset_all").disabled


def test_default_cell_has_the_largest_weight(digits: Study) -> None:
    row = int(digits.dataset.rows("test")[7])
    app = visit(
        "Circuit", model="qcnn-digits", sample=str(digits.dataset.ids[row]), part="Fusion rules"
    )
    weights = fusion.fusion_evidence(digits.model, digits.backend.named_masses(row)).weights[0, 0]
    assert app.selectbox(key="outcome").value == format(int(weights.argmax()), "03b")


def test_preset_for_all_equals_the_named_rule(digits: Study) -> None:
    app = visit("Circuit", whole=False, model="qcnn-digits", part="Fusion rules")
    next(group for group in app.get("button_group") if group.key == "scope").set_value(
        "all elements"
    ).run()
    app.button(key="_rule_or").click().run()
    assert not app.exception
    assert app.text_input(key="phi").value == "all:or"
    assert "fuses as OR does (distance 0.00)" in said(app)


def test_edits_persist_across_views_and_are_shown(pairs: Study) -> None:
    app = visit("Circuit", whole=False, model="qcnn-parity", phi="all:and", part="Walk")
    # the line says what becomes of the decision, as that of Dynamics does
    sample = open_sample("qcnn-parity", str(app.selectbox(key="sample").value), tweak="all:and")
    assert plain(app.info[0].value).startswith(plain(notebook.describe_tweaked_sample(sample)))
    learned = boxes.replay(pairs, 5, "")
    edited = boxes.replay(pairs, 5, "all:and")
    assert not np.allclose(learned.bloch[-1], edited.bloch[-1])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("0.011=abc", "must be a number, but is 'abc'"),
        ("0.011=nan", "angle of 0.011"),
        ("0.011=", "must be a number"),
        ("99.000=1", "element from 0 to"),
        ("0.01=1", "3 digits"),
        ("0:xor", "xor"),
        ("hello", "must look like"),
    ],
)
def test_invalid_edits_show_a_notice_and_valid_ones_apply(
    words: str, named: str, digits: Study
) -> None:
    app = visit("Circuit", whole=False, model="qcnn-digits", part="Fusion rules", phi=words)
    messages = [plain(e.value).replace("`", "") for e in (*app.error, *app.warning)]
    assert len(messages) == 1
    assert named in messages[0]
    assert "as learned" in messages[0]


def test_edit_of_a_model_without_rules_shows_a_notice() -> None:
    app = visit("Circuit", whole=False, model="qcnn-parity", part="Walk", phi="hello")
    (message,) = (plain(e.value).replace("`", "") for e in (*app.error, *app.warning))
    assert "must look like" in message
    assert "as learned" in message


@pytest.mark.parametrize(
    ("title", "query", "words"),
    [
        ("Circuit", {"gate": "-1"}, "gate"),
        ("Circuit", {"gate": "x"}, "x"),
        ("Circuit", {"element": "element 77"}, "element 77"),
        ("Circuit", {"outcome": "2"}, "outcome"),
        ("Circuit", {"noise.damping": "2"}, "noise.damping"),
        ("Samples", {"output": "eleven"}, "eleven"),
    ],
)
def test_invalid_link_value_shows_a_notice(title: str, query: dict[str, str], words: str) -> None:
    app = visit(title, whole=False, model="qcnn-parity", **query)
    assert len(app.warning) == 1
    assert words in plain(app.warning[0].value)
    assert app.selectbox(key="model").value == "qcnn-parity"


def test_step_slider_covers_the_whole_circuit() -> None:
    app = visit("Circuit", whole=False, model="qcnn-parity", gate="0")
    assert "Before the first gate" in said(app)
    app.button(key="_on").click().run()
    assert app.slider(key="gate").value == 1
    assert "Gate 1 of" in plain(said(app))
    app.slider(key="gate").set_value(app.slider(key="gate").max).run()
    assert not app.exception
    app.button(key="_first").click().run()
    assert app.slider(key="gate").value == 0


def test_last_step_shows_the_read_out_state(pairs: Study) -> None:

    row = int(pairs.dataset.rows("test")[0])
    found = boxes.replay(pairs, row, "")
    rho = qcnn.density_states(pairs.model.network, pairs.backend.vectors[row])[-1]
    z = found.bloch[-1][list(found.followed), 2]
    diagonal = torch.diagonal(rho).real.reshape((2,) * pairs.model.elements)
    direct = [
        float(p[0] - p[1])
        for q in range(diagonal.ndim)
        for p in [diagonal.sum([w for w in range(diagonal.ndim) if w != q])]
    ]
    assert np.allclose(z, direct, atol=1e-10)
    assert found.count == found.boxes[-1].last


def test_noise_matches_track_and_shots_have_binomial_spread(pairs: Study) -> None:
    from qfusion.simulate.fusion_gates import Noise, outcome_scores, with_noise

    row = int(pairs.dataset.rows("test")[2])
    model: Any = base.log_odds_against_others(checkpoint.load("qcnn-parity").model)
    found = circuits.with_noise(pairs, row, "", (0.05, 0.02, 0.1), 500)
    direct = with_noise(model, Noise(0.05, 0.02, 0.1)).scores(
        {m: x[None] for m, x in pairs.backend.named_masses(row).items()}
    )[0]
    assert np.allclose(found.scores, direct.detach().numpy(), atol=1e-10)
    quiet = circuits.with_noise(pairs, row, "", (0, 0, 0), 500)

    p = torch.diagonal(
        qcnn.density_states(pairs.model.network, pairs.backend.vectors[row])[-1]
    ).real
    each = outcome_scores(model)
    spread = (p @ (each - p @ each).square() / 500).sqrt()
    assert np.allclose(quiet.errors, spread.numpy(), atol=1e-10)
    first, second = np.argsort(-quiet.scores)[:2].tolist()
    lead = each[:, first] - each[:, second]  # shot by shot: both scores come from the same outcome
    assert quiet.lead_error == pytest.approx(
        float((p @ (lead - p @ lead).square() / 500).sqrt()), abs=1e-10
    )
    assert quiet.lead_error != pytest.approx(
        float(np.hypot(*quiet.errors[[first, second]])), rel=0.01
    )
    assert np.allclose(quiet.dividends, Sample(pairs, row).explanation.dividends[0], atol=1e-10)
    app = visit("Circuit", model="qcnn-parity", part="Noise and shots")
    before = value(app, "Test accuracy")
    app.slider(key="noise.depolarising").set_value(0.9).run()
    assert value(app, "Test accuracy") < before


def test_edits_round_trip_through_the_link() -> None:
    learned = torch.full((6, 1, 8), 0.25, dtype=torch.float64)
    phi = gate_angles.apply_edits("all:and, 2:learned, 3.011=1.5,3.011=2", learned, SHAPE)
    assert torch.equal(phi[2], learned[2])
    assert float(phi[3, 0, 3]) == 2
    assert torch.allclose(phi[0, 0], truth_tables.rule_angles("and", 3))
    words = gate_angles.set_entry("3.011=1.5,1:or", SHAPE, 3, 0, 3, 0.75)
    assert words == "1:or,3.011=0.75"
    words = gate_angles.reset_entry("all:and,3.011=0.75,1.001=2", SHAPE, 3, 0, 3)
    assert words == "all:and,1.001=2,3.011:learned"
    assert float(gate_angles.apply_edits(words, learned, SHAPE)[3, 0, 3]) == 0.25
    assert (
        gate_angles.reset_entry("2:and,3:learned,3.011=0.75", SHAPE, 3, 0, 3) == "2:and,3:learned"
    )
    assert gate_angles.set_entry("3.011:learned", SHAPE, 3, 0, 3, 3.14159) == "3.011=3.1416"
    assert float(
        gate_angles.apply_edits("3.011:and,3.111:and", learned, SHAPE)[3].sum()
    ) == pytest.approx(6 * 0.25 + np.pi)
    assert gate_angles.set_rule("1:or,1.000=2,3.011=1", SHAPE, 1, "learned") == "3.011=1"
    assert gate_angles.set_rule("all:or", SHAPE, 1, "learned") == "all:or,1:learned"
    assert gate_angles.set_rule("1:or", SHAPE, None, "and") == "all:and"
    chain = gate_angles.Shape(2, 3, 4, 4)
    assert float(gate_angles.apply_edits("1.2.01=1", torch.zeros(2, 3, 4), chain)[1, 2, 1]) == 1
    assert float(
        gate_angles.apply_edits("1.2.11:mean", torch.zeros(2, 3, 4), chain)[1, 2, 3]
    ) == pytest.approx(np.pi)
    assert gate_angles.wrap_angle(3.3) == pytest.approx(3.3)
    assert gate_angles.wrap_angle(-2.0) == pytest.approx(-2 + 2 * np.pi)
    with pytest.raises(InvalidInput, match="stage"):
        gate_angles.apply_edits("1.3.01=1", torch.zeros(2, 3, 4), chain)
    with pytest.raises(NotFound, match="majority"):
        gate_angles.apply_edits("0:majority", torch.zeros(2, 3, 4), chain)


def test_chains_of_fusion_are_drawn_too() -> None:
    from qfusion.figures.circuits import boxes
    from qfusion.simulate.gate_replay import replay_fusion
    from tests.support.entangled import angles_of

    model = model_of(4, 4)
    found = boxes.fusion_replay(replay_fusion(model, angles_of(model)), model)
    assert sum(box.name == "fuse" for box in found.boxes) == 4 * 3
    assert len(found.followed) == 4
    assert {number for box in found.boxes for number in range(box.first, box.last + 1)} == set(
        range(1, found.count + 1)
    )


def test_jump_model_step_slider_ends_at_the_circuit_state() -> None:

    study = open_study("qj-planted", "planted")
    built = circuits.circuit(study, 7, 0.05, "terms")  # type: ignore[arg-type]
    replay = boxes.step_replay(study, 7, 0.05, "terms")  # type: ignore[arg-type]
    rho = built.qnode()()
    p = np.real(np.diag(rho)).reshape((2,) * len(built.wires))
    for q in range(len(built.wires)):
        mass = p.sum(tuple(w for w in range(p.ndim) if w != q))
        assert replay.bloch[-1][q, 2] == pytest.approx(mass[0] - mass[1], abs=1e-9)
    app = visit("Circuit", whole=False, data="planted", gate="2")
    assert "Gate 2 of" in plain(said(app))


def test_angle_set_at_a_gate_changes_the_decision(
    pairs: Study,
) -> None:
    walk = boxes.replay(pairs, 0)
    gate, (of, place) = next(
        (n, takes[0]) for n, takes in enumerate(walk.takes, 1) if takes and takes[0][0] == "pooling"
    )
    name = ".".join(map(str, (of, *place)))
    app = visit(
        "Circuit",
        whole=False,
        model="qcnn-parity",
        sample=str(pairs.dataset.ids[0]),
        gate=str(gate),
    )
    app.slider(key=f"_phi.{name}").set_value(1.5).run()
    assert not app.error
    words = f"{name}=1.5"
    assert app.query_params["phi"] in (words, [words])
    edited = open_sample("qcnn-parity", str(pairs.dataset.ids[0]), tweak=words)
    states = pairs.model.encode(pairs.inputs([0]))
    network = copy.deepcopy(pairs.model.network)
    with torch.no_grad():
        getattr(network, of)[place] = 1.5
        scores = (
            network_model.network_scores(network, pairs.model.fuse(states)[0]) + pairs.model.bias
        )
    assert edited.scores == pytest.approx(scores[0].numpy(), abs=1e-5)
    assert edited.scores != pytest.approx(edited.untweaked.scores, abs=1e-3)
    assert f"softmax {edited.probabilities.max():.3f}" in circuit_views.decision(edited)[1]
    assert edited.untweaked.scores == pytest.approx(
        pairs.scores[0], abs=1e-5
    )  # the study is as it was
    app.button(key="_reset_all").click().run()
    assert not app.query_params.get("phi")
    for bad, problem in (("pooling.9.0=1", "layer"), ("pooling.0=1", "layer and an angle")):
        with pytest.raises(InvalidInput, match=problem):
            pairs.model.parse_tweak(bad)


def test_couplings_of_the_step_change_the_decision() -> None:
    app = visit("Circuit", whole=False, model="qj-planted", sample="p2924")
    app.slider(key="H.text").set_value(0.3).run()
    assert not app.error
    app.slider(key="gate").set_value(4).run()
    assert app.slider(key="H.text").value == 0.3
    sample = open_sample("qj-planted", "p2924", tweak="H.text=0.3")
    assert plain(notebook.describe_tweaked_sample(sample)) in plain(said(app))
    walk = circuit_views.replay(sample)
    ends, when = circuit_views.probabilities_of_one(sample, walk, walk.count)
    rho = partial_trace(torch.as_tensor(sample.track().rho[-1]), sample.model.dims, (0,))
    levels = rho.diagonal().real.numpy()
    assert (ends[0], ends[1], when) == (
        pytest.approx(levels[2:].sum(), abs=1e-9),
        pytest.approx(levels[1::2].sum(), abs=1e-9),
        "at T",
    )
    assert circuit_views.decision(sample)[0] == true_minus(f"<b>score</b><br>{sample.score:+.2f}")
