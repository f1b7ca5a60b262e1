"""Lindblad systems that were not trained here: numbers are QuTiP's, and everything is stored and shown as arrays."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import qutip as qt
import safetensors.torch
import torch

from qfusion import data
from qfusion.data import DataSet, Modality, Target
from qfusion.data.data_set import compute_digest
from qfusion.data.store import reading, writing
from qfusion.data.store.manifest import imported_names
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import backgrounds
from qfusion.models import registry
from qfusion.plugins.systems.lindblad_model import LindbladModel, lindblad_model
from qfusion.plugins.systems.lindblad_systems import (
    as_ket_set,
    basis_kets,
    lindblad_study_data,
    open_lindblad,
    open_system,
    product_states,
    store_study,
)
from qfusion.quantum import states
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards, train

SX, SY, SZ, SM = qt.sigmax(), qt.sigmay(), qt.sigmaz(), qt.sigmam()
EXACT = {"atol": 1e-13, "rtol": 1e-12, "nsteps": 10**6}
TIMES = [0.0, 0.3, 0.9, 1.7]


def on(op: qt.Qobj, place: int, dims: tuple[int, ...]) -> qt.Qobj:
    return qt.tensor([op if m == place else qt.qeye(d) for m, d in enumerate(dims)])


def random_system(
    dims: tuple[int, ...], seed: int, jumps: int = 2
) -> tuple[qt.Qobj, list[qt.Qobj]]:
    """A complex H and complex jump operators that couple everything."""
    rng, D = np.random.default_rng(seed), math.prod(dims)
    X = rng.standard_normal((1 + jumps, D, D)) + 1j * rng.standard_normal((1 + jumps, D, D))
    H = qt.Qobj((X[0] + X[0].conj().T) / (2 * math.sqrt(D)), dims=[list(dims)] * 2)
    return H, [qt.Qobj(x / (3 * math.sqrt(D)), dims=[list(dims)] * 2) for x in X[1:]]


def random_kets(count: int, d: int, rng: np.random.Generator) -> np.ndarray:
    kets = rng.standard_normal((count, d)) + 1j * rng.standard_normal((count, d))
    return kets / np.linalg.norm(kets, axis=1, keepdims=True)


def small_set(sizes: dict[str, int], count: int = 8, classes: tuple[str, ...] = ()) -> DataSet:
    rng = np.random.default_rng(5)
    ids = np.array([f"s{n}" for n in range(count)])
    split = np.array(["train"] * 3 + ["valid"] * 2 + ["test"] * (count - 5))
    return DataSet(
        name="small",
        title="Small",
        description="Random numbers.",
        source="random",
        licence="none",
        modalities=tuple(
            Modality(name, rng.standard_normal((count, n)), None, tuple(f"x{i}" for i in range(n)))
            for name, n in sizes.items()
        ),
        target=Target("classification", "kind", classes=classes)
        if classes
        else Target("regression", "height", convention="plain"),
        y=np.arange(count) % 2 if classes else rng.standard_normal(count),
        ids=ids,
        split=split,
        table=pd.DataFrame({"colour": ["red", "blue"] * (count // 2)}, index=ids),
    )


def encode(x: dict[str, Any]) -> dict[str, np.ndarray]:
    """Kets of two levels of the first two features: an angle and a phase."""
    return {
        name: np.stack([np.cos(v[:, 0]), np.exp(1j * v[:, 1]) * np.sin(v[:, 0])], 1)
        for name, v in x.items()
    }


def kets_of(study: Study) -> dict[str, np.ndarray]:
    """The kets that the study's features hold, as its model reads them."""
    model = study.model
    return {name: ket.numpy() for name, ket in model.encode(study.inputs()).items()}


def solved(
    H: qt.Qobj, L: list[qt.Qobj], kets: list[np.ndarray], times: list[float]
) -> list[qt.Qobj]:
    """QuTiP's states at the times from a product of kets."""
    psi = qt.tensor([qt.Qobj(ket[:, None]) for ket in kets])
    rho = psi * psi.dag()
    liouvillian = qt.liouvillian(H, L)
    # the start as a density matrix, so that a unitary evolution returns one
    return qt.mesolve(liouvillian, rho, times, options=EXACT).states


@pytest.mark.parametrize(
    ("dims", "jumps"), [((2, 2), 2), ((2, 3), 1), ((3, 2), 0), ((2, 3, 2), 2), ((3,), 1)]
)
def test_states_scores_and_entropies_equal_qutip(dims: tuple[int, ...], jumps: int) -> None:
    H, L = random_system(dims, 11, jumps)
    O, _ = random_system(dims, 12, 0)
    rng = np.random.default_rng(1)
    names = [f"m{m}" for m in range(len(dims))]
    plain = small_set(dict.fromkeys(names, 2))
    kets = {name: random_kets(8, d, rng) for name, d in zip(names, dims, strict=True)}
    model = lindblad_model(H, L, read={"O": O}, T=TIMES[-1], names=names)
    study = open_lindblad(model, as_ket_set(plain, kets))
    rows = [0, 4, 7]
    psi = study.backend.kets(rows)
    track = study.model.evolve_states(states.density(psi), TIMES).numpy()
    values = study.model.observables(TIMES)
    for place, row in enumerate(rows):
        expected = solved(H, L, [kets[name][row] for name in names], TIMES)
        for time in range(len(TIMES)):
            assert np.abs(track[time, place] - expected[time].full()).max() < 1e-9
            score = states.expectation(values[time], psi[place : place + 1])[0, 0]
            assert float(score) == pytest.approx(qt.expect(O, expected[time]), abs=1e-9)
        assert study.scores[row, 0] == pytest.approx(qt.expect(O, expected[-1]), abs=1e-9)
        exact = (qt.liouvillian(H, L) * TIMES[-1]).expm()
        start = qt.tensor([qt.Qobj(kets[name][row][:, None]) for name in names])
        final = qt.vector_to_operator(exact * qt.operator_to_vector(start * start.dag()))
        for m in range(len(dims)):
            entropy = qt.entropy_vn(final.ptrace(m))
            assert study.backend.entropies[row, m] == pytest.approx(entropy, abs=1e-10)


def test_entropies_over_time_of_a_sample_equal_qutip() -> None:
    dims = (2, 2)
    H, L = random_system(dims, 3)
    study = open_system(H, L, T=1.4)
    sample = study.dataset.row("fourier-01")
    track = Sample(study, sample, 0, "").track()
    kets = [basis_kets(2, "Fourier")[j] for j in (0, 1)]
    expected = solved(H, L, kets, list(track.times))
    for m, name in enumerate(("A", "B")):
        line = track.measures.single("entropy")[name]
        known = [qt.entropy_vn(rho.ptrace(m)) for rho in expected]
        assert np.abs(np.array(line) - known).max() < 1e-8  # both integrate


@pytest.mark.parametrize("kind", ["joint", "product"])
def test_contributions_equal_brute_force_with_qutip(kind: str) -> None:
    dims, names = (2, 3, 2), ("a", "b", "c")
    H, L = random_system(dims, 21, 1)
    O, _ = random_system(dims, 22, 0)
    rng = np.random.default_rng(2)
    kets = {name: random_kets(8, d, rng) for name, d in zip(names, dims, strict=True)}
    dataset = as_ket_set(small_set(dict.fromkeys(names, 2)), kets)
    study = open_lindblad(lindblad_model(H, L, read=O, T=0.8, names=names), dataset)
    behind = dataset.rows("train")
    study = study.with_background(backgrounds.make_background(study.model, dataset, behind, kind))
    propagator = (qt.liouvillian(H, L) * 0.8).expm()

    def score(rows: tuple[int, ...]) -> float:
        psi = qt.tensor([qt.Qobj(kets[n][r][:, None]) for n, r in zip(names, rows, strict=True)])
        rho = qt.vector_to_operator(propagator * qt.operator_to_vector(psi * psi.dag()))
        return float(qt.expect(O, rho).real)

    row = int(dataset.rows("test")[0])

    def value(present: tuple[int, ...]) -> float:
        if kind == "joint":
            draws = [(r, r, r) for r in behind]
        else:
            draws = list(itertools.product(behind, repeat=3))
        return float(
            np.mean([score(tuple(row if m in present else d[m] for m in range(3))) for d in draws])
        )

    subsets = [s for size in range(4) for s in itertools.combinations(range(3), size)]
    v = {s: value(s) for s in subsets}
    found = study.explained(row)
    for place, s in enumerate(subsets):
        dividend = sum((-1) ** (len(s) - len(r)) * v[r] for r in subsets if set(r) <= set(s))
        assert float(found.dividends[0, place, 0]) == pytest.approx(dividend, abs=1e-10)


def test_subsystems_keep_their_order() -> None:
    """|0> of the first and |1> of the second, under an H that is not symmetric, with a read-out of each."""
    dims = (2, 3)
    H = qt.tensor(SX, qt.num(3)) + qt.tensor(SZ, qt.create(3) + qt.destroy(3))
    L = [(0.4 * qt.destroy(3), "second")]
    for place, (name, op) in enumerate((("first", SY), ("second", qt.num(3)))):
        study = open_system(H, L, T=0.7, read=(op, name), names=("first", "second"), name=name)
        row = study.dataset.row("basis-02")
        (rho,) = solved(
            H, [0.4 * on(qt.destroy(3), 1, dims)], [np.eye(2)[0], np.eye(3)[2]], [0.0, 0.7]
        )[1:]
        assert study.scores[row, 0] == pytest.approx(qt.expect(on(op, place, dims), rho), abs=1e-9)
        assert study.model.read_states.keys() == {(place,)}


def test_a_system_without_coupling_has_no_joint_contributions() -> None:
    dims = (2, 2)
    H = 0.8 * on(SX, 0, dims) + 1.1 * on(SY, 1, dims)
    study = open_system(
        H, [on(0.5 * SM, 0, dims)], T=1.3, read=on(SZ, 0, dims) + 2 * on(SZ, 1, dims)
    )
    names = study.explanation.coalitions
    joint = study.explanation.dividends[:, names.index("A+B")]
    alone = study.explanation.dividends[:, names.index("A")]
    assert np.abs(joint).max() < 1e-13
    assert np.abs(alone).max() > 0.1
    couplings, dissipations = study.model.term_subsets()
    assert couplings == ((0,), (1,))
    assert dissipations == ((0,),)
    assert set(study.model.read_states) == {(0,), (1,)}


def test_no_jump_operators_leave_a_unitary_evolution() -> None:
    H, _ = random_system((2, 2), 4, 0)
    study = open_system(H, T=2.0)
    rho = study.model.evolve_states(states.density(study.backend.kets([0, 5])), [2.0])[0]
    U = (-2j * H).expm().full()
    expected = [
        U @ rho0 @ U.conj().T for rho0 in states.density(study.backend.kets([0, 5])).numpy()
    ]
    assert np.abs(rho.numpy() - expected).max() < 1e-12
    assert np.einsum("nab,nba->n", rho, rho).real == pytest.approx(1, abs=1e-12)
    assert study.model.jump_count == 0
    with pytest.raises(NotFound):
        study.model.parse_tweak("D.A=0.5")


def test_arrays_and_qutip_objects_give_the_same_model() -> None:
    dims = (2, 3)
    H, L = random_system(dims, 6)
    O, _ = random_system(dims, 7, 0)
    objects = lindblad_model(H, L, read={"O": O, "n": (qt.num(3), 1)}, T=0.5)
    arrays = lindblad_model(
        H.full(),
        [one.full() for one in L],
        read={"O": torch.from_numpy(O.full()), "n": (np.diag([0, 1, 2]), "B")},
        T=0.5,
        dims=dims,
    )
    kets = product_states(dims, ("A", "B")).kets
    given = {name: torch.from_numpy(values) for name, values in kets.items()}
    assert objects.outputs == ("O", "n")
    assert float((objects.scores(given) - arrays.scores(given)).abs().max()) < 1e-14
    assert set(objects.read_states) == {(1,), (0, 1)}
    one = objects.with_output("n")
    assert one.outputs == ("n",)
    assert set(one.read_states) == {(1,)}
    assert float((one.scores(given)[:, 0] - objects.scores(given)[:, 1]).abs().max()) < 1e-14


def test_observables_become_measurements_of_few_subsystems() -> None:
    dims = (2, 2, 2)
    H, _ = random_system(dims, 8, 0)
    n, zero = qt.num(2), qt.basis(2, 0).proj()
    total = sum(on(n, m, dims) for m in range(3))
    for read, where, count in (
        (on(n, 1, dims), [(1,)], 1),
        (total, [(0,), (1,), (2,)], 3),
        (on(SZ, 0, dims) + 3, [(0,)], 2),
        (on(SZ, 0, dims) * on(SZ, 2, dims), [(0, 1, 2)], 8),
        (on(zero, 0, dims) * on(zero, 1, dims), [(0, 1, 2)], 2),
    ):
        model = lindblad_model(H, read=read)
        assert list(model.read_states) == where
        assert sum(model.read_states.values()) == count
        O = model.readout()[0].numpy() + float(model.bias) * np.eye(8)
        assert np.abs(O - read.full()).max() < 1e-14
    both = lindblad_model(H, read=[on(zero, 0, dims), 2 * on(zero, 0, dims) + on(n, 0, dims)])
    assert sum(both.read_states.values()) == 2  # shared
    with pytest.raises(InvalidInput, match="multiple of the identity"):
        lindblad_model(H, read=2 * on(qt.qeye(2), 0, dims))


def test_a_system_alone_has_its_basis_states_as_samples() -> None:
    H, L = random_system((2, 3, 2), 9, 1)
    study = open_system(H, L, T=0.6, name="alone")
    dataset = study.dataset
    assert len(dataset) == 3 * 12
    assert dataset.ids[:4].tolist() == ["basis-000", "basis-001", "basis-010", "basis-011"]
    assert all(name.isascii() for name in dataset.ids)
    row = dataset.row("basis-021")
    assert dataset.table.loc["basis-021", "state"] == "|0⟩|2⟩|1⟩"
    assert {k: v.text for k, v in dataset.content(row).items()} == {
        "A": "A: |0⟩",
        "B": "B: |2⟩",
        "C": "C: |1⟩",
    }
    assert np.array_equal(study.backend.ket(row).numpy(), np.eye(12)[5])
    identity = np.eye(12) / 12
    for split in ("train", "valid", "test"):
        psi = study.backend.kets(dataset.rows(split)).numpy()
        assert np.abs(psi.T @ psi.conj() / 12 - identity).max() < 1e-14
    assert np.abs(study.background.sigma.numpy() - identity).max() < 1e-14
    # no truth is claimed
    assert not dataset.target.known
    assert study.card["metrics"] == {}
    sample = Sample(study, row, 0, "")
    assert sample.truth is None
    assert sample.target is None
    # by default the level of the first subsystem
    assert dataset.target.name == "⟨n⟩ of A"
    rho = solved(H, L, [np.eye(2)[0], np.eye(3)[2], np.eye(2)[1]], [0.0, 0.6])[1]
    assert study.scores[row, 0] == pytest.approx(
        qt.expect(on(qt.num(2), 0, (2, 3, 2)), rho), abs=1e-9
    )


@pytest.mark.parametrize("d", [2, 3, 4, 5])
@pytest.mark.parametrize("basis", ["basis", "Fourier", "chirp"])
def test_bases_are_orthonormal(d: int, basis: str) -> None:
    kets = basis_kets(d, basis)
    assert np.abs(kets @ kets.conj().T - np.eye(d)).max() < 1e-14
    if d == 2 and basis != "basis":
        expected = (SX if basis == "Fourier" else SY).full()
        assert np.abs(expected @ kets.T - kets.T * [1, -1]).max() < 1e-15


def test_kets_of_a_data_set_are_those_of_the_function() -> None:
    plain = small_set({"left": 2, "right": 3})
    H, L = random_system((2, 2), 10)
    model = lindblad_model(H, L, encode, (SZ, "left"), T=0.9, names=("left", "right"))
    study = open_lindblad(model, plain, name="mine")
    arrays = {m.name: m.values for m in plain.modalities} | {"y": plain.y, "split": plain.split}
    assert np.abs(open_lindblad(model, arrays).scores - study.scores).max() < 1e-15
    made = encode({m.name: m.values.astype(float) for m in plain.modalities})
    for name, kets in kets_of(study).items():
        assert np.abs(kets - made[name]).max() < 1e-15
    dataset = study.dataset
    assert dataset.modalities[0].feature_names == ("Re ⟨0|ψ⟩", "Re ⟨1|ψ⟩", "Im ⟨0|ψ⟩", "Im ⟨1|ψ⟩")
    assert dataset.ids.tolist() == plain.ids.tolist()
    assert dataset.split.tolist() == plain.split.tolist()
    assert dataset.table.equals(plain.table)
    assert np.array_equal(dataset.y, plain.y)
    # one sample at a time, and QuTiP's kets, give the same
    by_row = lindblad_model(
        H,
        L,
        lambda x: {
            name: qt.Qobj(ket[0])
            for name, ket in encode({n: v[None] for n, v in x.items()}).items()
        },
        (SZ, "left"),
        T=0.9,
        names=("left", "right"),
        by_row=True,
    )
    again = lindblad_study_data(by_row, plain)
    assert again.digest == dataset.digest


def test_a_classifier_reads_one_observable_a_class() -> None:
    plain = small_set({"left": 2, "right": 2}, classes=("no", "yes"))
    H, L = random_system((2, 2), 13)
    ones = {"no": (qt.basis(2, 0).proj(), "left"), "yes": (qt.basis(2, 1).proj(), "left")}
    study = open_lindblad(lindblad_model(H, L, encode, ones, names=("left", "right")), plain)
    scores = study.trained(study.inputs()).numpy()
    assert scores.sum(1) == pytest.approx(1, abs=1e-12)  # populations
    assert study.probabilities.sum(1) == pytest.approx(1)
    with pytest.raises(InvalidInput, match="has 1 observables, but the data set has 2 classes"):
        open_lindblad(lindblad_model(H, L, encode, names=("left", "right")), plain)
    regression = small_set({"left": 2, "right": 2})
    several = lindblad_model(H, L, encode, ones, names=("left", "right"))
    with pytest.raises(InvalidInput, match="reads one observable"):
        open_lindblad(several, regression)
    assert open_lindblad(several, regression, output="yes").model.outputs == ("yes",)


def test_sequences_come_with_their_mask() -> None:
    planted = data.load("planted")
    few = planted.subset(
        np.concatenate([planted.rows(split)[:20] for split in ("train", "valid", "test")])
    )
    shapes = {}

    def encode_means(x: dict[str, Any]) -> dict[str, np.ndarray]:
        kets = {}
        for name, values in x.items():
            shapes[name] = type(values)
            v = values
            if isinstance(values, tuple):
                v = (values[0] * values[1][..., None]).sum(1) / values[1].sum(1, keepdims=True)
            angle = np.tanh(v.mean(1))
            kets[name] = np.stack([np.cos(angle), np.sin(angle)], 1)
        return kets

    H, L = random_system((2, 2, 2), 14)
    study = open_lindblad(lindblad_model(H, L, encode_means, names=few.names), few)
    assert shapes == {"text": tuple, "audio": tuple, "vision": np.ndarray}
    assert study.dataset.content(0).keys() == few.content(0).keys()
    assert study.dataset.truth is not None


def test_tweaks_change_the_physics_as_in_qutip() -> None:
    dims = (2, 2)
    one, both = 0.6 * on(SZ, 0, dims), 0.9 * on(SX, 0, dims) * on(SX, 1, dims)
    L = [on(0.5 * SM, 0, dims), on(0.3 * SZ, 1, dims)]
    study = open_system(one + both, L, T=1.1, read=(SZ, 0))
    row, kets = study.dataset.row("basis-10"), [np.eye(2)[1], np.eye(2)[0]]
    for text, H, jumps, T in (
        ("H.A-B=0.5", one + 0.5 * both, L, 1.1),
        ("H.A=-2", -2 * one + both, L, 1.1),
        ("D.A=2", one + both, [2 * L[0], L[1]], 1.1),
        ("D.B=0,T=2", one + both, L[:1], 2.0),
    ):
        expected = qt.expect(on(SZ, 0, dims), solved(H, jumps, kets, [0.0, T])[1])
        tweaked = study.model.tweaked(text)
        inputs = study.inputs([row])
        assert float(tweaked(inputs)[0, 0]) == pytest.approx(expected, abs=1e-9)
        state, settings = tweaked.merge_tweak(study.model.state_dict(), study.model.settings, text)
        again = registry.rebuild("lindblad", study.card["inputs"], tweaked.outputs, settings, state)
        again.requires_grad_(False)
        assert float(again(inputs)[0, 0]) == pytest.approx(expected, abs=1e-9)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MODELS", "IMPORTED", "CACHE"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    return tmp_path


def test_models_and_kets_are_stored_in_double_precision(folders: Path) -> None:
    H, L = random_system((2, 3), 15)
    study = open_system(H, L, T=0.7, name="stored")
    card, place = store_study(study)
    assert card.is_file()
    loaded = checkpoint.load("stored")
    dataset = data.load("stored-states")
    assert isinstance(loaded.model, LindbladModel)
    for key, value in study.trained.state_dict().items():
        assert torch.equal(value, loaded.model.state_dict()[key]), key
    assert loaded.model.settings == study.trained.settings
    again = Study("stored", loaded.card, loaded.model, dataset, loaded.model)
    assert np.abs(again.scores - study.scores).max() < 1e-12
    assert np.abs(again.backend.entropies - study.backend.entropies).max() < 1e-12
    for mine, theirs in zip(study.dataset.modalities, dataset.modalities, strict=True):
        assert theirs.values.dtype == np.float64
        assert np.array_equal(mine.values, theirs.values)
    assert dataset.digest == study.dataset.digest
    assert reading.verify_imported("stored-states").digest == dataset.digest
    assert not dataset.target.known
    assert dataset.content(4)["B"].text == study.dataset.content(4)["B"].text
    assert dataset.table.equals(study.dataset.table)
    assert dataset.split.tolist() == study.dataset.split.tolist()
    with pytest.raises(InvalidInput, match="must be new"):
        store_study(study)
    store_study(study, replace=True)
    assert place.is_dir()
    assert checkpoint.load("stored").card["weights"].startswith("stored-")


def test_weights_in_single_precision_are_refused(folders: Path) -> None:
    study = open_system(SX, T=0.7, name="single")
    card, _ = store_study(study)
    tensors = {key: value.float() for key, value in study.trained.state_dict().items()}
    weights = safetensors.torch.save(tensors)
    card.with_suffix(".safetensors").write_bytes(weights)
    words = json.loads(card.read_text()) | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
    card.write_text(json.dumps(words))
    with pytest.raises(IntegrityError, match="not finite numbers in double precision"):
        checkpoint.load("single")


def test_a_set_that_is_opened_in_place_keeps_all_digits(tmp_path: Path) -> None:
    H, L = random_system((2, 3), 15)
    dataset = open_system(H, L, T=0.7).dataset
    writing.write_set(dataset, tmp_path)
    again = reading.open_set(tmp_path)
    assert again.digest == compute_digest(again) == dataset.digest
    assert again.modalities[0].values.dtype == np.float64
    assert not again.target.known


NOT_HERMITIAN = np.array([[0, 1], [0, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"H": qt.QobjEvo([SX, [SZ, lambda t: t]])}, "must be constant, but depends on time"),
        ({"H": [SX, [SZ, lambda t: t]]}, "must be constant, but depends on time"),
        ({"H": lambda: SX}, "must be constant, but depends on time"),
        ({"H": NOT_HERMITIAN, "dims": (2,)}, "`H` must be Hermitian"),
        ({"H": SX - 0.1j * qt.num(2)}, "`H` must be Hermitian"),
        ({"H": np.ones((2, 3)), "dims": (2,)}, "square"),
        ({"H": np.eye(4), "dims": (2, 3)}, r"shape \(6, 6\) for dims \(2, 3\)"),
        ({"H": np.eye(4)}, "`dims` must hold the dimensions"),
        ({"H": np.eye(4), "dims": (2, 2.5)}, "whole numbers"),
        ({"H": np.eye(4), "dims": (4, 1)}, "at least 2"),
        ({"H": np.eye(2), "dims": (2,) * 13}, "at most 12"),
        ({"H": np.eye(2), "dims": (100, 100)}, "joint dimension of at most 4,096"),
        ({"H": qt.tensor(SX, SX), "dims": (2, 3)}, "`dims` must be that of `H`"),
        ({"H": np.diag([np.nan, 1]), "dims": (2,)}, "`H` must be finite"),
        ({"H": "sigmax", "dims": (2,)}, "operator of QuTiP or an array"),
        ({"H": qt.basis(2, 0)}, "must be an operator, but is a 'ket'"),
        ({"H": qt.liouvillian(SX)}, "must be an operator, but is a 'super'"),
        ({"L": SM}, "must be a list of operators"),
        ({"L": (SM, "A")}, "is one pair"),
        ({"L": [qt.tensor(SM, SM)]}, r"L\[0\]` must act on subsystems of dims \(2,\)"),
        ({"L": [np.full((2, 2), np.inf)]}, r"L\[0\]` must be finite"),
        ({"L": [(SM, 3)]}, "subsystem from 0 to 0"),
        ({"L": [qt.QobjEvo([SX, [SZ, lambda t: t]])]}, "depends on time"),
        ({"read": SM}, r"read\[score\]` must be Hermitian"),
        ({"read": {}}, "at least one observable"),
        ({"T": -1}, "`T` must lie between"),
        ({"T": np.nan}, "`T` must lie between"),
        ({"names": ("a", "b")}, "`names` must hold 1 different names"),
        ({"names": ("a+b",)}, "`names` must hold 1 different names"),
        ({"encode": 3}, "`encode` must be a function"),
        ({"outputs": ("a", "b")}, "`outputs` must name each of the 1"),
    ],
)
def test_what_is_no_lindblad_system_is_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"H": SX} | arguments
    with pytest.raises(InvalidInput, match=message):
        lindblad_model(**given)


def test_names_of_subsystems_are_checked() -> None:
    with pytest.raises(NotFound, match="Subsystem of L"):
        lindblad_model(SX, [(SM, "B")])
    with pytest.raises(InvalidInput, match="at most 1,024 levels"):
        open_system(np.zeros((2048, 2048)), dims=(2,) * 11)
    with pytest.raises(InvalidInput, match="not trained"):
        train("lindblad", small_set({"A": 4}), options={"epochs": 1})
    with pytest.raises(InvalidInput, match="must be a Lindblad system"):
        open_lindblad(SX)  # type: ignore[arg-type]


def long_ket(x: dict[str, Any]) -> dict[str, Any]:
    kets = encode(x)
    kets["right"][4] *= 1.001
    return kets


def mixed(x: dict[str, Any]) -> dict[str, Any]:
    return {name: kets[:, :, None] * kets[:, None].conj() for name, kets in encode(x).items()}


def not_finite(x: dict[str, Any]) -> dict[str, Any]:
    kets = encode(x)
    kets["left"][2] = np.nan
    return kets


@pytest.mark.parametrize(
    ("function", "by_row", "message"),
    [
        (long_ket, False, r"norm 1, but that of sample 's4' \(row 4\) has norm 1\.001"),
        (not_finite, False, "sample 's2'"),
        (mixed, False, "density matrices .* purify it"),
        (lambda x: {"left": encode(x)["left"]}, False, "returns \\['left'\\]"),
        (lambda x: [1], False, "returns list"),
        (lambda x: {n: k[:, :1] for n, k in encode(x).items()}, False, r"of shape \(8, 2\)"),
        (lambda x: dict.fromkeys(x, "ket"), False, "complex numbers, but returns a str"),
        (
            lambda x: dict.fromkeys(x, qt.basis(2, 0).proj()),
            True,
            "returns a 'oper' of QuTiP. A mixed state has no ket",
        ),
        (lambda x: dict.fromkeys(x, qt.basis(3, 0)), True, "for sample 's0'"),
    ],
)
def test_what_is_no_ket_is_refused(function: Any, by_row: bool, message: str) -> None:
    H, _ = random_system((2, 2), 16, 0)
    model = lindblad_model(H, (), function, names=("left", "right"), by_row=by_row)
    with pytest.raises(InvalidInput, match=message):
        open_lindblad(model, small_set({"left": 2, "right": 2}))


def test_features_that_are_no_amplitudes_need_a_function() -> None:
    H, _ = random_system((2, 2), 16, 0)
    model = lindblad_model(H, names=("left", "right"))
    with pytest.raises(InvalidInput, match="The model has no `encode`"):
        open_lindblad(model, small_set({"left": 2, "right": 2}))
    with pytest.raises(InvalidInput, match="must have norm 1"):
        open_lindblad(model, small_set({"left": 4, "right": 4}))


PAGE = Path(__file__).resolve().parents[3] / "docs" / "plugins" / "systems.md"


def test_programs_of_the_page_run(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [name for name, _ in programs] == ["rabi.py", "opinions.py"]
    for name, code in programs:
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
    score, shape = capsys.readouterr().out.split("\n")[:2]
    a, sm = qt.tensor(qt.qeye(2), qt.destroy(5)), qt.tensor(SM, qt.qeye(5))
    H = a.dag() * sm + a * sm.dag() + 0.2 * a.dag() * a
    rho = solved(H, [0.3 * a], [np.eye(2)[1], np.eye(5)[4]], [0.0, 3.0])[1]
    assert float(score) == pytest.approx(qt.expect(a.dag() * a, rho), abs=1e-8)
    assert shape == "(3000, 8, 1)"
    assert {"rabi", "by-hand"} <= set(checkpoint_cards.available())
    assert {"rabi-states", "planted-kets"} <= set(imported_names())
