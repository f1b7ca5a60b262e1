"""Path attribution of dynamics terms: a case by hand, laws, differences of the strength path, integrated slopes,
invalid input."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad

from qfusion import data, explain
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.explain import generator_integrals, path_attribution, sensitivity
from qfusion.figures import generator_attribution, term_effects
from qfusion.models import InputSpec, QuantumJump, Tweak
from qfusion.models.jump import kets
from qfusion.models.tweak import LEARNED
from qfusion.study import opening, physics_terms
from qfusion.training import checkpoint
from qfusion.views.generator_attribution import built_table, describe_building
from qfusion.views.pages import rendering
from tests.support.entangled import model_of
from tests.support.sensitivity_models import features, jump_model

# Two modalities and two classes, three modalities and one score: the others go the same way.
SHIPPED = ("qj-parity", "qj-planted")


def dividends(model: Any, inputs: dict, background: Any, output: int = 0) -> np.ndarray:
    return explain.explain(model, inputs, background).dividends[..., output].mean(0)


def assert_complete(
    found: path_attribution.PathAttribution,
    model: Any,
    inputs: dict,
    background: Any,
    output: int = 0,
) -> None:
    """Start and end are the dividends of the library's other functions, and the parts lead from one to the other."""
    ends = [
        explain.explain_times(model, inputs, background, [t]).dividends[0, ..., output].mean(0)
        for t in (0.0, float(model.duration))
    ]
    assert np.abs(found.start - ends[0]).max() < 1e-10
    assert np.abs(found.end - ends[1]).max() < 1e-10
    assert np.abs(found.start + found.parts.sum(-1) - found.end).max() <= 1e-8
    assert found.error <= 1e-8


def two_qubits(J: float, gamma: float, T: float) -> QuantumJump:
    """H = J/2 Z x Z, L = sqrt(gamma) Z x 1, read-out X x 1."""
    model = (
        QuantumJump(
            {"text": InputSpec(3), "audio": InputSpec(3)},
            dims=2,
            jumps=1,
            measurements=2,
            duration=T,
            readout="single",
            read="text",
        )
        .double()
        .eval()
    )
    Z = np.diag([1.0, -1.0])
    with torch.no_grad():
        model.A[0].copy_(
            kets.hermitian_entries(torch.tensor(J / 2 * np.kron(Z, Z), dtype=torch.complex128))
        )
        model.L[0].copy_(
            torch.view_as_real(
                torch.tensor(gamma**0.5 * np.kron(Z, np.eye(2))[None], dtype=torch.complex128)
            )
        )
        model.V0.copy_(torch.view_as_real(torch.tensor([[1, 1], [1, -1]], dtype=torch.complex128)))
        model.W.copy_(torch.tensor([[1.0, -1.0]]))
    return model


def test_two_qubits_by_hand() -> None:
    J, gamma, T = 1.3, 0.4, 1.7
    model, inputs = two_qubits(J, gamma, T), features(1, ("text", "audio"))
    kets = {name: ket[0].detach().numpy() for name, ket in model.encode(inputs).items()}
    x, y, _ = bloch(kets["text"])
    z = bloch(kets["audio"])[2]

    def value(strength: float, rate: float, z: float) -> float:
        """<X(T)> = exp(-2 r T) (x cos J s T - y z sin J s T): the coupling turns the first qubit one way or the other,
        jumps dephase it."""
        return float(
            np.exp(-2 * gamma * rate * T)
            * (x * np.cos(J * strength * T) - y * z * np.sin(J * strength * T))
        )

    def part(of: int, z: float) -> float:
        def slope(s: float, h: float = 1e-5) -> float:
            up, down = (
                (value(s + h, s, z), value(s - h, s, z)),
                (value(s, s + h, z), value(s, s - h, z)),
            )[of]
            return (up - down) / (2 * h)

        return quad(slope, 0, 1, epsabs=1e-12)[0]

    # the other qubit reads z = 1 where it is absent
    found = path_attribution.aumann_shapley(model, inputs, explain.background(model, kind="zero"))
    assert [parameter.key for parameter in found.terms] == [
        "H[text]",
        "H[audio]",
        "H[text+audio]",
        "D[text]",
        "D[audio]",
        "D[text+audio]",
    ]
    alone, joint = found.row("text"), found.row("text+audio")
    # For the reference state x = y = 0, so the baseline is 0 and so is the dividend of audio.
    assert found.parts[[found.row(""), found.row("audio")]] == pytest.approx(0, abs=1e-12)
    assert found.parts[:, [0, 1, 4, 5]] == pytest.approx(0, abs=1e-12)
    assert found.parts[alone, 2:4] == pytest.approx([part(0, 1.0), part(1, 1.0)], abs=1e-8)
    assert found.parts[joint, 2:4] == pytest.approx(
        [part(0, z) - part(0, 1.0), part(1, z) - part(1, 1.0)], abs=1e-8
    )
    assert found.end[joint] == pytest.approx(value(1, 1, z) - value(1, 1, 1.0), abs=1e-12)
    assert found.start == pytest.approx([0, x, 0, 0], abs=1e-12)


def bloch(ket: np.ndarray) -> tuple[float, float, float]:
    a, b = ket
    return 2 * (a.conj() * b).real, 2 * (a.conj() * b).imag, abs(a) ** 2 - abs(b) ** 2


@pytest.mark.parametrize("name", SHIPPED)
def test_parts_of_a_shipped_model_add_up(name: str) -> None:
    found = checkpoint.load(name)
    try:
        dataset = data.load(found.card["data"]["name"])
    except DataUnavailable:
        pytest.skip("the data are not on this machine")
    model, rows = found.model, dataset.rows("test")
    behind = explain.background(
        model, dataset.inputs(dataset.rows("train")[:200], torch.float64), "joint"
    )
    for row in rows[np.linspace(0, len(rows) - 1, 3).astype(int)]:
        inputs = dataset.inputs([row], torch.float64)
        assert_complete(
            path_attribution.aumann_shapley(model, inputs, behind), model, inputs, behind
        )
    many = dataset.inputs(rows[np.linspace(0, len(rows) - 1, 30).astype(int)], torch.float64)
    each = path_attribution.aumann_shapley_per_sample(model, many, behind)
    assert (each.modalities, each.output, each.background) == (
        model.modalities,
        model.outputs[0],
        "joint",
    )
    ends = [
        explain.explain(m, many, behind).dividends[:, :, 0]
        for m in (model.tweaked(Tweak(duration=0.0)), model)
    ]
    assert np.abs(each.parts.sum(-1) - (ends[1] - ends[0])).max() < 1e-8
    joint = [s for s, name in enumerate(each.dividends) if "+" in name]
    assert np.abs(ends[0][:, joint]).max() < 1e-12  # read one by one, all of it is made on the way


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"M": 4, "jumps": 1},
        {"M": 3, "coupling": "local", "jumps": 1},
        {"M": 2, "readout": "joint"},
        {"M": 2, "readout": "single", "read": "audio"},
        {"M": 2, "evolution": "unitary"},
        {"M": 2, "evolution": "dissipative"},
        {"M": 2, "dynamics": "jumps"},
        {"M": 2, "duration": 4.0},
    ],
    ids=str,
)
def test_parts_add_up_and_equal_integrated_slopes(settings: dict) -> None:
    M = settings.pop("M", 3)
    names = ("text", "audio", "vision", "gaze")[:M]
    torch.manual_seed(1)
    model = QuantumJump(
        {name: InputSpec(3) for name in names},
        ("a", "b"),
        **({"dims": 2, "jumps": 2, "measurements": 3} | settings),
    )
    model, inputs = model.double().eval(), features(2, names)
    behind = explain.background(model, features(5, names, seed=2), "joint")
    found = path_attribution.aumann_shapley(model, inputs, behind, 1)
    assert_complete(found, model, inputs, behind, 1)
    assert (found.modalities, found.output, found.count) == (names, "b", 2)
    assert (found.background, found.background_size) == (behind.name, 5)
    assert found.parts == pytest.approx(
        by_slopes(
            model, inputs, behind, found, 1, model.duration, 20 if model.duration > 1 else 12
        ),
        abs=1e-9,
    )


def by_slopes(
    model: Any,
    inputs: dict,
    behind: Any,
    found: path_attribution.PathAttribution,
    output: int,
    T: float,
    nodes: int,
) -> np.ndarray:
    """Gauss-Legendre over the slopes of `sensitivity`. Strength s is duration s T, where f dy/df of a coupling, and
    half of g dy/dg of a dissipation, which acts in second order, is s times the slope on the way."""
    parts = np.zeros_like(found.parts)
    targets = tuple(f"dividend[{name}]" for name in found.dividends)
    before = model.tweak or Tweak()
    x, w = np.polynomial.legendre.leggauss(nodes)
    for s, weight in zip((x + 1) / 2, w / 2, strict=True):
        there = sensitivity.collect_terms(
            model.tweaked(replace(before, duration=s * T)), inputs, behind, output
        )
        slopes = there.slopes(targets)[1]
        for g, parameter in enumerate(found.terms):
            at = [k.key for k in there.parameters].index(parameter.key)
            order = 2 if parameter.kind == "dissipation" else 1
            parts[:, g] += weight * parameter.value * slopes[at] / (order * s)
    return parts


@pytest.mark.parametrize(
    "tweak",
    [
        Tweak(),
        Tweak({"text+audio": 0.0, "text": -2.0}, {"text": 0.0, "audio": 1.5}, 0.7),
    ],
)
def test_parts_equal_differences_of_the_strength_path(tweak: Tweak) -> None:
    names = ("text", "audio")
    model, inputs = jump_model(2, M=2).tweaked(tweak), features(2, names)
    behind = explain.background(model, features(5, names, seed=2), "joint")
    found = path_attribution.aumann_shapley(model, inputs, behind)
    assert_complete(found, model, inputs, behind)
    couplings = {"+".join(k.modalities): k.value for k in found.terms if k.kind == "coupling"}
    dissipations = {"+".join(k.modalities): k.value for k in found.terms if k.kind == "dissipation"}
    parts, h = np.zeros_like(found.parts), 2e-3
    x, w = np.polynomial.legendre.leggauss(4)
    for s, weight in zip((x + 1) / 2, w / 2, strict=True):
        for g, parameter in enumerate(found.terms):
            for step, share in zip((-2, -1, 1, 2), np.array([1, -8, 8, -1]) / 12, strict=True):
                at = {
                    name: f * (s + (step * h if f"H[{name}]" == parameter.key else 0))
                    for name, f in couplings.items()
                }
                there = {
                    name: f * (s + (step * h if f"D[{name}]" == parameter.key else 0)) ** 0.5
                    for name, f in dissipations.items()
                }
                moved = model.tweaked(Tweak(at, there, model.duration))
                parts[:, g] += weight * share / h * dividends(moved, inputs, behind)
    assert np.abs(found.parts - parts).max() < 1e-6 * max(1.0, np.abs(found.parts).max())
    if tweak.duration is not None:
        off = [parameter.key for parameter in found.terms if parameter.value == 0]
        assert off == ["H[text+audio]", "D[text]"]
        assert (
            np.abs(found.parts[:, [parameter.value == 0 for parameter in found.terms]]).max()
            < 1e-15
        )


def test_attribution_over_time_equals_shorter_evolutions() -> None:
    model, inputs = jump_model(3), features(1)
    behind = explain.background(model, features(5, seed=2), "joint")
    times = np.array([0.0, 0.2, 0.5, 1.0])
    found = path_attribution.aumann_shapley(model, inputs, behind, times=times)
    assert np.array_equal(found.times, times)
    assert np.abs(found.over_time[0]).max() < 1e-14
    for t, added in zip(times[1:], found.over_time[1:], strict=True):
        shorter = path_attribution.aumann_shapley(
            model.tweaked(Tweak(duration=float(t))), inputs, behind
        )
        assert np.abs(shorter.parts - added).max() < 1e-10
    through = explain.explain_times(model, inputs, behind, times.tolist()).dividends[:, 0, :, 0]
    assert np.abs(found.start + found.over_time.sum(-1) - through).max() < 1e-10
    h = 1e-4
    near = path_attribution.aumann_shapley(model, inputs, behind, times=[0.5 - h, 0.5, 0.5 + h])
    assert np.abs((near.over_time[2] - near.over_time[0]) / (2 * h) - near.pace[1]).max() < 1e-6
    assert np.abs(found.parts - found.over_time[-1]).max() < 1e-12


def test_local_terms_build_no_joint_terms() -> None:
    model, inputs = jump_model(2), features(1)
    behind = explain.background(model, features(5, seed=2), "joint")
    found = path_attribution.aumann_shapley(model, inputs, behind)
    joint = np.array(["+" in name for name in found.dividends])
    assert np.abs(found.start[joint]).max() < 1e-12
    assert np.abs(found.parts[joint]).max() > 1e-3
    off = {name: 0.0 for name in found.dividends if "+" in name}
    # One jump operator that is a sum over modalities acts on them together: of dissipation, only that of one is local.
    alone = Tweak(
        off, dissipations={name: 0.0 for name in found.dividends if name not in ("", "text")}
    )
    found = path_attribution.aumann_shapley(model.tweaked(alone), inputs, behind)
    assert np.abs(found.parts[joint]).max() < 1e-12
    assert np.abs(found.parts[~joint]).max() > 1e-3


def test_mean_over_classes_uses_each_samples_class() -> None:
    checked = checkpoint.load("qj-parity")
    dataset = data.load("parity")
    model, inputs = checked.model.double().eval(), dataset.inputs(range(12), dtype=torch.float64)
    behind = explain.background(model, dataset.inputs(range(50, 90), dtype=torch.float64), "joint")
    found, each = path_attribution.aumann_shapley_over_classes(model, inputs, behind), []
    with torch.no_grad():
        decided = model(inputs).argmax(-1).tolist()
    assert set(decided) == {0, 1}
    for row, c in enumerate(decided):
        each.append(
            explain.aumann_shapley(model, dataset.inputs([row], dtype=torch.float64), behind, c)
        )
    for field in ("start", "end", "parts", "over_time", "pace"):
        assert np.allclose(
            getattr(found, field), np.mean([getattr(one, field) for one in each], axis=0), atol=1e-9
        )
    assert (found.count, found.output) == (12, "the class decided for")
    one = path_attribution.aumann_shapley_over_classes(
        model, dataset.inputs([decided.index(1)], dtype=torch.float64), behind
    )
    assert (one.count, one.output) == (1, model.outputs[1])  # all are of one class


def test_mean_over_samples_equals_the_mean_of_single_ones() -> None:
    model, inputs = jump_model(2), features(4)
    behind = explain.background(model, features(5, seed=2), "joint")
    each = [
        path_attribution.aumann_shapley(
            model, {name: x[i : i + 1] for name, x in inputs.items()}, behind
        )
        for i in range(4)
    ]
    together = path_attribution.aumann_shapley(model, inputs, behind)
    assert np.abs(together.parts - np.mean([one.parts for one in each], 0)).max() < 1e-12
    assert np.abs(together.pace - np.mean([one.pace for one in each], 0)).max() < 1e-12
    assert together.count == 4


@pytest.mark.parametrize(
    "settings",
    [{}, {"coupling": "local", "jumps": 1}, {"evolution": "unitary"}, {"duration": 3.0}],
    ids=str,
)
def test_batched_samples_equal_single_ones(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = jump_model(2, **settings).tweaked(Tweak({"text+audio": -0.5})), features(5)
    behind = explain.background(model, features(5, seed=2), "joint")
    monkeypatch.setattr(path_attribution, "CHUNK", 2)
    each = explain.aumann_shapley_per_sample(model, inputs, behind, 1)
    assert each.error < 1e-8
    for i in range(5):
        one = path_attribution.aumann_shapley(
            model, {name: x[i : i + 1] for name, x in inputs.items()}, behind, 1
        )
        for ours, theirs in (
            (each.parts[i], one.parts),
            (each.start[i], one.start),
            (each.end[i], one.end),
        ):
            assert np.abs(ours - theirs).max() < 1e-9
    assert (each.terms, each.acts, each.dividends, each.output) == (
        one.terms,
        one.acts,
        one.dividends,
        "b",
    )
    for size, values in zip(each.sizes(), (each.start, each.parts, each.end), strict=True):
        assert size == pytest.approx(np.mean([np.abs(one) for one in values], axis=0))


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (jump_model(2, evolution="none"), 0),
        (jump_model(2).tweaked(Tweak(duration=0.0)), 14),
        (jump_model(2, duration=0.0), 14),
    ],
)
def test_no_evolution_builds_nothing(model: Any, columns: int) -> None:
    inputs, behind = features(2), explain.background(model, features(5, seed=2), "joint")
    found = path_attribution.aumann_shapley(model, inputs, behind)
    assert found.parts.shape == (8, columns)
    assert not found.parts.any()
    assert np.array_equal(found.start, found.end)
    assert found.end == pytest.approx(dividends(model, inputs, behind), abs=1e-12)
    assert list(found.frame().columns) == [
        "dividend",
        "start",
        *(parameter.key for parameter in found.terms),
        "end",
    ]
    each = explain.aumann_shapley_per_sample(model, inputs, behind)
    assert each.parts.shape == (2, 8, columns)
    assert not each.parts.any()
    assert each.end.mean(0) == pytest.approx(found.end, abs=1e-12)


def test_operators_in_chunks_give_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = jump_model(3), features(1)
    behind = explain.background(model, features(5, seed=2), "joint")
    whole = path_attribution.aumann_shapley(model, inputs, behind)
    monkeypatch.setattr(generator_integrals, "MAX_NUMBERS", 1)
    assert (
        np.abs(path_attribution.aumann_shapley(model, inputs, behind).parts - whole.parts).max()
        < 1e-12
    )


def test_tables() -> None:
    model = jump_model(2)
    found = path_attribution.aumann_shapley(
        model,
        features(1),
        explain.background(model, features(5, seed=2), "joint"),
        times=[0.0, 1.0],
    )
    table = found.frame()
    assert table["dividend"].tolist() == ["baseline", *found.dividends[1:]]
    assert table.drop(columns=["dividend", "end"]).sum(axis=1).to_numpy() == pytest.approx(
        table["end"].to_numpy(), abs=1e-10
    )
    through = found.dividend_frame("text+audio")
    assert through["value"].tolist() == pytest.approx([found.start[4], found.end[4]], abs=1e-10)
    assert json.dumps(through.to_dict("list"))
    keys = [parameter.key for parameter in found.terms]
    for g, key in enumerate(keys):
        assert table[key].tolist() == found.parts[:, g].tolist()
        assert through[f"added[{key}]"].tolist() == found.over_time[:, 4, g].tolist()
        assert through[f"pace[{key}]"].tolist() == found.pace[:, 4, g].tolist()
    assert list(through) == [
        "t", "value", *(f"{name}[{key}]" for name in ("added", "pace") for key in keys),
    ]  # fmt: skip
    assert (table["start"].tolist(), through["t"].tolist()) == (found.start.tolist(), [0.0, 1.0])
    joint = {name: abs(found.end[s] - found.start[s]) for s, name in enumerate(found.dividends)}
    assert found.largest_changed_dividend() == max(
        (n for n in joint if "+" in n), key=lambda n: joint[n]
    )
    rows = [0, 5, 2]
    some = replace(
        found,
        dividends=tuple(found.dividends[row] for row in rows),
        start=np.array([0.0, 1.0, 0.0]),
        end=np.array([9.0, 1.1, 8.0]),
    )
    assert some.largest_changed_dividend() == found.dividends[5]  # the others are not joint
    one = replace(some, dividends=("", "text"), start=np.zeros(2), end=np.array([5.0, 1.0]))
    assert one.largest_changed_dividend() == "text"


@pytest.mark.parametrize(("J", "T"), [(1.3, 1.7), (4.0, 3.1), (1.0, 0.05)])
def test_relative_error_above_the_tolerance_is_refused(
    J: float, T: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, inputs = two_qubits(J, 0.4, T), features(2, ("text", "audio"))
    behind = explain.background(model, features(5, ("text", "audio"), seed=2), "joint")
    found = path_attribution.aumann_shapley(model, inputs, behind)
    largest = max(np.abs(found.end).max(), np.abs(found.parts).max())  # there is no bias
    assert found.error > 0
    monkeypatch.setattr(path_attribution, "TOLERANCE", found.error / largest * 1.01)
    path_attribution.aumann_shapley(model, inputs, behind)
    monkeypatch.setattr(path_attribution, "TOLERANCE", found.error / largest * 0.99)
    with pytest.raises(InvalidInput, match=f"an error of {found.error:.1e} for T = {T:g}, where"):
        path_attribution.aumann_shapley(model, inputs, behind)


def test_unresolved_evolution_is_refused_with_the_changed_strengths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generator_integrals, "NODES", (3,))
    learned, inputs = jump_model(2, M=2), features(1, ("text", "audio"))
    background = explain.background(learned, inputs, "joint")
    tweaked = learned.tweaked(Tweak({"text+audio": 10.0}, dissipations={"text": 0.5}))
    for model, strengths in (
        (learned, "(all as learned)"),
        (tweaked, "(H[text+audio] 10, D[text] 0.5)"),
    ):
        message = f"for T = 1 with these strengths {strengths}. Lower"
        with pytest.raises(InvalidInput, match=re.escape(message)):
            path_attribution.aumann_shapley(model, inputs, background)


def test_invalid_input_is_refused_with_instructions() -> None:
    model, inputs = jump_model(2), features(1)
    behind = explain.background(model, features(5, seed=2), "joint")
    network = model_of(3)
    with pytest.raises(InvalidInput, match=r"entangled-qcnn.*Choose a quantum-jump model"):
        path_attribution.aumann_shapley(network, {}, behind)
    with pytest.raises(InvalidInput, match="`output` must lie between 0 and 1"):
        path_attribution.aumann_shapley(model, inputs, behind, 2)
    with pytest.raises(InvalidInput, match=r"`times` must lie in \[0, 1\].*1\.5"):
        path_attribution.aumann_shapley(model, inputs, behind, times=[0.5, 1.5])
    with pytest.raises(InvalidInput, match="ascending"):
        path_attribution.aumann_shapley(model, inputs, behind, times=[0.5, 0.1])
    with pytest.raises(InvalidInput, match="must hold one time"):
        path_attribution.aumann_shapley(model, inputs, behind, times=[])
    with pytest.raises(InvalidInput, match="Make it with this model"):
        path_attribution.aumann_shapley(
            model, inputs, explain.background(jump_model(3), features(5), "joint")
        )
    with pytest.raises(NotFound, match="text\\+audio"):
        path_attribution.aumann_shapley(model, inputs, behind, times=[0.0]).row("text+audoi")
    long = model.tweaked(Tweak({"text+audio": 10.0, "text+audio+vision": 10.0}, duration=20.0))
    with pytest.raises(InvalidInput, match=r"T = 20 .*H\[text\+audio\] 10.*Lower the duration"):
        path_attribution.aumann_shapley(long, inputs, behind)
    with pytest.raises(InvalidInput, match=r"T = 20 .*Lower the duration"):
        path_attribution.aumann_shapley_per_sample(long, inputs, behind)


def test_local_generator_states_the_modalities_of_each_term() -> None:
    model = jump_model(2, coupling="local", jumps=1)
    found = path_attribution.aumann_shapley(
        model, features(1), explain.background(model, features(5, seed=2), "joint")
    )
    acts = dict(zip((parameter.key for parameter in found.terms), found.acts, strict=True))
    assert acts["H[text+vision]"] == acts["D[text+vision]"] == "text+vision"
    assert "D[text+audio+vision]" not in acts
    assert acts["H[audio]"] == "audio"
    assert found.largest_changed_dividend() in (
        "text+audio",
        "text+vision",
        "audio+vision",
        "text+audio+vision",
    )


def test_stacked_areas_span_negative_to_positive_parts() -> None:
    times = np.linspace(0, 1, 11)
    added = np.outer(times, [0.3, -0.2, 0.1, 0.05, -0.01, 0.02, 0.04, -0.03])
    titles = [f"term {g}" for g in range(8)]
    drawn = term_effects.attribution_areas(
        times, added, titles, ["#112233"] * 8, "text+audio", start=0.5
    )
    filled = [trace for trace in drawn.data if trace.fill == "toself"]
    assert [trace.name for trace in filled if trace.showlegend] == [
        "term 0",
        "term 2",
        "term 3",
        "term 6",
        "2 others",
        "term 1",
        "term 7",
    ]
    # The last places of the top and of the bottom: all that was added, and all that was taken away, by terms or by all
    # others together.
    ends = [
        float(np.max(trace.y) if np.max(trace.y) > 0.5 else np.min(trace.y)) for trace in filled
    ]
    assert max(ends) == pytest.approx(0.5 + 0.3 + 0.1 + 0.05 + 0.04 + 0.01)
    assert min(ends) == pytest.approx(0.5 - 0.2 - 0.03)
    line = next(trace for trace in drawn.data if trace.name == "text + audio")
    assert np.asarray(line.y) == pytest.approx(0.5 + added.sum(1))
    rounded = added + 1e-17 * np.sin(np.arange(added.size)).reshape(
        added.shape
    )  # of either sign, as machines do it
    again = term_effects.attribution_areas(
        times, rounded, titles, ["#112233"] * 8, "text+audio", start=0.5
    )
    assert [trace.name for trace in again.data] == [trace.name for trace in drawn.data]


def test_flow_bands_are_proportional_to_the_parts() -> None:
    parts, start = np.array([[0.0], [0.1], [0.0], [-0.4]]), np.array([0.2, 0.3, 0.0, 0.0])
    drawn = generator_attribution.attribution_flow(
        ["", "text", "audio", "text+audio"],
        ["text–audio"],
        ["#112233"],
        ["text+audio"],
        parts,
        start,
        start + parts[:, 0],
        ("text", "audio"),
    )
    # both corners of one end
    wide = {
        trace.text: np.ptp(np.asarray(trace.y)[[0, 39]])
        for trace in drawn.data
        if trace.fill == "toself"
    }
    per = wide["text–audio → text + audio: −0.400"] / 0.4
    assert wide == pytest.approx(
        {
            "text → without evolution: 0.300": 0.3 * per,
            "without evolution → baseline: +0.200": 0.2 * per,
            "without evolution → text: +0.300": 0.3 * per,
            "text → text–audio: 0.250": 0.25 * per,
            "audio → text–audio: 0.250": 0.25 * per,
            "text–audio → text: +0.100": 0.1 * per,
            "text–audio → text + audio: −0.400": 0.4 * per,
            "baseline → score: +0.200": 0.2 * per,
            "text → score: +0.400": 0.4 * per,
            "text + audio → score: −0.400": 0.4 * per,
        }
    )


def test_matrix_marks_empty_entries() -> None:
    model = jump_model(2, evolution="none")
    found = path_attribution.aumann_shapley(
        model, features(1), explain.background(model, features(5, seed=2), "joint")
    )
    drawn = generator_attribution.attribution_matrix(
        found.dividends, [], found.parts, found.start, found.end
    )
    assert "Nothing evolves" in drawn.layout.annotations[0].text
    assert len(
        generator_attribution.attribution_flow(
            found.dividends, [], [], [], found.parts, found.start, found.end, found.modalities
        ).data
    )
    assert len(
        term_effects.attribution_areas(
            found.times, found.over_time[:, 4], [], [], found.dividends[4]
        ).data
    )
    with pytest.raises(InvalidInput, match=r"`parts` must have shape \(8, 1\)"):
        generator_attribution.attribution_matrix(
            found.dividends, ["one"], found.parts, found.start, found.end
        )


def test_command_line_draws_path_attribution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other views, with their numbers, in tests/test_figures.py."""
    from qfusion.cli import app

    out = tmp_path / "x.svg"
    with pytest.raises(SystemExit) as ended:
        app(
            [
                "figure",
                "--model",
                "qj-parity",
                "--sample",
                "pair-6611",
                "--view",
                "built-over-time",
                "--out",
                str(out),
                "--caption",
                "--json",
            ]
        )
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["numbers"]
    assert "Shows" in out.read_text()


def test_sentence_names_the_largest_part() -> None:
    model = jump_model(2)
    behind = explain.background(model, features(5, seed=2), "joint")
    found = path_attribution.aumann_shapley(model, features(1), behind)
    joint = np.array(["+" in name for name in found.dividends])
    most = found.terms[int(np.abs(found.parts[joint]).sum(0).argmax())].title
    assert f"% of the change by {most}" in describe_building(found)
    assert "from 0.00 to " in describe_building(found)
    # by numbers that are put there: of the joint ones, or of those of one modality alone where there are no others
    made = replace(
        found,
        dividends=("", "text", "text+audio", "text+vision"),
        terms=found.terms[:3],
        start=np.array([9.0, 8.0, -0.5, 0.25]),
        end=np.array([7.0, 6.0, 1.0, -2.0]),
        parts=np.array([[9, 9, 9], [7, 7, 7], [0.0, 2.0, -1.0], [0.5, -3.5, 1.0]]),
    )
    first, second = found.terms[1].title, found.terms[2].title
    assert describe_building(made) == (
        f"The dynamics take the joint contributions from 0.75 to 3.00: 69% of the change by {first}, 25% by {second}"
    )
    single = replace(
        made,
        dividends=("", "text"),
        start=made.start[:2],
        end=made.end[:2],
        parts=np.array([[9, 9, 9], [0.003, 0.997, 0.0]]),
    )
    assert describe_building(single) == (
        f"The dynamics take the contribution from 8.00 to 6.00: more than 99% of the change by {first}"
    )
    two = replace(single, parts=np.array([[9, 9, 9], [0.0, 0.99, -0.01]]))
    assert describe_building(two).endswith(f": 99% of the change by {first}, 1% by {second}")
    assert describe_building(replace(two, parts=two.parts * 1e-9)).endswith(
        "do not change the contribution"
    )
    off = {name: 0.0 for name in found.dividends if "+" in name}
    alone = model.tweaked(Tweak(off, dissipations=off | {"audio": 0.0, "vision": 0.0}))
    nothing = path_attribution.aumann_shapley(alone, features(1), behind)
    assert describe_building(nothing) == "The dynamics do not change the joint contributions"
    still = jump_model(2, evolution="none")
    assert describe_building(
        path_attribution.aumann_shapley(still, features(1), behind)
    ).startswith("No evolution")


def test_programs_reproduce_the_tables(planted: Any) -> None:
    sample = str(planted.ids[planted.rows("test")[2]])
    address = {"model": "qj-planted", "data": "planted", "sample": sample}
    one = opening.open_sample("qj-planted", sample, planted)
    names: dict[str, Any] = {}
    for panel in ("built", "built-flow", "built-over-time"):
        exec(rendering.program("Dynamics", panel, address), names)
        pd.testing.assert_frame_equal(names["numbers"], one.show(panel).numbers, atol=1e-10)
    exec(rendering.program("Dynamics", "built-over-time", {**address, "built": "text"}), names)
    assert names["numbers"]["value"].iloc[-1] == pytest.approx(one.dividends["text"], abs=1e-10)
    study = opening.build_study("qj-planted", one.study.card, one.study.model, planted)
    exec(rendering.program("Dynamics", "built", {**address, "builtof": "all test samples"}), names)
    mean = physics_terms.generator_attribution(study, planted.rows("test"), 0)
    assert mean.count == len(planted.rows("test"))
    pd.testing.assert_frame_equal(names["numbers"], built_table(mean), atol=1e-10)
    rows = planted.rows("test")[:5]
    assert physics_terms.generator_attribution(study, rows, 0).count == 5
    assert (
        physics_terms.generator_attribution(study, rows, 0, LEARNED)
        .frame()
        .equals(physics_terms.generator_attribution(study, rows, 0).frame())
    )
    weaker = physics_terms.generator_attribution(study, rows, 0, Tweak(duration=0.0))
    assert not weaker.parts.any()


def test_products_of_polynomials_are_integrated_exactly() -> None:
    p, q = 8, 7
    integrals, back = generator_integrals.product_integrals(p, q)
    z = np.polynomial.legendre.leggauss(p + q - 1)[0]
    s, w = np.polynomial.legendre.leggauss(40)
    for place, k, l in itertools.product(range(p + q - 1), range(p), range(q)):
        t, ours = (z[place] + 1) / 2, integrals.reshape(-1, p, q)[place, k, l]
        T_k, T_l = np.polynomial.Chebyshev.basis(k), np.polynomial.Chebyshev.basis(l)
        whole = w @ (T_k(t * (s + 1) - 1) * T_l(2 * t * (1 - (s + 1) / 2) - 1)) / 2
        assert ours == pytest.approx(whole, abs=1e-13)
    coefficients = np.random.default_rng(0).normal(size=p + q - 1)
    assert back @ np.polynomial.legendre.legval(z, coefficients) == pytest.approx(
        coefficients, abs=1e-12
    )
