"""Models of a Python session opened with `qfusion.open`: numbers beside brute force, PennyLane, QuTiP; errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pennylane as qml
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import qfusion
from qfusion.adapters import gates, qnodes, trial
from qfusion.adapters.trial import QuickCall
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures.circuits import boxes
from qfusion.models import live_model
from qfusion.models.kind_texts import describe_circuit
from qfusion.models.protocols import Circuit
from qfusion.models.tweak import CircuitChange
from qfusion.study.backends import evaluated
from qfusion.views import (
    changes,
    circuit as circuit_views,
    decision,
    faithfulness,
    flips as angle_views,
    qubits,
)
from qfusion.views.pages import panel as panel_page
from qfusion.views.pages.panel import draw_view, drawn
from qfusion.views.words.decisions import describe_baseline
from tests.support import own_models

ROW = 7


def _plain(model):
    """Returns a torch model as a function from features to scores as an array, in double precision."""
    exact = model.double().eval() if isinstance(model, nn.Module) else model

    def scores(features):
        with torch.no_grad():
            result = exact(**features)
        return np.asarray(result.detach()).reshape(len(next(iter(features.values()))), -1)

    return scores


def _cases():
    picture, pictures = own_models.picture_and_text()
    vectors = own_models.two_modalities()
    probabilities = _plain(own_models.amplitude_classifier())
    one = _plain(own_models.convolutional_classifier())
    return {
        "angle": (own_models.angle_classifier(), vectors, None),
        "amplitude": (
            own_models.amplitude_classifier(),
            vectors,
            lambda x: np.log(probabilities(x)),
        ),
        "reuploading": (own_models.reuploading_classifier(), vectors, None),
        "convolutional": (
            own_models.convolutional_classifier(),
            vectors,
            lambda x: np.concatenate([np.zeros((len(x["left"]), 1)), one(x)], 1),
        ),
        "picture": (picture, pictures, None),
    }


@pytest.fixture(
    scope="module", params=["angle", "amplitude", "reuploading", "convolutional", "picture"]
)
def opened(request):
    model, data, scores = _cases()[request.param]
    return qfusion.open(model, data, name=request.param), scores or _plain(model)


def test_contributions_equal_brute_force(opened):
    study, scores = opened
    sample = study.sample(str(study.dataset.ids[ROW]))
    expected = own_models.brute_force_dividends(study, ROW, scores, sample.output)
    assert sample.dividends == pytest.approx(expected, abs=1e-10)
    assert sum(sample.dividends.values()) == pytest.approx(sample.score, abs=1e-10)


def test_states_equal_those_of_pennylane(opened):
    study, _ = opened
    source = study.model.source
    states = own_models.states_of_gates(study, ROW)
    tape = source.tape(study.model.encode(study.inputs([ROW])))
    device = qml.device("default.qubit", wires=list(source.labels))
    assert len(states) == len(tape.operations)
    for count, psi in enumerate(states, 1):

        @qml.qnode(device, interface=None)
        def prefix(count=count):
            for operation in tape.operations[:count]:
                qml.apply(operation)
            return qml.state()

        np.testing.assert_allclose(psi, np.asarray(qml.math.unwrap(prefix())), atol=1e-12)


def test_entropies_equal_those_of_qutip(opened):
    study, _ = opened
    sample = study.sample(str(study.dataset.ids[ROW]))
    psi = own_models.states_of_gates(study, ROW)[-1]
    expected = own_models.register_entropies(psi, study.model.registers())
    assert sample.entropies == pytest.approx(expected, abs=1e-10)


def test_the_drawing_has_the_gates_of_the_tape(opened):
    study, _ = opened
    tape = study.model.source.tape(study.model.encode(study.inputs([ROW])))
    walk = boxes.replay(study, ROW)
    prepared = {"AmplitudeEmbedding": "StatePrep"}
    assert [name for name, *_ in walk.gates] == [
        prepared.get(operation.name, operation.name) for operation in tape.operations
    ]
    assert sum(box.last - box.first + 1 for box in walk.boxes) == len(tape.operations)


def test_panels_of_the_circuit_are_drawn(opened):
    study, _ = opened
    sample = study.sample(str(study.dataset.ids[ROW]))
    for draw in (
        circuit_views.circuit,
        qubits.qubits,
        qubits.bloch_gates,
        qubits.before_after,
        qubits.entropy_gates,
        angle_views.layer_shapley,
    ):
        assert drawn(draw)(sample).title
    program = study.backend.circuit(ROW)
    assert program.to_openqasm(3).startswith("OPENQASM 3.0;")
    assert "quantikz" in program.to_quantikz()


def test_shapley_values_of_layers_add_up(opened):
    from qfusion.study import circuits

    study, _ = opened
    sample = study.sample(str(study.dataset.ids[ROW]))
    result = circuits.layer_shapley(study, ROW, sample.output, sample.tweak)
    assert result.shapley.sum() == pytest.approx(result.whole - result.empty, abs=1e-10)
    assert result.whole == pytest.approx(sample.score, abs=1e-10)


@pytest.fixture(scope="module")
def angles():
    return qfusion.open(own_models.angle_classifier(), own_models.two_modalities(), name="angles")


def test_edited_angle_moves_the_decision(angles):
    model = own_models.angle_classifier().double().eval()
    with torch.no_grad():
        model.quantum.weights[0, 1, 1] = 0.4
    expected = own_models.brute_force_dividends(angles, ROW, _plain(model), 1)
    sample = angles.sample(str(angles.dataset.ids[ROW]), output=1, tweak="6.theta=0.4")
    assert sample.dividends == pytest.approx(expected, abs=1e-10)
    assert sample.metrics["accuracy"] == pytest.approx(
        float(
            np.mean(
                _plain(model)(
                    angles.dataset.inputs(angles.dataset.rows("test"), torch.float64)
                ).argmax(1)
                == angles.dataset.y[angles.dataset.rows("test")]
            )
        )
    )


@pytest.mark.parametrize(
    ("tweak", "words"),
    [
        ("1.angle=0.4", "no trainable angle"),
        ("6.x=1", "does not exist"),
        ("six=1", "GATE.ANGLE"),
        ("6.theta=1e9", "radians"),
    ],
)
def test_edits_that_do_not_fit_are_refused(angles, tweak, words):
    with pytest.raises((InvalidInput, NotFound), match=words):
        angles.sample(str(angles.dataset.ids[ROW]), tweak=tweak)


def test_contributions_under_noise_add_up(angles):
    sample = angles.sample(str(angles.dataset.ids[ROW]))
    noisy = changes.noisy_outcome(sample, 0.05, 0.02, 0.04, 500)
    np.testing.assert_allclose(noisy.dividends.sum(0), noisy.scores, atol=1e-10)
    assert noisy.errors.min() > 0
    quiet = changes.noisy_outcome(sample, 0.0, 0.0, 0.0, 500)
    np.testing.assert_allclose(quiet.scores, sample.scores, atol=1e-10)
    assert dict(
        zip(angles.coalitions, quiet.dividends[:, sample.output], strict=True)
    ) == pytest.approx(sample.dividends, abs=1e-9)


def test_noise_equals_that_of_a_mixed_device(angles):
    """By hand: the same gates with channels between them."""
    source = angles.model.source
    features = angles.model.encode(angles.inputs([ROW]))
    tape = source.tape(features)

    @qml.qnode(qml.device("default.mixed", wires=4), interface="torch")
    def circuit():
        for operation in tape.operations:
            qml.apply(operation)
            if len(operation.wires) > 1:
                for wire in operation.wires:
                    qml.DepolarizingChannel(0.03, wires=wire)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(4)]

    values = torch.stack(list(circuit())).detach()
    model = angles.trained.call.model
    expected = model.out(values[None]).detach()
    result = source.columns(features, CircuitChange(depolarising=0.04))
    torch.testing.assert_close(result, expected, atol=1e-10, rtol=0)


def test_qubits_are_guessed_from_the_encoding(angles):
    assert angles.model.registers() == {"left": 2, "right": 2}
    assert angles.model.source.facts.guessed
    other = qfusion.open(
        own_models.angle_classifier(),
        own_models.two_modalities(),
        wires={"right": [0, 3], "left": [1]},
    )
    assert other.model.registers() == {"right": 2, "left": 1, "other": 1}
    assert other.model.source.labels == (0, 3, 1, 2)
    single = qfusion.open(
        own_models.angle_classifier(), own_models.two_modalities(), wires={"left": 2}
    )
    assert single.model.registers() == {"other": 3, "left": 1}


@pytest.mark.parametrize("is_frozen", [True, False])
def test_frozen_weights_have_no_sliders_and_the_page_says_why(is_frozen):
    random = np.random.default_rng(0)
    weights = random.normal(size=(1, 2, 3))
    if is_frozen:
        weights = torch.tensor(weights, requires_grad=False)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(left, right):
        qml.RY(left, wires=0)
        qml.RY(right, wires=1)
        qml.StronglyEntanglingLayers(weights, wires=range(2))
        return qml.expval(qml.Z(1))

    study = qfusion.open(
        lambda left, right: circuit(left[:, 0], right[:, 0]), own_models.two_modalities()
    )
    words = describe_circuit(study.model, study.model.encode(study.inputs([ROW])))
    assert "There are no sliders of angles, since no gate depends on weights" in words


def test_trained_weights_have_sliders(angles):
    assert "sliders" not in describe_circuit(
        angles.model, angles.model.encode(angles.inputs([ROW]))
    )


def test_what_a_model_cannot_do_is_said(angles):
    plain = qfusion.open(
        lambda left, right: left[:, :1] * right[:, :1], own_models.two_modalities()
    )
    for study in (angles, plain):
        with pytest.raises(InvalidInput, match="no evolution in time to track"):
            study.sample(str(study.dataset.ids[ROW])).track()


@pytest.mark.parametrize(
    ("wires", "words"),
    [
        ({"left": [0, 9]}, "qubit 9"),
        ({"up": [0]}, "modalities are left, right"),
        ({"left": [0], "right": [0]}, "one modality"),
        ([0, 1], "must name the qubits"),
        ({"left": 9}, "qubit 9"),
        ({"left": [[0]]}, r"qubit \[0\]"),
    ],
)
def test_wires_that_do_not_fit_are_refused(wires, words):
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(own_models.angle_classifier(), own_models.two_modalities(), wires=wires)


def test_the_users_model_is_left_as_it_is():
    model = own_models.angle_classifier().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    qfusion.open(model, own_models.two_modalities()).sample("sample-0003").dividends  # noqa: B018
    assert model.training
    assert next(model.parameters()).dtype is torch.float32
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert qml.QNode.__call__.__module__.startswith("pennylane")


def test_scikit_learn_pipeline():
    data = own_models.two_modalities()
    joined = np.concatenate([data["left"], data["right"]], 1).astype(np.float32)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(joined, data["y"])
    study = qfusion.open(pipeline, data)

    def logarithms(features):
        return np.log(
            pipeline.predict_proba(torch.cat([features["left"], features["right"]], 1).numpy())
        )

    sample = study.sample("sample-0008", output=1)
    expected = own_models.brute_force_dividends(study, 7, logarithms, 1)
    assert sample.dividends == pytest.approx(expected, abs=1e-10)
    assert sample.dividends["left+right"] == pytest.approx(0, abs=1e-9)  # log-odds are a sum
    assert "joined" not in study.card["notes"]
    assert "predict_proba" in study.card["notes"]


def test_frames_datasets_and_parquet_give_the_same_study(tmp_path):
    arrays = own_models.two_modalities()
    frame = pd.DataFrame(
        {
            **{f"left_{k}": arrays["left"][:, k] for k in range(4)},
            **{f"right_{k}": arrays["right"][:, k] for k in range(3)},
            "y": arrays["y"],
        }
    )
    frame.to_parquet(tmp_path / "data.parquet")
    items = [
        ({"left": torch.tensor(a), "right": torch.tensor(b)}, int(y))
        for a, b, y in zip(arrays["left"], arrays["right"], arrays["y"], strict=True)
    ]
    two_levels = frame.set_axis(
        pd.MultiIndex.from_tuples([tuple(c.split("_")) if "_" in c else (c, "") for c in frame]),
        axis=1,
    )
    model = own_models.reuploading_classifier()
    expected = qfusion.open(model, arrays).sample("sample-0003").dividends
    for data in (frame, tmp_path / "data.parquet", items, two_levels):
        study = qfusion.open(model, data)
        assert study.sample("sample-0003").dividends == pytest.approx(expected, abs=1e-12)


def test_parquet_with_encoded_pictures(tmp_path):
    import io
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (30, 6, 6, 3), dtype=np.uint8)

    def encoded(pixels):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    table = pa.table(
        {
            "image": [encoded(pixels) for pixels in pictures],
            "text": random.normal(size=(30, 4)).tolist(),
            "label": [k % 2 for k in range(30)],
        }
    )
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "pets.parquet")
    study = qfusion.open(
        lambda image, text: torch.stack([image.sum(1), text.sum(1)], 1), tmp_path / "pets.parquet"
    )
    assert study.classes == ("cat", "dog")
    assert study.dataset.modalities[0].shape == (6, 6, 3)
    np.testing.assert_allclose(
        study.dataset.modalities[0].values[0], pictures[0].ravel() / 255, atol=1e-6
    )
    assert study.dataset.content(0)["image"].pixels.shape == (6, 6, 3)


# Bad models.


def _nan(left, right):
    scores = torch.stack([left[:, 0], right[:, 0]], 1)
    return torch.where(scores > 0.5, torch.nan, scores)


def _by_size(left, right):
    return left[:, :2] if len(left) > 4 else left[:, :1]


def _by_rows(left, right):
    return torch.stack([left[:, 0] - left[:, 0].mean(), right[:, 0]], 1)


def _raises(left, right):
    raise ValueError("no such layer")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (_nan, "gives nan for row"),
        (_by_size, "one shape for any number of rows"),
        (_by_rows, "depend on the other rows"),
        (_raises, "no such layer"),
        (lambda left, right: left, "gives 4 numbers a row, but the target has 2"),
        (lambda left, right: "yes", "must return scores"),
        (3, "must be a function"),
    ],
)
def test_models_that_cannot_be_explained_are_refused(model, words):
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(model, own_models.two_modalities())


def test_prints_of_a_model_are_not_shown(capsys):
    def prints(left, right):
        print("layer")
        return torch.stack([left[:, 0], right[:, 0]], 1)

    qfusion.open(prints, own_models.two_modalities()).sample("sample-0002").dividends  # noqa: B018
    assert capsys.readouterr().out == ""


def test_other_threads_print_while_a_model_is_called(capsys):
    import threading

    began, printed = threading.Event(), threading.Event()

    def waits(left, right):
        print("layer")
        began.set()
        printed.wait(10)
        return torch.stack([left[:, 0], right[:, 0]], 1)

    data = own_models.two_modalities(rows=20)
    caller = threading.Thread(target=lambda: qfusion.open(waits, data))
    caller.start()
    began.wait(10)
    print("mine")
    printed.set()
    caller.join()
    assert capsys.readouterr().out == "mine\n"


def test_scores_that_scatter_are_averaged_with_errors():
    device = qml.device("default.qubit", wires=2, seed=1)

    @qml.set_shots(50)
    @qml.qnode(device)
    def circuit(left, right):
        qml.RY(left[..., 0], wires=0)
        qml.RY(right[..., 0], wires=1)
        qml.CNOT(wires=[0, 1])
        return qml.probs(wires=1)

    study = qfusion.open(lambda left, right: circuit(left, right), own_models.two_modalities())
    sample = study.sample("sample-0002")
    assert "Scores change from call to call" in study.card["notes"]
    assert study.model.repeats > 1
    errors = sample.explanation.errors[0, :, sample.output]
    assert errors[-1] > 0
    assert np.isfinite(errors).all()


@pytest.mark.usefixtures("workers_end")
def test_slow_models_use_few_rows_of_the_background():
    import time

    def slow(left, right):
        time.sleep(0.02 * len(left))
        return torch.stack([left[:, 0], right[:, 0]], 1)

    study = qfusion.open(slow, own_models.two_modalities(rows=12))
    assert study.is_sampled or study.sample_background.samples <= 16


@pytest.mark.parametrize("slow", [(1, 0.2), (2, 0.5), (3, 0.5), (5, 1.0)])
def test_one_slow_call_while_opening_decides_nothing(slow, monkeypatch):
    calls, seconds = slow
    reads = 0

    class Clock:
        @staticmethod
        def perf_counter():
            nonlocal reads
            reads += 1
            return 1e-4 * reads + (seconds if reads >= calls else 0)

    monkeypatch.setattr(trial, "time", Clock)
    data = own_models.two_modalities(rows=60)
    study = qfusion.open(lambda left, right: left[:, :1] * right[:, :1], data)
    monkeypatch.undo()
    assert not study.is_sampled
    assert study.model.unseen_operations < 1e-4 * live_model.OPERATIONS_PER_SECOND


@pytest.mark.parametrize(("rows", "noise"), [(20, 0.0), (80, 1.0)])
def test_exact_is_said_only_where_all_combinations_are_taken(rows, noise, monkeypatch):
    data = own_models.two_modalities(rows=rows)

    def model(left, right):
        return torch.sin(left[:, :1] + 2 * right[:, :1]) + noise * left[:, 1:2]

    study = qfusion.open(model, data)
    sample = study.sample(study.dataset.ids[ROW])
    assert study.is_exact
    assert sample.term_errors == {}
    assert "Contributions are exact" in faithfulness.cautions(study).caption
    assert f"the {study.background.size} training samples, each" in describe_baseline(
        study.sample_background
    )

    monkeypatch.setattr(evaluated, "MAX_NUMBERS", 0)
    drawn = qfusion.open(model, data)
    errors = drawn.sample(drawn.dataset.ids[ROW]).term_errors
    assert not drawn.is_exact
    assert drawn.sample_background.size == drawn.background.size
    apart = abs(drawn.dividends(ROW)[""] - study.dividends(ROW)[""])
    assert 0 < apart < 4 * errors[""]
    for panel in (
        draw_view(drawn, view=faithfulness.cautions),
        panel_page.drawn(decision.waterfall)(drawn.sample(drawn.dataset.ids[ROW])),
    ):
        assert "Standard error of a term over draws" in panel.caption
        assert "Contributions are exact" not in panel.caption
        assert "exact values" not in panel.caption


def _entangled(device):
    @qml.qnode(device, interface="torch")
    def circuit(left, right, weights):
        qml.AngleEmbedding(left[..., :2], wires=[0, 1])
        qml.AngleEmbedding(right[..., :2], wires=[2, 3], rotation="Y")
        qml.StronglyEntanglingLayers(weights, wires=range(4))
        return [qml.expval(qml.PauliZ(0)), qml.expval(qml.PauliX(3))]

    return circuit


def _row_by_row(circuit, weights):
    def model(left, right):
        rows = zip(left, right, strict=True)
        return torch.stack([torch.stack(circuit(*row, weights)) for row in rows])

    return model


def _depends_on_results(circuit, weights):
    def model(left, right):
        rows = []
        for one, other in zip(left, right, strict=True):
            first = torch.stack(circuit(one, other, weights))
            rows.append(torch.stack(circuit(one + first[1], other, weights * (1 + first[0]))))
        return torch.stack(rows)

    return model


@pytest.mark.parametrize(("name", "apart"), [("lightning.qubit", 1e-6), ("default.qubit", 1e-12)])
@pytest.mark.parametrize("make", [_row_by_row, _depends_on_results])
def test_circuits_that_run_row_by_row_are_evaluated_together(name, apart, make):
    weights = torch.linspace(0, 2, 24, dtype=torch.float64).reshape(2, 4, 3)
    circuit = _entangled(qml.device(name, wires=4))
    rows = dict(list(own_models.two_modalities(rows=6).items())[:2])
    inputs = {key: torch.as_tensor(value, dtype=torch.float64) for key, value in rows.items()}
    model = make(circuit, weights)
    with torch.no_grad():
        expected = model(**inputs)
    quick = qnodes.quick_call(lambda features: model(**features), inputs)
    torch.testing.assert_close(quick(inputs), expected, rtol=0, atol=apart, check_dtype=False)


def test_a_device_without_batches_evaluates_all_rows():
    circuit = _entangled(qml.device("lightning.qubit", wires=4))
    weights = torch.linspace(0, 2, 24, dtype=torch.float64).reshape(2, 4, 3)

    def batched(left, right):
        return torch.stack(circuit(left, right, weights), -1)

    for model in (batched, _row_by_row(circuit, weights)):
        study = qfusion.open(model, own_models.two_modalities(rows=20))
        assert isinstance(study.trained.call, QuickCall)
        assert study.sample_background.size >= study.background.size
        expected = own_models.brute_force_dividends(study, ROW, _plain(batched), 0)
        found = study.dividends(ROW, 0)
        assert all(abs(found[name] - expected[name]) < 1e-6 for name in expected)


@pytest.fixture
def workers_end():
    """Ends the processes that joblib would let wait for more work."""
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


@pytest.mark.usefixtures("workers_end")
def test_slow_models_share_rows_among_processes():
    import time

    def slow(left, right):
        time.sleep(0.03 * len(left))
        return torch.stack([left[:, 0] * right[:, 1], right[:, 0]], 1)

    study = qfusion.open(slow, own_models.two_modalities(rows=24))
    expected = own_models.brute_force_dividends(
        study,
        3,
        lambda x: np.stack([x["left"][:, 0] * x["right"][:, 1], x["right"][:, 0]], 1),
        1,
    )
    assert study.sample("sample-0004", output=1).dividends == pytest.approx(expected, abs=1e-10)
    assert type(study.trained.call).__name__ == "ParallelCall"


def test_models_that_would_take_hours_are_refused(monkeypatch):
    import time

    from qfusion.adapters import trial

    monkeypatch.setattr(trial, "MAX_SECONDS", 0.2)

    def slow(left, right):
        time.sleep(0.01 * len(left))
        return torch.stack([left[:, 0], right[:, 0]], 1)

    with pytest.raises(InvalidInput, match="Give fewer samples"):
        qfusion.open(slow, own_models.two_modalities(rows=50))


def _opened_circuit(steps, device="default.qubit", wires=4):
    """Returns a study of a circuit of some steps, each a function of the features, that reads the last qubit; and its
    QNode of any measurements of the first steps of one row."""
    ran_on = qml.device(device, wires=wires) if isinstance(device, str) else device

    def act(left, right, count):
        for step in steps[:count]:
            step(left, right)

    @qml.qnode(ran_on)
    def circuit(left, right):
        act(left, right, None)
        return qml.expval(qml.PauliZ(2))

    study = qfusion.open(
        lambda left, right: 2 + circuit(left, right), own_models.two_modalities(2, 2, rows=12)
    )

    def measured(row, measure, count=None):
        features = study.inputs([row])

        @qml.qnode(ran_on)
        def run():
            act(features["left"][0].double(), features["right"][0].double(), count)
            return measure()

        return np.asarray(run())

    return study, measured


def _encode(left, right):
    qml.RY(left[..., 0], wires=0)
    qml.RX(right[..., 0], wires=1)


def _entangle(left, right):
    qml.CNOT(wires=[0, 2])
    qml.CNOT(wires=[1, 2])
    qml.CRY(0.4, wires=[2, 0])


PREPARED = {
    "BasisState": lambda *_: qml.BasisState(np.array([1, 1]), wires=[1, 2]),
    "BasisEmbedding": lambda *_: qml.BasisEmbedding(np.array([1, 0, 1]), wires=[2, 0, 1]),
    "StatePrep": lambda *_: qml.StatePrep(np.array([0.6, 0, 0, 0.8j]), wires=[0, 2]),
    "StatePrep of one": lambda *_: qml.StatePrep(np.array([0.8, -0.6]), wires=[1]),
    "AmplitudeEmbedding": lambda left, _: qml.AmplitudeEmbedding(
        left.abs() + 0.1, wires=[2], normalize=True
    ),
    "AmplitudeEmbedding of three": lambda _, right: qml.AmplitudeEmbedding(
        right.abs(), wires=[0, 1, 2], normalize=True, pad_with=0.3
    ),
    "AllSinglesDoubles": lambda *_: qml.AllSinglesDoubles(
        np.array([0.5]), wires=[0, 1], hf_state=np.array([1, 0]), singles=[[0, 1]]
    ),
    "AllSinglesDoubles of four": lambda *_: qml.AllSinglesDoubles(
        np.array([0.3, 0.7]),
        wires=range(4),
        hf_state=np.array([1, 1, 0, 0]),
        singles=[[0, 2]],
        doubles=[[0, 1, 2, 3]],
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_states_prepared_on_qubits_in_use_are_those_of_pennylane(name):
    last = [lambda *_: qml.CRX(0.9, wires=[1, 2])]
    study, measured = _opened_circuit([_encode, _entangle, PREPARED[name], *last])
    registers = study.model.registers()
    labels = iter(study.model.source.labels)
    wires = {register: [next(labels) for _ in range(n)] for register, n in registers.items()}
    own = study.model.source.labels
    for row in (1, 4):
        sample = study.sample(str(study.dataset.ids[row]))
        expected = {
            register: float(measured(row, lambda on=on: qml.vn_entropy(wires=on)))
            for register, on in wires.items()
        }
        assert sample.entropies == pytest.approx(expected, abs=1e-7)
        before = own_models.states_of_gates(study, row)[-2]
        rho = measured(row, lambda: qml.density_matrix(wires=own), count=3)
        np.testing.assert_allclose(np.outer(before, before.conj()), rho, atol=1e-9)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda *_: qml.measure(0, postselect=1), "one outcome of a measurement alone"),
        (lambda *_: qml.measure(2, reset=True, postselect=0), "one outcome of a measurement alone"),
        (lambda *_: qml.QubitUnitary(np.diag([1, 0.5]), wires=0), "QubitUnitary is not unitary"),
        (lambda *_: qml.QubitUnitary(np.ones((2, 2)), wires=1), "QubitUnitary is not unitary"),
    ],
)
def test_circuits_that_do_not_keep_the_length_of_a_state_have_no_states(step, words):
    study, _ = _opened_circuit([_encode, _entangle, step])
    assert words in study.card["notes"]
    assert study.model.part(Circuit) is None


@pytest.mark.parametrize("ket", [[0.6, 0.1, 0.8, 0.3], [2.0, 0, 0, 0]])
def test_unnormalised_states_are_not_followed(ket):
    prepare = [lambda *_: qml.StatePrep(np.array(ket), wires=[2, 3], validate_norm=False)]
    study, _ = _opened_circuit([*prepare, _encode, _entangle])
    assert f"a vector of length {np.linalg.norm(ket):.3g}" in study.card["notes"]
    assert study.model.part(Circuit) is None


@pytest.mark.parametrize("more", [qml.RX(0.2, wires=0), qml.SWAP(wires=[1, 3])])
def test_a_device_that_has_other_states_is_noticed(more):
    class Other(qml.devices.DefaultQubit):
        name = "other.qubit"

        def execute(self, circuits, execution_config=None):
            longer = [tape.copy(operations=[*tape.operations, more]) for tape in circuits]
            return super().execute(longer, execution_config)

    study, _ = _opened_circuit([_encode, _entangle], Other(wires=4))
    assert "on its device is another one, by" in study.card["notes"]
    assert study.model.part(Circuit) is None


@pytest.mark.parametrize("embed", [False, True])
def test_states_in_single_precision_are_states(embed):
    weights = torch.linspace(-2, 2, 60, dtype=torch.float32)

    def encode(left, right):
        if embed:
            qml.AmplitudeEmbedding(left.float(), wires=[0], normalize=True)
        else:
            qml.RY(left[..., 0].float(), wires=0)
        qml.RY(right[..., 0].float(), wires=1)

    def turn(*_):
        for place, weight in enumerate(weights):
            qml.RX(weight, wires=place % 3)
            qml.CRY(weight, wires=[place % 3, (place + 1) % 3])

    study, measured = _opened_circuit([encode, turn])
    for row in range(4):
        sample = study.sample(str(study.dataset.ids[row]))
        expected = float(measured(row, lambda: qml.vn_entropy(wires=[0])))
        assert sample.entropies["left"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda: qml.StatePrep(np.array([0.6, 0.8]), wires=[2]),
        lambda: qml.BasisState(np.array([1, 0]), wires=[2, 3]),
    ],
)
def test_noise_around_a_later_preparation_equals_that_of_a_mixed_device(prepare):
    study, _ = _opened_circuit([_encode, lambda *_: prepare(), _entangle])
    row, strength = 3, 0.1
    features = study.model.encode(study.inputs([row]))
    gates = prepare().decomposition()

    @qml.qnode(qml.device("default.mixed", wires=4))
    def noisy():
        _encode(features["left"][0], features["right"][0])
        for part in gates:
            qml.apply(part)
        for gate in (qml.CNOT([0, 2]), qml.CNOT([1, 2]), qml.CRY(0.4, [2, 0])):
            for wire in gate.wires:
                qml.DepolarizingChannel(0.75 * strength, wires=wire)
        return qml.expval(qml.PauliZ(2))

    changed = study.model.with_change(CircuitChange(depolarising=strength))
    assert float(changed.columns(features)) == pytest.approx(2 + float(noisy()), abs=1e-9)
    shots = study.model.with_change(CircuitChange(shots=20_000, seed=1)).columns(features)
    assert float(shots) == pytest.approx(float(study.model.columns(features)), abs=0.03)


def _use_ancilla(*_):
    qml.Hadamard(wires=3)
    qml.CRY(0.8, wires=[0, 3])
    qml.CRX(0.7, wires=[3, 2])


def _reset(*_):
    qml.CNOT(wires=[1, 2])
    qml.measure(2, reset=True)
    qml.CRX(0.7, wires=[0, 2])


@pytest.mark.parametrize("step", [_use_ancilla, _reset])
def test_registers_of_no_modality_are_drawn(step):
    study, measured = _opened_circuit([_encode, _entangle, step], wires=5)
    sample = study.sample(str(study.dataset.ids[ROW]))
    assert list(study.model.registers()) == ["left", "right", "other"]
    for draw in (
        circuit_views.circuit,
        qubits.qubits,
        qubits.bloch_gates,
        qubits.before_after,
        qubits.matrix_after,
        qubits.entropy_gates,
        angle_views.layer_shapley,
        changes.noisy_scores,
        changes.noisy_terms,
    ):
        assert drawn(draw)(sample).title
    shared = qubits.mutual_gates(sample)
    assert len({line.line.color for line in shared.figure.data}) == 4
    last = shared.numbers.iloc[-1]
    expected = measured(ROW, lambda: qml.mutual_info(wires0=[0], wires1=[1]))
    assert last["left + right"] == pytest.approx(float(expected), abs=1e-7)
    expected = measured(ROW, lambda: qml.vn_entropy(wires=[0]))
    assert sample.entropies["left"] == pytest.approx(float(expected), abs=1e-7)
    walk = boxes.replay(study, ROW)
    assert len({wire.hue for wire in walk.wires}) == 3


@pytest.mark.parametrize("name", ["other", "qubits"])
def test_registers_of_no_modality_have_a_name_of_their_own(name):
    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(features, more):
        qml.RY(features[..., 0] + (name == "qubits") * more[..., 0], wires=0)
        qml.RY(more[..., 0], wires=1)
        qml.CNOT(wires=[0, 2])
        return qml.expval(qml.PauliZ(2))

    a, b, y = own_models.two_modalities(rows=12).values()
    data = {name: a, "more": b, "y": y}
    study = qfusion.open(lambda **x: circuit(x[name], x["more"]), data, call="names")
    named = {"other": ["other", "more", "other_"], "qubits": ["qubits_"]}
    assert list(study.model.registers()) == named[name]


def test_plugins_open_what_they_know(angles, monkeypatch):
    class Acme(gates.Opener):
        def open_circuit(self, circuit, read, weights, name, rows):
            return (circuit, name, rows) if circuit == "acme" else None

        def measure_on_device(self, gates, measurements, labels, change):
            if change.device != "quiet":
                return None
            return tuple(np.zeros(len(gates)) for _ in measurements)

    monkeypatch.setattr(gates, "openers", lambda: [Acme()])
    assert qfusion.open_circuit("acme", rows=5) == ("acme", "circuit", 5)
    with pytest.raises(InvalidInput, match="must be a QNode of PennyLane"):
        qfusion.open_circuit("another")
    source, rows = angles.trained.source, angles.inputs([0, 1])
    silent = source.read(rows, CircuitChange(device="quiet")).numbers
    assert (silent == 0).all()
    with pytest.raises(NotFound, match="Device 'loud' does not exist"):
        source.columns(rows, CircuitChange(device="loud"))


def test_circuits_without_states_say_why():
    wide = qml.device("default.qubit", wires=18)

    @qml.qnode(wide)
    def circuit(left, right):
        qml.AngleEmbedding(torch.cat([left, right], -1)[..., :2], wires=[0, 17])
        return qml.expval(qml.PauliZ(0)), qml.expval(qml.PauliZ(17))

    study = qfusion.open(
        lambda left, right: torch.stack(circuit(left, right), -1),
        own_models.two_modalities(rows=20),
    )
    assert "18 qubits" in study.card["notes"]
    assert study.model.part(Circuit) is None
    noisy = qml.device("default.mixed", wires=1)

    @qml.qnode(noisy)
    def channel(left):
        qml.RX(left[..., 0], wires=0)
        qml.AmplitudeDamping(0.1, wires=0)
        return qml.probs(wires=0)

    study = qfusion.open(
        lambda left, right: channel(left + 0 * right.sum()), own_models.two_modalities()
    )
    assert "not unitary" in study.card["notes"]


def test_a_circuit_that_is_called_twice_can_be_chosen():
    device = qml.device("default.qubit", wires=1)

    @qml.qnode(device)
    def circuit(features):
        qml.RY(features[..., 0], wires=0)
        return qml.expval(qml.PauliZ(0))

    def scores(left, right):
        return torch.stack([circuit(left), circuit(right)], -1)

    data = own_models.two_modalities()
    first, second = (qfusion.open(scores, data, circuit=k) for k in (0, 1))
    assert "2 circuits run for one sample" in first.card["notes"]
    assert first.model.source.roles == ("left",)
    assert second.model.source.roles == ("right",)
    with pytest.raises(InvalidInput, match="number one of the 2 circuits"):
        qfusion.open(scores, data, circuit=2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"left": np.ones((5, 2))}, "no targets"),
        ({"left": np.ones((5, 2)), "y": np.zeros(4)}, "must have 4 values, one a sample"),
        ({"left": np.full((6, 2), np.nan), "y": np.arange(6) % 2}, "must be finite"),
        ({"left": np.ones((6, 2)), "y": [0.5, np.inf, 1, 2, 3, 4]}, "1 sample has no target"),
        ({"left": np.ones((2, 2)), "y": np.arange(2)}, "at least 3 samples"),
        (3, "must be a data set"),
        (pd.DataFrame({"y": [0, 1, 0]}), "columns of at least one modality"),
    ],
)
def test_bad_data_are_refused(data, words):
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(lambda left: left, data)
