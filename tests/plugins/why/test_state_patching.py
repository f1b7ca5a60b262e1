"""State patching between samples against QuTiP's mesolve and dense exponentials; laws; invalid input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import qutip
import scipy.linalg
import torch

from qfusion import cli, explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import QuantumJump
from qfusion.plugins.why.cuts import state_cuts
from qfusion.plugins.why.pieces import model_pieces, patching, state_patching
from qfusion.plugins.why.pieces.words import describe_patches
from qfusion.study import opening
from tests.plugins.why.support import problem
from tests.support.entangled import model_of

TIMES = [0.0, 0.3, 0.7, 1.0]
EVERY = tuple(state_patching.PATCH_KINDS)
SMALL = [(2, 2), (2, 3), (2, 2, 2)]


def start(model: QuantumJump, inputs: dict[str, torch.Tensor], row: int) -> np.ndarray:
    """The product state of a sample, (D, D)."""
    psi = model.product_state(model.encode(inputs))[row].detach().numpy()
    return np.outer(psi, psi.conj())


def patched(A: qutip.Qobj, B: qutip.Qobj, m: int, kind: str) -> qutip.Qobj:
    """What stands in A's place, by QuTiP's ptrace and tensor alone."""
    rest = [k for k in range(len(A.dims[0])) if k != m]
    order = list(np.argsort([m, *rest]))

    def join(local: qutip.Qobj) -> qutip.Qobj:
        return qutip.tensor(local, A.ptrace(rest)).permute(order)

    if kind == "product":
        return join(B.ptrace([m]))
    return A - join(A.ptrace([m])) + join(B.ptrace([m]))


@pytest.mark.parametrize("dims", SMALL)
def test_patches_equal_qutip(dims: tuple[int, ...]) -> None:
    model, inputs = problem(dims)
    shape = [list(dims)] * 2
    H = qutip.Qobj(model.generator().hamiltonian().detach().numpy(), dims=shape)
    L = [qutip.Qobj(one.numpy(), dims=shape) for one in model.generator().jump_operators().detach()]
    O = [qutip.Qobj(one.numpy(), dims=shape) for one in model.readout().detach()]
    options = {"method": "vern9", "rtol": 1e-10, "atol": 1e-12, "nsteps": 100_000}

    def evolve(rho: qutip.Qobj, time: float) -> qutip.Qobj:
        if time == 0:
            return rho
        return qutip.mesolve(H, rho, [0, time], c_ops=L, options=options).states[-1]

    A, B = (qutip.Qobj(start(model, inputs, row), dims=shape) for row in (0, 1))
    first, second = ({name: x[[row]] for name, x in inputs.items()} for row in (0, 1))
    result = state_patching.patch_states(model, first, second, TIMES)
    for k, kind in enumerate(EVERY):
        for m in range(len(dims)):
            for i, time in enumerate(TIMES):
                state = patched(evolve(A, time), evolve(B, time), m, kind)
                end = evolve(state, model.duration - time)
                scores = [(o * end).tr().real for o in O] + model.bias.detach().numpy()
                assert result.scores[k, m, i, 0] == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize("dims", SMALL)
def test_patches_equal_dense_exponentials(dims: tuple[int, ...]) -> None:
    model, inputs = problem(dims, seed=3)
    D, n = int(np.prod(dims)), len(dims)
    H = model.generator().hamiltonian().detach().numpy()
    one, jumps = np.eye(D), model.generator().jump_operators().detach().numpy()
    rate = -1j * (np.kron(H, one) - np.kron(one, H.T))  # of rows one after another
    for L in jumps:
        LL = L.conj().T @ L
        rate += np.kron(L, L.conj()) - 0.5 * (np.kron(LL, one) + np.kron(one, LL.T))

    def evolve(rho: np.ndarray, time: float) -> np.ndarray:
        return (scipy.linalg.expm(rate * time) @ rho.ravel()).reshape(D, D)

    first, second = ({name: x[[row]] for name, x in inputs.items()} for row in (0, 1))
    result = state_patching.patch_states(model, first, second, TIMES)
    for i, time in enumerate(TIMES):
        A, B = (
            qutip.Qobj(evolve(start(model, inputs, row), time), dims=[list(dims)] * 2)
            for row in (0, 1)
        )
        for m in range(n):
            for k, kind in enumerate(EVERY):
                end = evolve(patched(A, B, m, kind).full(), model.duration - time)
                O = model.readout().detach().numpy()
                scores = np.einsum("cab,ba->c", O, end).real + model.bias.detach().numpy()
                assert result.scores[k, m, i, 0] == pytest.approx(scores, abs=1e-10)


def test_patch_from_the_sample_itself_has_no_effect() -> None:
    model, inputs = problem((2, 3, 2), B=4)
    result = state_patching.patch_states(model, inputs, inputs, TIMES)
    assert state_patching.PATCH_DEFAULT == "local"
    assert np.abs(result.scores[0] - result.before).max() < 1e-10
    assert np.abs(result.donor - result.before).max() < 1e-10
    # with the correlation thrown away it is the cut
    cut = state_cuts.cut_correlations(model, inputs, TIMES, kinds=("cut",))
    assert result.scores[1] == pytest.approx(cut.scores[0], abs=1e-10)
    assert np.isnan(result.restored).all()
    assert not result.turned[0].any()
    assert describe_patches(result).startswith("Both samples give the same output")


def test_patch_at_the_start_equals_the_other_modality() -> None:
    model, inputs = problem((2, 3, 2), B=2)
    first, second = ({name: x[[row]] for name, x in inputs.items()} for row in (0, 1))
    result = state_patching.patch_states(model, first, second, [0.0])
    for m, name in enumerate(model.modalities):
        swapped = model(first | {name: second[name]}).detach().numpy()
        for k in range(len(EVERY)):
            assert result.scores[k, m, 0] == pytest.approx(swapped, abs=1e-10)


def test_mean_background_states_can_be_patched() -> None:
    model, inputs = problem((2, 2, 2), B=6)
    behind = explain.background(model, inputs, "joint")
    first = {name: x[[0]] for name, x in inputs.items()}
    each = state_patching.patch_states(
        model, {n: x[[0] * 6] for n, x in inputs.items()}, inputs, TIMES
    )
    mean = state_patching.patch_states(model, first, behind, TIMES)
    assert mean.scores[0, :, :, 0] == pytest.approx(each.scores[0].mean(2), abs=1e-10)
    assert mean.donor[0] == pytest.approx(each.donor.mean(0), abs=1e-10)


def test_batched_pairs_equal_single_ones() -> None:
    model, inputs = problem((2, 3), B=4)
    donors = {name: x.flip(0) for name, x in inputs.items()}
    many = state_patching.patch_states(model, inputs, donors, TIMES)
    for row in range(4):
        one = state_patching.patch_states(
            model,
            {name: x[[row]] for name, x in inputs.items()},
            {name: x[[row]] for name, x in donors.items()},
            TIMES,
        )
        assert many.scores[..., row, :] == pytest.approx(one.scores[..., 0, :], abs=1e-10)


@pytest.mark.parametrize("C", [1, 3])
def test_shares_and_flips_follow_from_scores(C: int) -> None:
    model, inputs = problem((2, 2, 2), B=8, C=C, scale=2.0)
    donors = {name: x.roll(1, 0) for name, x in inputs.items()}
    result = state_patching.patch_states(model, inputs, donors, TIMES)
    decide = (lambda s: int(s[0] > 0)) if C == 1 else (lambda s: int(s.argmax()))
    for b in range(8):
        own, other = decide(result.before[b]), decide(result.donor[b])
        for m, i in np.ndindex(3, len(TIMES)):
            after = result.scores[0, m, i, b]
            assert result.turned[0, m, i, b] == (decide(after) != own)
            weights = np.zeros(C)
            weights[0 if C == 1 else own] = 1
            if C > 1 and own != other:
                weights[other] = -1
            gap = weights @ (result.donor[b] - result.before[b])
            share = weights @ (after - result.before[b]) / gap
            assert result.restored[0, m, i, b] == pytest.approx(share)
    assert len(result.frame()) == 2 * 3 * len(TIMES)


def of(scores: list[list[float]]) -> state_patching.Patches:
    """Patches of a single score, -1 without them and 1 of the donor."""
    values = np.array(scores)[None, :, :, None, None]
    return state_patching.Patches(
        ("text", "audio"),
        ("y",),
        np.array([0.0, 0.5, 1.0]),
        np.repeat(values, 2, 0),
        np.array([[-1.0]]),
        np.array([[1.0]]),
    )


@pytest.mark.parametrize(
    ("text", "audio", "words"),
    [
        ([-0.5, -0.8, -1.0], [-0.9, -0.4, -0.9], "No single modality's state from B flips the dec"),
        ([0.5, -0.8, -1.0], [-1, -1, -1], "Patching in text at t = 0.00 from B flips the decision"),
        (
            [0.5, 0.8, -1.0],
            [-1, -1, 0.1],
            "Patching in text until t = 0.50 or audio at t = 1.00 from B",
        ),
        (
            [-1, 0.8, 0.2],
            [-1, -1, -1],
            "Patching in text from t = 0.50 to 1.00 from B flips the dec",
        ),
        (
            [0.5, -0.8, 0.2],
            [-1, -1, -1],
            "Patching in text at 2 of 3 times from B flips the decision",
        ),
        ([0.5, 0.8, 0.2], [-1, -1, -1], "Patching in text at any time from B flips the decision"),
        ([-1, 0.8, -0.2], [-1, -1, -1], "Patching in text at t = 0.50 from B flips the de"),
    ],
)
def test_title_states_when_a_decision_flips(
    text: list[float], audio: list[float], words: str
) -> None:
    assert describe_patches(of([text, audio]), donor="B").startswith(words)


def test_overshooting_patches_are_not_nearest() -> None:
    said = describe_patches(of([[-6.0, -0.8, -1.0], [-1, -0.1, -1]]), donor="B")
    assert said.endswith("audio restores most, 45% of the difference at t = 0.50")


def test_invalid_patches_are_refused() -> None:
    model, inputs = problem((2, 2), B=3)
    two = {name: x[:2] for name, x in inputs.items()}
    with pytest.raises(InvalidInput, match="must hold 3 samples, one for each, or one for all"):
        state_patching.patch_states(model, inputs, two)
    with pytest.raises(NotFound, match="Kind of patch 'both' does not exist"):
        describe_patches(state_patching.patch_states(model, inputs, inputs), kind="both")
    with pytest.raises(InvalidInput, match="times"):
        state_patching.patch_states(model, inputs, inputs, [2.0])
    other, theirs = problem((3, 2), B=3)
    with pytest.raises(InvalidInput, match="background"):
        state_patching.patch_states(model, inputs, explain.background(other, theirs, "joint"))
    with pytest.raises(InvalidInput, match="time"):
        state_patching.patch_states(model_of(4), inputs, inputs)
    alone, one = problem((2,))
    with pytest.raises(InvalidInput, match="two modalities or more"):
        state_patching.patch_states(alone, one, one)


def test_panel_uses_the_nearest_sample_with_another_decision() -> None:
    one = opening.open_sample("qj-parity", "pair-6601")
    other = patching.partner(one)
    study = one.study
    assert study.predicted[study.dataset.row(other)] != study.predicted[one.row]
    picture = model_pieces.state_patching(one)
    assert other in picture.caption.replace("\\", "")
    assert set(picture.numbers["kind"]) == set(EVERY)
    mean = model_pieces.state_patching(one, lender=model_pieces.MEAN)
    assert "background's mean" in mean.title
    with pytest.raises(InvalidInput, match="cannot be patched with itself"):
        model_pieces.state_patching(one, donor=one.id)
    with pytest.raises(NotFound, match="Kind of patch"):
        model_pieces.state_patching(one, kind="both")


def test_the_command_line_prints_patches(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["why", "--model", "qj-parity", "--patch", "pair-6601", "pair-6602", "--json"]
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code
    result = json.loads(capsys.readouterr().out)["patch"]
    study = opening.open_study("qj-parity")
    first, second = (study.inputs([study.dataset.row(f"pair-660{i}")]) for i in (1, 2))
    swapped = study.model(first | {"left": second["left"]})[0].numpy()
    begin = next(row for row in result["patches"] if row["modality"] == "left" and row["t"] == 0)
    assert [begin[f"output[{name}]"] for name in study.classes] == pytest.approx(swapped, abs=1e-8)
    with pytest.raises(SystemExit):
        cli.main(["why", "--data", "parity", "--patch", "pair-6601", "pair-6602"])
    assert "No question is given" in capsys.readouterr().err
