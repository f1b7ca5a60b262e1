"""Slopes against finite differences, knock-outs against edited models, laws, invalid input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import sensitivity as method
from qfusion.models import EntangledQCNN, QuantumJump, Tweak
from qfusion.models.network.truth_tables import fused_entropy
from qfusion.models.terms import spread_places
from qfusion.quantum.measure_kinds import measures_over_time
from qfusion.quantum.states import density
from qfusion.views.sensitivity import describe_undefined_slopes
from tests.support.entangled import model_of
from tests.support.sensitivity_models import (
    NAMES,
    STEPS,
    WEIGHTS,
    features,
    jump_model,
    table_with,
    with_factor,
)

TERMS = ["+".join(s) for n in (1, 2, 3) for s in itertools.combinations(NAMES, n)]
AHEAD, AHEAD_WEIGHTS = (
    np.arange(5),
    np.array([-25, 48, -36, 16, -3]) / 12,
)  # one-sided, fourth order


@torch.no_grad()
def answers(
    model: Any, inputs: dict, background: Any, targets: tuple[str, ...], output: int
) -> np.ndarray:
    """The targets by the library's other functions, averaged over the samples."""
    e = explain.explain(model, inputs, background)
    found = {"score": e.prediction[:, output].mean()}
    found |= {
        f"dividend[{name}]": e.dividends[:, s, output].mean() for s, name in enumerate(e.coalitions)
    }
    if isinstance(model, EntangledQCNN):
        entropy = fused_entropy(model.fuse(model.encode(inputs))[0]).mean(0)
        found |= {f"entropy[{i}]": float(value) for i, value in enumerate(entropy)}
    else:
        rho = model.evolve_states(
            density(model.product_state(model.encode(inputs))), [model.duration]
        )[0]
        found |= {
            key: value.mean()
            for key, value in measures_over_time(rho, model.dims, model.modalities)
            .columns()
            .items()
        }
    return np.array([found[name] for name in targets])


def differences(
    model: Any, parameter: method.Parameter, ask: Callable[[Any], np.ndarray], h: float
) -> np.ndarray:
    ahead = parameter.value == 0 and parameter.kind in ("dissipation", "duration")
    steps, weights = (AHEAD, AHEAD_WEIGHTS) if ahead else (STEPS, WEIGHTS)
    return (
        sum(
            w * ask(with_factor(model, parameter, parameter.value + float(s) * h))
            for s, w in zip(steps, weights, strict=True)
        )
        / h
    )


def assert_slopes_and_effects(
    model: Any,
    inputs: dict,
    background: Any,
    targets: tuple[str, ...] | None = None,
    *,
    output: int = 1,
    h: float = 4e-3,
    keys: tuple[str, ...] | None = None,
    every: int | None = None,
) -> method.Sensitivity:
    """Asks all parameters, those of some `keys`, or so many of them, evenly spread."""
    found = method.sensitivity(model, inputs, background, output=output, targets=targets)
    few = None if every is None else np.linspace(0, len(found.parameters) - 1, every).round()
    before = answers(model, inputs, background, found.targets, output)
    assert np.abs(found.values - before).max() < 1e-11
    for place, parameter in enumerate(found.parameters):
        if (keys is not None and parameter.key not in keys) or (
            few is not None and place not in few
        ):
            continue
        expected = differences(
            model, parameter, lambda m: answers(m, inputs, background, found.targets, output), h
        )
        scale = (
            np.abs(found.slopes).max(0) + 1e-6
        )  # a slope near zero is measured against the largest of its target
        assert np.all(
            np.abs(found.slopes[place] - expected) <= 1e-6 * np.maximum(np.abs(expected), scale)
        ), parameter
        removed = (
            answers(with_factor(model, parameter, 0.0), inputs, background, found.targets, output)
            - before
        )
        assert np.abs(found.effects[place] - removed).max() < 1e-10, parameter
    return found


# One of each kind, where each is slow.
KINDS = ("H[audio]", "H[text+audio+vision]", "D[text+audio]", "T", "W[vision,3]")


@pytest.mark.parametrize("d", [2, 3])
def test_jump_slopes_equal_finite_differences(d: int) -> None:
    model = jump_model(d)
    background = explain.background(model, features(5, seed=2), "joint")
    few: dict[str, Any] = {"keys": KINDS} if d > 2 else {"every": 12}
    found = assert_slopes_and_effects(model, features(2), background, **few)
    assert len(found.parameters) == 7 + 7 + 1 + 3 * 3
    titles = [parameter.title for parameter in found.parameters]
    assert titles[:4] == ["H: text", "H: audio", "H: vision", "H: text + audio"]
    assert titles[6:8] == ["H: text + audio + vision", "dissipation: text"]
    assert titles[13:15] == ["dissipation: text + audio + vision", "duration T"]
    assert titles[15] == "measurement vector 1 of text"
    assert len(found.targets) == 1 + 8 + 6


@pytest.mark.parametrize("kind", ["product", "mixed", "zero"])
def test_other_backgrounds(kind: str) -> None:
    model = jump_model(2)
    assert_slopes_and_effects(
        model,
        features(2),
        explain.background(model, features(5, seed=2), kind),
        ("score", "dividend[]", "dividend[text+audio]"),
        keys=("H[text+audio]", "D[audio]", "W[1]"),
    )


# of each kind what the sliders below move, and what they leave
MOVED = (
    *("H[text]", "H[vision]", "H[text+audio]", "H[audio+vision]"),
    *("D[text]", "D[audio]", "D[audio+vision]", "T", "W[vision,1]"),
)


@pytest.mark.parametrize(
    "tweak",
    [
        Tweak({"text+audio": 0.0, "text": -2.0}, {"text": 0.0, "audio+vision": 2.5}, 0.7),
        Tweak({}, dict.fromkeys(TERMS, 0.0), 1.4),
    ],
)
def test_slopes_at_slider_values(tweak: Tweak) -> None:
    model = jump_model(2).tweaked(tweak)
    targets = tuple(
        name for name in method.target_names(model) if not name.startswith("negativity")
    )
    found = assert_slopes_and_effects(
        model,
        features(2),
        explain.background(model, features(5, seed=2), "joint"),
        targets,
        h=2e-3,
        keys=MOVED,
    )
    values = [parameter.value for parameter in found.parameters if parameter.kind == "dissipation"]
    assert values == [tweak.dissipations.get(term, 1.0) for term in TERMS]
    (duration,) = (parameter.value for parameter in found.parameters if parameter.key == "T")
    assert duration == pytest.approx(1.0 if tweak.duration is None else tweak.duration)


def test_slopes_for_zero_duration() -> None:
    model = jump_model(2).tweaked(Tweak(duration=0.0))
    background = explain.background(model, features(5, seed=2), "joint")
    assert_slopes_and_effects(
        model, features(2), background, ("score", "dividend[text]"), keys=KINDS
    )
    found = method.sensitivity(model, features(2), background, targets=["entropy[text]"])
    assert np.isnan(found.slopes[0, 0])
    assert "infinite slope" in describe_undefined_slopes(found)


@pytest.mark.parametrize(
    "settings",
    [
        {"evolution": "unitary"},
        {"evolution": "dissipative"},
        {"evolution": "none"},
        {"coupling": "local"},
        {"duration": 2.5},
    ],
)
def test_every_form_of_the_model(settings: dict[str, Any]) -> None:
    model = jump_model(2, **settings)
    targets = (
        "score",
        "dividend[text+vision]",
        *(() if settings.get("evolution") in ("none", "unitary") else ("entropy[audio]",)),
    )
    found = assert_slopes_and_effects(
        model,
        features(2),
        explain.background(model, features(5, seed=2), "joint"),
        targets,
        every=5,
    )
    kinds = {parameter.kind for parameter in found.parameters}
    assert ("dissipation" in kinds) == (settings.get("evolution") not in ("unitary", "none"))
    assert ("coupling" in kinds) == (
        settings.get("evolution") != "none"
    )  # of traceless L_k, where H is not learned


def test_slope_of_time_is_the_sum_over_terms() -> None:
    model = jump_model(3).tweaked(Tweak({"text+audio": 1.7}, {"audio": 0.3}, 1.2))
    found = method.sensitivity(
        model, features(2), explain.background(model, features(5, seed=2), "joint")
    )
    value = np.array([parameter.value for parameter in found.parameters])
    kind = np.array([parameter.kind for parameter in found.parameters])
    order = np.select(
        [kind == "coupling", kind == "dissipation"], [1.0, 0.5]
    )  # the dissipator is of second order
    together = (order[:, None] * value[:, None] * found.slopes).sum(0)
    assert np.allclose(
        value[kind == "duration"] * found.slopes[kind == "duration"], together, atol=1e-10
    )


def test_dividends_add_up_to_the_score_and_a_cohort_to_its_mean() -> None:
    model = jump_model(2)
    background = explain.background(model, features(5, seed=2), "joint")
    whole = method.sensitivity(model, features(2), background)
    dividends = [j for j, name in enumerate(whole.targets) if name.startswith("dividend")]
    for numbers in (whole.slopes, whole.effects, whole.values[None]):
        assert np.allclose(numbers[:, dividends].sum(1), numbers[:, 0], atol=1e-12)
    single = [
        method.sensitivity(model, {k: v[i : i + 1] for k, v in features(2).items()}, background)
        for i in range(2)
    ]
    assert np.allclose(np.mean([s.slopes for s in single], 0), whole.slopes, atol=1e-12)
    assert np.allclose(np.mean([s.effects for s in single], 0), whole.effects, atol=1e-12)


def test_mean_slope_along_the_path_equals_the_effect() -> None:
    model = jump_model(3)
    background = explain.background(model, features(5, seed=2), "joint")
    found = method.sensitivity(model, features(2), background, targets=["score"])
    for key in ("H[text+audio+vision]", "D[text+audio]", "T", "W[audio,2]"):
        way = method.response(model, features(2), background, key, nodes=8)
        assert abs(-way.mean_slope * way.parameter.value - way.effect) < 1e-10
        assert way.values[0] - way.values[-1] == way.effect
        assert way.values[-1] == pytest.approx(
            answers(model, features(2), background, ("score",), 0)[0], abs=1e-11
        )
        assert way.factors[0] == 0
        assert way.factors[-1] == way.parameter.value == 1
        assert np.isclose(
            found.effects[[k.key for k in found.parameters].index(key), 0], way.effect, atol=1e-12
        )


def test_response_runs_from_zero_to_the_current_strength() -> None:
    """Values and slopes at each factor are those of the model put there."""
    model = jump_model(2, 2).tweaked(Tweak({"text": -1.5}))
    names = ("text", "audio")
    x, background = features(2, names), explain.background(model, features(4, names, 2), "joint")
    target = "dividend[text+audio]"
    way = method.response(model, x, background, "H[text]", target, output=1, nodes=3)
    assert way.factors == pytest.approx(
        [0.0, *(-0.75 * (1 + t) for t in (-(0.6**0.5), 0.0, 0.6**0.5)), -1.5]
    )
    assert way.parameter == method.Parameter("H[text]", "H: text", "coupling", ("text",), -1.5)
    for factor, value, slope in zip(way.factors, way.values, way.slopes, strict=True):
        there = model.tweaked(Tweak({"text": float(factor)}))
        values, slopes = method.collect_terms(there, x, background, 1).slopes([target])
        assert value == pytest.approx(values[0], abs=1e-12)
        assert slope == pytest.approx(slopes[0, 0], abs=1e-12)
    assert way.effect == pytest.approx(way.values[0] - way.values[-1])
    assert way.mean_slope == pytest.approx(way.slopes[1:4] @ [5 / 18, 8 / 18, 5 / 18])


@pytest.mark.parametrize(
    "model",
    [jump_model(2).tweaked(Tweak({"text": 0.0, "text+audio": 1.5})), model_of(4, 2)],
    ids=["quantum-jump", "entangled-qcnn"],
)
def test_slope_half_way_equals_that_of_the_halved_term(model: Any) -> None:
    names = tuple(model.modalities)
    inputs, background = (
        features(2, names),
        explain.background(model, features(5, names, 2), "joint"),
    )
    half = method.half_way(model, inputs, background)
    terms = [*enumerate(method.collect_terms(model, inputs, background).parameters)]
    for place, term in terms[::3]:
        expected = differences(
            model,
            term._replace(value=term.value / 2),
            lambda m: answers(m, inputs, background, ("score",), 0),
            1e-3,
        )
        assert np.isclose(half[place], -term.value * expected[0], rtol=1e-6, atol=1e-9), term


@pytest.mark.parametrize(
    ("n", "M", "block"), [(4, 2, "su4"), (5, 3, "so4"), (3, 4, "circuit9"), (6, 2, "ttn")]
)
def test_network_slopes_equal_finite_differences(n: int, M: int, block: str) -> None:
    model = model_of(n, M, block=block)
    names = tuple(model.modalities)
    background = explain.background(model, features(4, names, 2), "joint")
    found = assert_slopes_and_effects(model, features(2, names), background, h=1e-3, every=8)
    layers, heads = len(model.network.convolution), model.network.head.shape[1]
    assert len(found.parameters) == n * (1 + M) + 2 * layers + heads


@pytest.mark.parametrize("kind", ["joint", "product"])
def test_a_network_moved_and_its_response(kind: str) -> None:
    model = model_of(4, 2)
    inputs, background = (
        features(3, ("v0", "v1")),
        explain.background(model, features(4, ("v0", "v1"), 2), kind),
    )
    ways = {"fusion[1]": 12, "say[2:v1]": 12, "convolution[0]": 12, "head[3]": 3}
    for key, nodes in ways.items():
        way = method.response(model, inputs, background, key, "dividend[v0+v1]", nodes=nodes)
        assert abs(-way.mean_slope * way.parameter.value - way.effect) < 1e-9
    assert np.allclose(way.slopes, way.slopes[0])  # linear in the head


def test_fusion_removed_ignores_every_modality() -> None:
    model = model_of(4, 2)
    x, y = features(1, ("v0", "v1")), features(1, ("v0", "v1"), 9)
    for i in range(4):
        model = model.with_angles(
            table_with(model, method.Parameter(f"fusion[{i}]", "", "fusion", (), 1.0), 0.0)
        )
    assert torch.allclose(model(x), model(y))


@pytest.mark.parametrize("spread", [0.0, 1e-6])
def test_entropy_of_a_pure_fused_qubit_has_no_slope(spread: float) -> None:
    """Nor that of one that is pure but for rounding."""
    model = model_of(4, 2)
    phi = model.phi.detach().clone()
    phi[0] = 1.0 + spread * torch.arange(4)
    found = method.sensitivity(
        model.with_angles(phi),
        features(1, ("v0", "v1")),
        explain.background(model, features(4, ("v0", "v1"), 2), "joint"),
        targets=["entropy[0]", "entropy[1]"],
    )
    keys = [parameter.key for parameter in found.parameters]
    infinite = {key for key, slope in zip(keys, found.slopes[:, 0], strict=True) if np.isnan(slope)}
    assert infinite == {"fusion[0]", "say[0:v0]", "say[0:v1]"}
    assert np.isfinite(found.slopes[:, 1]).all()
    assert found.has_undefined_slopes


def test_table_states_agreement() -> None:
    model = jump_model(2)
    found = method.sensitivity(
        model, features(1), explain.background(model, features(5, seed=2), "joint")
    )
    table = found.frame("score").set_index("key")
    assert table.loc["W[text,1]", "same_sign"]
    assert np.isclose(
        table.loc["W[text,1]", "removed"], 10 * table.loc["W[text,1]", "ten_percent_weaker"]
    )
    assert (
        table["same_sign"] == (np.sign(table["ten_percent_weaker"]) == np.sign(table["removed"]))
    ).all()


def test_names_of_terms() -> None:
    """Key, title, kind, modalities and factor of all terms, of a model of each kind."""
    model = jump_model(2, duration=2.5).tweaked(Tweak({"text+audio": 1.7}, {"audio": 0.3}, 0.7))
    terms = method.collect_terms(
        model, features(1), explain.background(model, features(5, seed=2), "joint")
    )
    wanted: list[tuple] = []
    for letter, title, kind, moved in (
        ("H", "H", "coupling", {"text+audio": 1.7}),
        ("D", "dissipation", "dissipation", {"audio": 0.3}),
    ):
        for name in TERMS:
            members = tuple(name.split("+"))
            wanted.append(
                (
                    f"{letter}[{name}]",
                    f"{title}: {' + '.join(members)}",
                    kind,
                    members,
                    moved.get(name, 1.0),
                )
            )
    wanted.append(("T", "duration T", "duration", (), 0.7 / 2.5))
    for name in NAMES:
        for j in (1, 2, 3):
            title = f"measurement vector {j} of {name}"
            wanted.append((f"W[{name},{j}]", title, "measurement", (name,), 1.0))
    assert [tuple(term) for term in terms.parameters] == wanted
    assert terms.factors.tolist() == [term[-1] for term in wanted]
    moved = terms.with_parameter(3, 0.25)
    assert moved.factors.tolist() == [0.25 if i == 3 else t[-1] for i, t in enumerate(wanted)]
    assert moved.parameters[3] == terms.parameters[3]._replace(value=0.25)
    assert terms.parameters[3].value == 1.7

    network = model_of(3, 2)
    behind = explain.background(network, features(4, ("v0", "v1"), 2), "joint")
    terms = method.collect_terms(network, features(1, ("v0", "v1")), behind)
    names = [f"‘{name}’" for name in network.outputs]
    if not network.elements_are_classes:
        names = [f"element {i}" for i in range(3)]
    wanted = [(f"fusion[{i}]", f"fusion of {names[i]}", "fusion", (), 1.0) for i in range(3)]
    for name in ("v0", "v1"):
        wanted += [
            (f"say[{i}:{name}]", f"weight of {name} in {names[i]}", "say", (name,), 1.0)
            for i in range(3)
        ]
    layers = len(network.network.convolution)
    for kind, title in (("convolution", "convolution block"), ("pooling", "pooling")):
        wanted += [(f"{kind}[{i}]", f"{title} of layer {i}", kind, (), 1.0) for i in range(layers)]
    words = [
        f"outcome {bits:0{len(network.network.retained)}b}"
        for bits in range(2 ** len(network.network.retained))
    ]
    words += [f"⟨Z⟩ of qubit {q}" for q in network.network.measured]
    wanted += [(f"head[{i}]", f"head: {word}", "head", (), 1.0) for i, word in enumerate(words)]
    assert [tuple(term) for term in terms.parameters] == wanted
    assert terms.factors.tolist() == [1.0] * len(wanted)


@pytest.mark.parametrize(
    "model", [jump_model(2, 2), model_of(3, 2)], ids=["quantum-jump", "entangled-qcnn"]
)
def test_evenly_spaced_samples_of_a_cohort_are_followed(model: Any) -> None:
    """The first and the last among them; what is asked of these alone is the same."""
    names = tuple(model.modalities)
    x, background = features(31, names), explain.background(model, features(3, names, 2), "joint")
    few, kind = (12, "entropy") if isinstance(model, QuantumJump) else (24, "dividend")
    targets = [
        name for name in method.target_names(model) if name == "score" or name.startswith(kind)
    ][:3]
    found = method.sensitivity(model, x, background, targets=targets)
    assert found.samples.tolist() == [31 if name == "score" else few for name in targets]
    assert (found.background, found.background_size, found.targets) == ("joint", 3, tuple(targets))
    places = [round(i * 30 / (few - 1)) for i in range(few)]
    some = method.sensitivity(
        model, {k: v[places] for k, v in x.items()}, background, targets=targets
    )
    for j, name in enumerate(targets):
        if name != "score":
            for ours, theirs in (
                (found.values, some.values),
                (found.slopes.T, some.slopes.T),
                (found.effects.T, some.effects.T),
            ):
                assert ours[j] == pytest.approx(theirs[j], nan_ok=True)
    assert found.values[0] == pytest.approx(model(x)[:, 0].mean().item())
    for count, most in ((1, 12), (12, 12), (13, 12), (100, 7), (60, 90)):
        spread = spread_places(count, most)
        assert len(spread) == min(count, most)
        assert (spread[0], spread[-1]) == (0, count - 1)
        assert np.ptp(np.diff(spread), axis=0) <= 1 if len(spread) > 1 else True


def test_table_uses_the_requested_target() -> None:
    model = jump_model(2, 2).tweaked(Tweak({"text": -1.5}))
    names = ("text", "audio")
    found = method.sensitivity(
        model, features(2, names), explain.background(model, features(5, names, 2), "joint")
    )
    for j, target in enumerate(found.targets):
        table = found.frame(target)
        assert table["term"].tolist() == [term.title for term in found.parameters]
        assert table["kind"].tolist() == [term.kind for term in found.parameters]
        assert table["key"].tolist() == [term.key for term in found.parameters]
        assert table["factor"].tolist() == [term.value for term in found.parameters]
        assert table["slope"].tolist() == pytest.approx(found.slopes[:, j].tolist(), nan_ok=True)
        assert table["removed"].tolist() == found.effects[:, j].tolist()
        for i, term in enumerate(found.parameters):
            straight = -term.value * found.slopes[i, j]
            assert table["ten_percent_weaker"][i] == pytest.approx(
                -0.1 * found.slopes[i, j], nan_ok=True
            )
            assert table["same_sign"][i] == (np.sign(straight) == np.sign(found.effects[i, j]))
    with pytest.raises(NotFound, match="Target"):
        found.frame("beauty")


def test_invalid_input_is_refused() -> None:
    model, network = jump_model(2), model_of(4, 3)
    background = explain.background(model, features(5, seed=2), "joint")
    with pytest.raises(NotFound, match="Target"):
        method.sensitivity(model, features(1), background, targets=["beauty"])
    with pytest.raises(InvalidInput, match="output"):
        method.sensitivity(model, features(1), background, output=2)
    with pytest.raises(NotFound, match="Term"):
        method.response(model, features(1), background, "H[smell]")
    with pytest.raises(NotFound, match="Target"):
        method.response(model, features(1), background, "H[text]", "beauty")
    with pytest.raises(NotFound, match="Target"):
        method.half_way(model, features(1), background, "beauty")
    with pytest.raises(InvalidInput, match="removed already"):
        method.response(model.tweaked(Tweak({"text": 0.0})), features(1), background, "H[text]")
    with pytest.raises(InvalidInput, match="another kind"):
        method.sensitivity(network, features(1, ("v0", "v1", "v2")), background)


@pytest.mark.parametrize(
    "model", [jump_model(2), model_of(4, 3)], ids=["quantum-jump", "entangled-qcnn"]
)
def test_scores_of_other_samples_without_a_term(model: Any) -> None:
    names = tuple(model.modalities)
    system = method.collect_terms(
        model, features(1, names), explain.background(model, features(5, names, 2), "joint")
    )
    assert system.output == 0
    found = system.scores_without(features(6, names, 3))
    assert found.shape == (len(system.parameters), 6, len(model.outputs))
    with torch.no_grad():
        for place, parameter in enumerate(system.parameters):
            assert np.allclose(
                found[place],
                with_factor(model, parameter, 0.0)(features(6, names, 3)).numpy(),
                atol=1e-11,
            ), parameter


@pytest.mark.parametrize(
    ("n", "M", "block"), [(4, 2, "su4"), (3, 3, "so4"), (3, 4, "circuit9"), (2, 5, "ttn")]
)
def test_network_slopes_with_the_product_background(n: int, M: int, block: str) -> None:
    model = model_of(n, M, block=block)
    names = tuple(model.modalities)
    background = explain.background(model, features(4, names, 2), "product")
    assert_slopes_and_effects(model, features(2, names), background, h=1e-3, every=12)
