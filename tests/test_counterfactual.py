"""Counterfactuals: nearest states, donors and parameters, verified against random search, gradient descent and
corners."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import coalitions, counterfactual, sensitivity
from qfusion.models import InputSpec, QuantumJump, Tweak, build, terms
from qfusion.models.jump import flips
from qfusion.models.network import truth_tables
from qfusion.quantum.decomposition import subsets
from qfusion.views.flips import describe_ranges
from tests.support.entangled import model_of


def jump(
    M: int = 2, outputs: tuple[str, ...] = ("y",), dims: tuple[int, ...] = (3, 2, 4), seed: int = 0
) -> QuantumJump:
    torch.manual_seed(seed)
    names = ["text", "audio", "vision"][:M]
    made = QuantumJump({name: InputSpec(3) for name in names}, outputs, dims=dims[:M], jumps=2)
    model = made.double().eval()
    model.bias.data[:] = torch.randn(len(outputs)).double() * 0.1
    return model


def features(model: object, count: int = 1, seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: 2 * torch.randn(count, 3, dtype=torch.float64, generator=generator)
        for name in model.modalities
    }  # type: ignore[attr-defined]


MODELS = [
    jump(),
    jump(3, ("a", "b", "c"), seed=3),
    model_of(4, 2),
    model_of(3, 3, 1),
    model_of(4, 4),
]


@pytest.mark.parametrize(
    "model", MODELS, ids=lambda m: f"{m.kind}-{len(m.modalities)}-{len(m.outputs)}"
)
def test_forms_give_scores_and_dividends_of_other_states(model) -> None:
    x, rows = features(model), features(model, 6, 2)
    background = explain.background(model, rows, "joint")
    states, others = (
        counterfactual.encode_samples(model, x),
        counterfactual.encode_samples(model, features(model, 5, 9)),
    )
    for name in model.modalities:
        changed = {n: others[n] if n == name else states[n].expand(5, -1) for n in model.modalities}
        direct = counterfactual.score_encodings(model, changed)
        assert torch.allclose(
            counterfactual.value(counterfactual.score_form(model, states, name), others[name]),
            direct,
            atol=1e-10,
        )
        found = coalitions.explain_states(model, changed, background)
        by_form = counterfactual.value(
            counterfactual.dividend_forms(model, x, background, name), others[name]
        )
        assert np.abs(by_form.detach().numpy() - found.dividends).max() < 1e-10


def random_kets(
    count: int, d: int, around: torch.Tensor, spread: float, seed: int = 0
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, d, 2, dtype=torch.float64, generator=generator)
    kets = around + spread * torch.view_as_complex(noise)
    return kets / torch.linalg.vector_norm(kets, dim=-1, keepdim=True)


@torch.no_grad()
def scores_at(model, states: dict[str, torch.Tensor]) -> np.ndarray:
    """The scores of one sample's states, by the model itself."""
    return model.scores(states)[0].numpy()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("outputs", [("y",), ("a", "b", "c")])
def test_nearest_ket_flips_the_decision_and_no_random_ket_is_nearer(
    outputs: tuple[str, ...], seed: int
) -> None:
    model = jump(2, outputs, seed=seed)
    states = counterfactual.encode_samples(model, features(model, 1, seed))
    for name in model.modalities:
        found = counterfactual.nearest_state(model, states, name)
        own = states[name]
        form = counterfactual.score_form(model, states, name).detach()
        tried = torch.cat(
            [random_kets(4000, own.shape[-1], own[0], s, seed) for s in (0.02, 0.1, 0.3, 1, 30)]
        )
        scores = counterfactual.value(form, tried).numpy()
        held = terms.decision(found.before)
        turns = np.array([terms.decision(s) != held for s in scores])
        assert found.possible or not turns.any()
        assert found.exact
        assert (found.modality, held) == (name, terms.decision(scores_at(model, states)))
        assert found.before == pytest.approx(scores_at(model, states), abs=1e-10)
        # how far any ket can get: the largest eigenvalue of what leads, of any other class
        leads = (
            [form[c] - form[held] for c in range(len(form)) if c != held]
            if len(form) > 1
            else [form[0] * (-1) ** held]
        )
        most = max(np.linalg.eigvalsh(lead.numpy())[-1] for lead in leads)
        assert found.reach == pytest.approx(most, abs=1e-9)
        assert found.possible == (most > 0)
        if found.possible:
            assert found.verified
            assert found.distance == pytest.approx(
                math.acos(min(abs(np.vdot(own[0].numpy(), found.state.numpy())), 1)), abs=1e-6
            )
            there = {**states, name: found.state[None]}
            assert found.after == pytest.approx(scores_at(model, there), abs=1e-10)
            assert found.new_decision == terms.decision(found.after) != found.decision == held
            # On the boundary, just beyond: the model itself says so, with the state evolved instead of the observable.
            top = np.sort(found.after)[-2:]
            assert abs(top[-1] - top[0] if len(outputs) > 1 else top[0]) < 1e-4
            assert float(torch.linalg.vector_norm(found.state)) == pytest.approx(1)
            if turns.any():
                assert (
                    float(counterfactual.distance(own, tried)[turns].min()) >= found.distance - 1e-6
                )


@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_finds_the_same_ket(seed: int) -> None:
    model = jump(2, seed=seed)
    inputs = features(model, 1, seed)
    with torch.no_grad():
        model.bias -= 0.9 * model(inputs)[0]  # near the boundary, so that one modality can cross it
    states = counterfactual.encode_samples(model, inputs)
    name = "text"
    found = counterfactual.nearest_state(model, states, name)
    assert found.possible
    B = terms.boundaries(counterfactual.score_form(model, states, name).detach(), found.before)[
        0
    ].numpy()
    own = states[name][0].numpy()

    def ket(x: np.ndarray) -> np.ndarray:
        psi = x[:3] + 1j * x[3:]
        return psi / np.linalg.norm(psi)

    ends = []
    for start in np.random.default_rng(seed).standard_normal((12, 6)):
        r = minimize(
            lambda x: -(abs(own.conj() @ ket(x)) ** 2),
            start,
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-14},
            constraints=[{"type": "ineq", "fun": lambda x: (ket(x).conj() @ B @ ket(x)).real}],
        )
        if (ket(r.x).conj() @ B @ ket(r.x)).real > -1e-8:
            ends.append(math.acos(min(abs(own.conj() @ ket(r.x)), 1)))
    assert min(ends) == pytest.approx(found.distance, abs=1e-4)


def test_ket_orthogonal_to_the_lowest_eigenvector() -> None:
    """The hard case, by hand: from |0> with <Z> = 1 the nearest state with <Z> <= 0 is pi/4 away, though nothing points
    to |1>."""
    B = torch.diag(torch.tensor([-1.0, 1.0, -2.0], dtype=torch.complex128))
    ket, reach = flips.nearest_ket(B, torch.eye(3, dtype=torch.complex128)[0])
    assert reach == pytest.approx(1)
    assert ket is not None
    assert float(
        counterfactual.distance(torch.eye(3, dtype=torch.complex128)[0], ket)
    ) == pytest.approx(math.pi / 4, abs=1e-5)
    none, reach = flips.nearest_ket(-torch.eye(3, dtype=torch.complex128), ket)
    assert none is None
    assert reach == pytest.approx(-1)


def test_no_flip_is_reported_when_none_exists() -> None:
    model, network = jump(), model_of(3, 2, 1)
    model.bias.data[:] = 100.0
    network.bias.data[:] = -500.0
    for each in (model, network):
        states = counterfactual.encode_samples(each, features(each))
        for name in each.modalities:
            found = counterfactual.nearest_state(each, states, name)
            assert not found.possible
            assert not found.verified
            assert found.distance == math.inf
            assert found.reach < 0
            donor = counterfactual.nearest_donor(
                each, states, name, counterfactual.encode_samples(each, features(each, 20))[name]
            )
            assert (donor.row, donor.turning, donor.tried) == (-1, 0, 20)
            assert (donor.distance, donor.verified) == (math.inf, False)
            assert donor.scores.shape == (len(each.outputs),)
            assert np.isnan(donor.scores).all()
        turns = sensitivity.nearest_parameters(each, states)
        assert turns.changes == ()
        assert turns.tried > 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("C", [1, 3])
def test_nearest_masses_flip_the_decision_and_no_random_ones_are_nearer(C: int, seed: int) -> None:
    model = model_of(4, 2, C, seed=seed)
    states = counterfactual.encode_samples(model, features(model, 1, seed))
    for name in model.modalities:
        found = counterfactual.nearest_state(model, states, name)
        own = truth_tables.angles(states[name])
        generator = torch.Generator().manual_seed(seed)
        spreads = torch.tensor([0.05, 0.2, 0.5, 1, 3], dtype=torch.float64).repeat_interleave(4000)[
            :, None
        ]
        tried = torch.sin(
            (own + spreads * torch.randn(20000, 4, dtype=torch.float64, generator=generator)) / 2
        ).square()
        corners = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
        tried = torch.cat([tried, corners])
        scores = counterfactual.value(
            counterfactual.score_form(model, states, name).detach(), tried
        ).numpy()
        turns = np.array([terms.decision(s) != found.decision for s in scores])
        assert found.possible == bool(
            turns[-16:].any()
        )  # whether it can be turned at all is seen at the corners
        if found.possible:
            assert found.verified
            assert not found.exact
            assert found.modality == name
            moved = 2 * np.arcsin(np.sqrt(found.state.numpy())) - own[0].numpy()
            assert found.distance == pytest.approx(np.linalg.norm(moved))
            there = {**states, name: found.state[None]}
            assert found.after == pytest.approx(scores_at(model, there), abs=1e-10)
            distances = counterfactual.distance(states[name], tried)[turns]
            assert float(distances.min()) >= found.distance - 1e-6


def test_lines_that_never_cross_the_boundary_are_ignored() -> None:
    t, start = (
        np.array([[-2.0, -1.0, -1.0, 1.0]]),
        np.array([0.3, 0.4]),
    )  # only where both masses are near 1
    ends = np.array([[0.3, 3.0], [0.0, 0.0]])
    points, crossing = truth_tables.first_crossing(np.repeat(t, 2, 0), start, ends)
    assert points.shape == (0, 2)
    assert not crossing.any()
    good = np.array([2.9, 2.9])
    assert np.array_equal(truth_tables.polish_point(t[0], start, good), good) or np.linalg.norm(
        truth_tables.polish_point(t[0], start, good) - start
    ) < np.linalg.norm(good - start)


def test_a_point_on_a_boundary_is_moved_to_its_nearest_point() -> None:
    """Of two masses, from where the way to a corner crosses the boundary to what a fine scan of it finds."""
    t, start = np.array([-0.6, -0.2, 0.3, 1.0]), np.array([0.6, 0.9])
    grid = np.stack(np.meshgrid(*[np.linspace(0, math.pi, 1501)] * 2, indexing="ij"), -1).reshape(
        -1, 2
    )
    lead = counterfactual.value(
        torch.from_numpy(t), torch.from_numpy(np.sin(grid / 2) ** 2)
    ).numpy()
    nearest = np.linalg.norm(grid - start, axis=1)[lead >= 0].min()
    ends = np.array([[math.pi, 0.5], [0.5, math.pi]])
    begins, crosses = truth_tables.first_crossing(np.stack([t, t]), start, ends)
    apart = np.linalg.norm(begins - start, axis=1)
    assert len(begins) == crosses.sum() > 0
    assert apart.max() > nearest + 0.05
    for begin in (*begins, begins[0] + 0.4):
        moved = truth_tables.polish_point(t, start, begin)
        assert np.linalg.norm(moved - start) == pytest.approx(nearest, abs=3e-3)


def test_unpolished_solution_is_within_one_percent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = [model_of(4, 2, C, seed=seed) for C in (1, 3) for seed in range(2)]
    states = [counterfactual.encode_samples(model, features(model, 1, 4)) for model in cases]
    for model, own in zip(cases, states, strict=True):
        put_near(model, own)
    best = [counterfactual.nearest_state(*one, "v0") for one in zip(cases, states, strict=True)]
    assert all(one.possible for one in best)
    monkeypatch.setattr(truth_tables, "polish_point", lambda t, start, theta: theta)
    for model, own, found in zip(cases, states, best, strict=True):
        rough = counterfactual.nearest_state(model, own, "v0").distance
        assert found.distance - 1e-9 <= rough <= found.distance * 1.01


def test_nearest_angle_equals_a_fine_scan() -> None:
    rng = np.random.default_rng(0)
    turns, none = np.linspace(-math.pi, math.pi, 20_001), 0
    for _ in range(60):
        leads = rng.normal(size=(2, 3))
        leads[:, 0] = -leads[:, 1] - rng.uniform(0.05, 1.5, 2)  # behind where nothing is turned
        found = truth_tables.nearest_turn(leads, 0.01)
        ahead = np.max([m + c * np.cos(turns) + s * np.sin(turns) for m, c, s in leads], axis=0)
        if (ahead > 0.01).any():
            assert found is not None
            first = turns[ahead > 0.01][np.abs(turns[ahead > 0.01]).argmin()]
            assert abs(found) == pytest.approx(abs(first), abs=5e-4)
            at = np.max([m + c * np.cos(found) + s * np.sin(found) for m, c, s in leads])
            assert at == pytest.approx(0.01)
        else:
            none += 1
            assert found is None
    assert 5 < none < 55
    assert truth_tables.nearest_turn([np.array([-1.0, 0.0, 0.0])], 0.0) is None


def test_forms_with_the_maximal_number_of_coalitions_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 2^3 masses and 2^2 coalitions; those of kets are never refused."""
    for model, allowed in ((model_of(3, 2), 32), (jump(2), 0)):
        x = features(model)
        behind, name = (
            explain.background(model, features(model, 4, 2), "joint"),
            model.modalities[0],
        )
        monkeypatch.setattr(truth_tables, "MAX_COALITIONS", allowed)
        assert len(counterfactual.dividend_forms(model, x, behind, name)) == 4
    model = model_of(3, 2)
    monkeypatch.setattr(truth_tables, "MAX_COALITIONS", 31)
    with pytest.raises(InvalidInput, match="need 32 coalitions here, more than 31"):
        counterfactual.dividend_forms(
            model, features(model), explain.background(model, features(model, 4, 2), "joint"), "v0"
        )


def test_interpolation_error_is_scale_invariant() -> None:
    model = jump(2, dims=(2, 2), seed=1)
    states = counterfactual.encode_samples(model, features(model, 1, 1))
    whole = sensitivity.nearest_parameters(model, states)
    with torch.no_grad():
        model.W *= 1e-4
        model.bias *= 1e-4
    small = sensitivity.nearest_parameters(model, states)
    assert small.resolution == pytest.approx(whole.resolution, rel=1e-3)


def stateless(M: int = 2) -> object:
    """A model without states, by features of every modality side by side."""
    torch.manual_seed(3)
    inputs = {name: {"size": 3, "sequence": False} for name in ("text", "audio", "vision")[:M]}
    return build("concatenation", inputs, ("y", "z"), {"hidden": 4}).double().eval()


@torch.no_grad()
def put_near(model, states: dict[str, torch.Tensor]) -> None:
    """Moves the boundary of the decision to just before what a sample's states give."""
    scores, bias = (
        scores_at(model, states),
        model.bias if hasattr(model, "bias") else model.head[-1].bias,
    )
    held, second = terms.decision(scores), np.sort(scores)[-2:][0]
    if len(scores) == 1:
        bias -= float(scores[0]) - 0.01
    else:
        bias[held] -= float(scores[held] - second) - 0.01


def test_donor_is_the_nearest_sample_that_flips_the_decision() -> None:
    seen = []
    for model in (jump(2, seed=2), model_of(4, 2), stateless()):
        states = counterfactual.encode_samples(model, features(model))
        others = counterfactual.encode_samples(model, features(model, 25, 5))
        put_near(model, states)  # the boundary, so that some turn it and others do not
        for name in model.modalities:
            found = counterfactual.nearest_donor(model, states, name, others[name])
            swaps = [
                terms.decision(
                    counterfactual.score_encodings(model, {**states, name: state[None]})[0]
                )
                for state in others[name]
            ]
            held = terms.decision(counterfactual.score_encodings(model, states)[0])
            turning = [k for k, s in enumerate(swaps) if s != held]
            assert (found.turning, found.tried) == (len(turning), 25)
            far = (
                np.linalg.norm(
                    counterfactual.flatten_state(others[name])
                    - counterfactual.flatten_state(states[name]),
                    axis=1,
                )
                if model.kind == "concatenation"
                else counterfactual.distance(states[name], others[name])
            )
            if turning:
                assert found.row == min(turning, key=lambda k: float(far[k]))
                assert found.verified
                assert found.distance == pytest.approx(float(far[found.row]))
                there = {**states, name: others[name][found.row : found.row + 1]}
                assert found.scores == pytest.approx(scores_at(model, there))
            else:
                assert (found.row, found.distance, found.verified) == (-1, math.inf, False)
                assert np.isnan(found.scores).all()
                assert found.scores.shape == (len(model.outputs),)
            seen.append(bool(turning))
    assert sum(seen) >= 5


def test_distances_are_fidelity_angles_and_angle_norms() -> None:
    zero, plus = (
        torch.tensor([1, 0], dtype=torch.complex128),
        torch.tensor([1, 1j], dtype=torch.complex128) / 2**0.5,
    )
    assert float(counterfactual.distance(zero, plus)) == pytest.approx(math.pi / 4)
    assert float(counterfactual.distance(zero, 1j * zero)) == pytest.approx(0, abs=1e-15)
    close = torch.tensor([1, 1e-9], dtype=torch.complex128)
    assert float(counterfactual.distance(zero, close)) == pytest.approx(1e-9)
    a, b = (
        torch.tensor([0.0, 0.5], dtype=torch.float64),
        torch.tensor([1.0, 0.5], dtype=torch.float64),
    )
    assert float(counterfactual.distance(a, b)) == pytest.approx(math.pi)


def brute_turn(values: np.ndarray, scores: np.ndarray, learned: float) -> float:
    """The nearest of a fine grid of settings that decides otherwise; infinity where none does."""
    held = terms.decision(scores[int(np.abs(values - learned).argmin())])
    turned = [
        abs(v - learned) for v, s in zip(values, scores, strict=True) if terms.decision(s) != held
    ]
    return min(turned, default=math.inf)


def test_nearest_parameter_change_equals_a_fine_scan() -> None:
    model = jump(2, dims=(2, 2), seed=1)
    states = counterfactual.encode_samples(model, features(model, 1, 1))
    # Move the boundary to the sample: about half of the knobs can then turn it.
    model.bias.data -= float(counterfactual.score_encodings(model, states)) - 0.03
    assert flips.table(model.tweaked(Tweak(duration=0.0))) == ()
    turns = sensitivity.nearest_parameters(model, states)
    assert turns.tried == 3 + 3 + 1
    assert describe_ranges(turns) == "couplings and dissipation × 0 to 2, T from 0 to 3"
    assert turns.changes == tuple(sorted(turns.changes, key=lambda change: change.size)) != ()
    assert 0 < turns.resolution < 1e-6
    sizes = {(c.kind, c.name): c for c in turns.changes}
    psi = model.product_state(states)

    def scan(tweak, top: float, learned: float) -> float:
        grid = np.linspace(0, top, 81)
        with torch.no_grad():
            scores = [
                (
                    torch.einsum(
                        "i,cij,j->c",
                        psi[0].conj(),
                        (m := model.tweaked(tweak(float(x)))).observables(),
                        psi[0],
                    ).real
                    + m.bias
                ).numpy()
                for x in grid
            ]
        return brute_turn(grid, np.array(scores), learned)

    cases = [
        ("coupling", name, 2.0, lambda x, name=name: Tweak(couplings={name: x}))
        for name in ("text", "text+audio")  # of one modality, of two
    ]
    cases += [
        ("dissipation", name, 2.0, lambda x, name=name: Tweak(dissipations={name: x}))
        for name in ("text", "text+audio")
    ]
    cases += [("duration", "T", 3.0, lambda x: Tweak(duration=x))]
    for kind, name, top, tweak in cases:
        wanted = scan(tweak, top, 1.0)
        change = sizes.get((kind, name))
        assert (change is None) == (wanted == math.inf)
        if change is not None:
            assert change.verified
            assert change.size == pytest.approx(wanted, abs=top / 80 + 1e-6)
            assert (change.learned, abs(change.value - 1)) == (1, pytest.approx(change.size))
            assert change.before == pytest.approx(
                counterfactual.score_encodings(model, states)[0].numpy()
            )
            assert change.after == pytest.approx(
                model.tweaked(tweak(change.value)).scores(states)[0].detach().numpy()
            )
            assert abs(float(change.after[0])) < 1e-4  # just beyond the boundary


@pytest.mark.parametrize(("n", "M", "C"), [(3, 3, 3), (2, 4, 1)])
def test_the_nearest_rule_angle_equals_a_fine_scan(n: int, M: int, C: int) -> None:
    model = model_of(n, M, C)
    states = counterfactual.encode_samples(model, features(model))
    nearest = sensitivity.nearest_parameters(model, states)
    assert nearest.tried == model.phi.numel()
    found = {c.name: c for c in nearest.changes}
    for place in list(itertools.product(*map(range, model.phi.shape)))[::6]:
        turns = np.linspace(-math.pi, math.pi, 121)
        scores = []
        for turn in turns:
            phi = model.phi.detach().clone()
            phi[place] += turn
            scores.append(counterfactual.score_encodings(model.with_angles(phi), states)[0].numpy())
        wanted = brute_turn(turns, np.array(scores), 0.0)
        change = found.get(".".join(map(str, place)))
        assert (change is None) == (wanted == math.inf)
        if change is not None:
            assert change.verified
            assert change.size == pytest.approx(wanted, abs=0.06)
            assert change.learned == float(model.phi[place])
            assert abs(change.value - change.learned) == pytest.approx(change.size)


def test_nearer_of_two_flips_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A score that changes sign on both sides of what was learned, almost as near: 0.1 - u^2 - u / 10000."""

    def score(x: float) -> float:
        return 0.1 - (x - 1) ** 2 - 1e-4 * (x - 1)

    class Model:
        bias, jump_count = torch.zeros(1, dtype=torch.float64), 0

        def tweaked(self, tweak: Tweak) -> float:
            return tweak.couplings["text"]

    nodes = np.linspace(0, 2, flips.NODES)
    observables = torch.tensor([score(x) for x in nodes], dtype=torch.complex128)[
        :, None, None, None
    ]
    monkeypatch.setattr(flips, "ket_scores", lambda x, psi: np.array([score(x)]))
    change, tail = flips.nearest_change(
        Model(),
        torch.ones(1, 1, dtype=torch.complex128),
        np.array([0.1]),  # type: ignore[arg-type]
        flips.PhysicsParameter("coupling", "text", 1.0, 2.0, nodes, observables),
    )
    assert change is not None
    assert change.value == pytest.approx(1.316178, abs=2e-6)
    assert tail < 1e-12
    assert (change.decision, change.new_decision, change.verified) == (1, 0, True)


def test_all_flipping_rule_angles_are_found() -> None:
    """Near the boundary some angles do and some cannot; each score is a sine of an angle, so eight turns show which."""
    model = model_of(3, 2, 1)
    states = counterfactual.encode_samples(model, features(model))
    with torch.no_grad():
        model.bias -= counterfactual.score_encodings(model, states)[0] - 0.02
    found = {change.name for change in sensitivity.nearest_parameters(model, states).changes}
    turning, every = set(), list(itertools.product(*map(range, model.phi.shape)))
    for place in every:
        scores = []
        for turn in (0, 2 * math.pi / 3, -2 * math.pi / 3):
            phi = model.phi.detach().clone()
            phi[place] += turn
            scores.append(float(counterfactual.score_encodings(model.with_angles(phi), states)))
        mean, c = np.mean(scores), scores[0] - np.mean(scores)
        if mean - math.hypot(c, (scores[1] - scores[2]) / math.sqrt(3)) < -1e-6:
            turning.add(".".join(map(str, place)))
    assert found == turning
    assert 0 < len(found) < len(every)


def test_the_search_by_gradients_finds_the_nearest_point_of_a_curved_boundary() -> None:
    """Of an ellipse, whose nearest point is known from a fine scan, not only of a plane."""

    class Ellipse:
        outputs = ("y",)

        def scores(self, states: dict[str, torch.Tensor]) -> torch.Tensor:
            z = states["text"]
            return ((z / torch.tensor([1.0, 0.4], dtype=torch.float64)).square().sum(1) - 1)[
                :, None
            ]

    own = torch.tensor([[0.5, 0.1]], dtype=torch.float64)
    found = counterfactual.nearest(Ellipse(), {"text": own}, "text", 0)  # type: ignore[arg-type]
    angle = torch.linspace(0, 2 * math.pi, 100_001, dtype=torch.float64)
    rim = torch.stack([torch.cos(angle), 0.4 * torch.sin(angle)], 1)
    assert found is not None
    assert float((found - own[0]).norm()) == pytest.approx(
        float((rim - own).norm(dim=1).min()), abs=1e-4
    )
    assert float(Ellipse().scores({"text": found[None]})) == pytest.approx(terms.MARGIN, abs=1e-9)


def test_interventions_equal_the_model_and_drops_equal_coalitions() -> None:
    for model in (jump(3), model_of(4, 3)):
        x, rows = features(model), features(model, 7, 3)
        background = explain.background(model, rows, "joint")
        plain = explain.explain(model, x, background)
        states = counterfactual.encode_samples(model, x)
        same = counterfactual.outcome(model, x, background, states)
        assert np.abs(same.dividends - plain.dividends[0]).max() < 1e-12
        name = model.modalities[1]
        dropped = counterfactual.outcome(model, x, background, states, [name])
        index = subsets(3).index((0, 2))
        assert np.abs(dropped.scores - plain.values[0, index]).max() < 1e-10
        swapped = {
            **states,
            name: counterfactual.encode_samples(model, features(model, 1, 8))[name],
        }
        direct = counterfactual.score_encodings(model, swapped)[0].numpy()
        assert (
            np.abs(counterfactual.outcome(model, x, background, swapped).scores - direct).max()
            < 1e-10
        )


def test_invalid_input_is_refused() -> None:
    model = jump()
    x = features(model)
    states = counterfactual.encode_samples(model, x)
    background = explain.background(model, x, "joint")
    with pytest.raises(NotFound, match="Did you mean 'text'"):
        counterfactual.nearest_state(model, states, "texd")
    with pytest.raises(InvalidInput, match="one sample"):
        counterfactual.nearest_state(
            model, counterfactual.encode_samples(model, features(model, 2)), "text"
        )
    with pytest.raises(InvalidInput, match=r"norm 2.*Normalise"):
        counterfactual.outcome(model, x, background, {**states, "text": 2 * states["text"]})
    with pytest.raises(InvalidInput, match="must hold `text` with shape"):
        counterfactual.outcome(model, x, background, {"audio": states["audio"]})
    # a norm is 1 up to rounding
    near = {**states, "text": states["text"] * (1 + 1e-9)}
    assert counterfactual.outcome(model, x, background, near).scores == pytest.approx(
        scores_at(model, states), abs=1e-6
    )
    network = model_of(4, 2)
    masses = counterfactual.encode_samples(network, features(network))
    behind = explain.background(network, features(network), "joint")
    ends = {**masses, "v0": torch.tensor([[0.0, 1.0, 1.0, 0.0]], dtype=torch.float64)}
    assert counterfactual.outcome(network, features(network), behind, ends).scores == pytest.approx(
        scores_at(network, ends)
    )
    for mass in (-1e-3, 1 + 1e-3):
        beyond = {**masses, "v0": torch.full((1, 4), mass, dtype=torch.float64)}
        with pytest.raises(InvalidInput, match=r"`states\[v0\]` must hold masses"):
            counterfactual.outcome(network, features(network), behind, beyond)
    with pytest.raises(InvalidInput, match=r"masses in \[0, 1\]"):
        counterfactual.outcome(
            network, features(network), behind, {**masses, "v0": masses["v0"] + 1}
        )
