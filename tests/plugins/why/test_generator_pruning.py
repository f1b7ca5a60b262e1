"""The smallest generator: planted terms, brute force, laws, invalid input."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score

from qfusion import cli
from qfusion.data import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import bootstrap, interval_ends
from qfusion.models import InputSpec, QuantumJump
from qfusion.models.jump import kets
from qfusion.models.tweak import Tweak
from qfusion.plugins.why.cuts import cut_losses
from qfusion.plugins.why.pieces import generator_pruning, generator_retraining, model_pieces
from qfusion.plugins.why.pieces.words import describe_pruning
from qfusion.quantum.decomposition import decompose, subset_name, subsets
from qfusion.study import opening
from qfusion.training import checkpoint, metrics
from tests.plugins.why.support import NAMES, problem
from tests.support.entangled import model_of

TERM_NAMES = tuple(subset_name(s, NAMES) for s in subsets(3) if s)
PLANTED = 3
STRENGTH = 1.0  # of a planted term: its Frobenius norm over sqrt(D)
NOISE = 0.1  # of every other one


def features(B: int, seed: int) -> dict[str, torch.Tensor]:
    """Features of B samples."""
    random = torch.Generator().manual_seed(seed)
    return {name: 2 * torch.randn(B, 3, generator=random, dtype=torch.float64) for name in NAMES}


def with_parts(model: QuantumJump, strengths: dict[str, float]) -> QuantumJump:
    """The model with every term of its generator at a strength, keys as of `smallest`; no term where none is said."""
    H = kets.compose_hermitian(model.A[0].detach())
    L = torch.view_as_complex(model.L[0].detach())
    root = H.shape[-1] ** 0.5
    for letter, whole, weights in (("H", H, model.A), ("D", L, model.L)):
        parts = decompose(whole, model.dims)
        total = torch.zeros_like(whole)
        for subset, part in parts.items():
            strength = strengths.get(f"{letter}[{subset_name(subset, NAMES)}]", 0.0)
            if subset and strength:
                total += strength * root * part / torch.linalg.vector_norm(part)
        is_H = letter == "H"
        weights[0].data = (
            kets.hermitian_entries(total) if is_H else torch.view_as_real(total.contiguous())
        )
    return model


def planted(seed: int, outputs: int = 1) -> tuple[QuantumJump, QuantumJump, list[str]]:
    """A teacher with 3 of 14 terms; a student that has the others too, weakly, and is the same besides; and the 3."""

    def fresh() -> QuantumJump:
        torch.manual_seed(seed)
        inputs = {name: InputSpec(3) for name in NAMES}
        names = [f"y{c}" for c in range(outputs)]
        model = QuantumJump(inputs, names, dims=2, jumps=2, hidden=4, dropout=0.0)
        return model.double().eval().requires_grad_(False)

    keys = [f"{letter}[{name}]" for letter in "HD" for name in TERM_NAMES]
    assert len(keys) == 14
    chosen = sorted(np.random.default_rng(seed).permutation(keys)[:PLANTED].tolist())
    teacher = with_parts(fresh(), dict.fromkeys(chosen, STRENGTH))
    student = with_parts(fresh(), dict.fromkeys(keys, NOISE) | dict.fromkeys(chosen, STRENGTH))
    return teacher, student, chosen


@pytest.mark.usefixtures("unchecked_shapes")  # 1,000 small evolutions
def test_planted_terms_are_kept() -> None:
    """Of five students, each a teacher with noise on the eleven terms that it does not have, before data that the
    teacher labelled: nothing is trained. One after another, and by gates on all."""
    hits, by_gates = 0, 0
    for seed in range(5):
        teacher, student, chosen = planted(seed)
        rows = [features(150, 100 + seed), features(150, 200 + seed)]
        labelled = [(x, teacher(x)[:, 0].numpy()) for x in rows]
        result = generator_pruning.prune(student, *labelled, "regression", orders=0)
        assert result.chosen[PLANTED] > result.chosen[-1]  # the noise did harm
        hits += result.size == PLANTED and sorted(result.left(PLANTED)) == chosen
        by_gates += sorted(result.gated[-PLANTED:]) == chosen
    assert hits >= 4
    assert by_gates >= 4


def test_noise_terms_are_removed_after_retraining() -> None:
    """The planted set, trained on from a student whose planted terms are off as well, labels as the teacher does; what
    was taken out stays exactly zero."""
    teacher, student, chosen = planted(0)
    off = with_parts(student, dict.fromkeys(chosen, 0.7 * STRENGTH))
    data = labelled_set(teacher, 600)
    keys = [f"{letter}[{name}]" for letter in "HD" for name in TERM_NAMES]
    tweak = generator_pruning.remove_terms(Tweak(), set(keys) - set(chosen))
    before = metrics.evaluate(off.tweaked(tweak), data, "test")["r2"]
    model = generator_retraining.retrain(off, data, tweak, 20)
    assert model.tweak is None
    after = metrics.evaluate(model, data, "test")["r2"]
    assert after > max(before, 0.9)
    for letter, whole in (("H", model.generator().hamiltonian()), ("D", model.system().jumps)):
        for subset, part in decompose(whole, model.dims).items():
            if subset and f"{letter}[{subset_name(subset, NAMES)}]" not in chosen:
                assert float(part.abs().max()) < 1e-12


def labelled_set(teacher: QuantumJump, N: int) -> DataSet:
    """Rows that a teacher labelled, and said to be of a number."""
    x = features(N, 5)
    ids = np.array([f"s{i}" for i in range(N)])
    return DataSet(
        name="labelled",
        title="Labelled",
        description="",
        source="",
        licence="",
        modalities=tuple(
            Modality(name, values.float().numpy(), None, ("a", "b", "c"))
            for name, values in x.items()
        ),
        target=Target("regression", "score", convention="plain"),
        y=teacher(x)[:, 0].numpy(),
        ids=ids,
        split=np.array(["train"] * (N // 2) + ["valid"] * (N // 4) + ["test"] * (N // 4)),
        table=pd.DataFrame(index=pd.Index(ids, name="id")),
    )


@pytest.fixture
def few_gate_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not asked in which order gates close."""
    monkeypatch.setattr(generator_pruning, "GATE_STEPS", 20)


@pytest.mark.usefixtures("few_gate_steps")
@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_every_subset_equals_the_tweaked_model(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    C = 3 if kind == "classification" else 1
    model, x = problem((2, 2), B=55, C=C)
    random = np.random.default_rng(0)
    y = random.integers(0, C, 55).astype(np.int32) if C > 1 else random.normal(size=55)
    first, second = ({n: v[part] for n, v in x.items()} for part in (slice(25), slice(25, 55)))
    steps: list[tuple[int, int]] = []

    @contextlib.contextmanager
    def shown(title: str) -> Any:
        yield lambda done, total: steps.append((done, total))

    monkeypatch.setattr(generator_pruning, "progress_shown", shown)
    monkeypatch.setattr(cut_losses, "RESAMPLES", 50)
    pair = np.minimum(np.arange(30), 24)[:, None]
    result = generator_pruning.prune(
        model, (first, y[:25]), (second, y[25:]), kind, orders=3, seed=7, clusters=pair
    )
    assert steps[-1][0] == steps[-1][1] == steps[0][1]
    assert (np.diff([done for done, _ in steps]) > 0).all()
    assert sorted(result.terms) == sorted(
        f"{letter}[{name}]" for letter in "HD" for name in ("text", "audio", "text+audio")
    )
    name = cut_losses.METRICS[kind][0]
    for k in range(7):
        pruned = model.tweaked(result.tweak(k))
        for inputs, truth, value in (
            (first, y[:25], result.chosen[k]),
            (second, y[25:], result.shown.value[k]),
        ):
            scores = pruned(inputs).detach().numpy()
            measured = metrics.score_metrics(scores, truth, kind, "plain")[name]
            assert value == pytest.approx(measured, abs=1e-10)
    # each step is the best of all that were left
    loss = generator_pruning.prediction_loss
    for step in range(6):
        gone, left = result.terms[:step], result.terms[step:]
        options = {
            key: loss(
                model.tweaked(generator_pruning.remove_terms(Tweak(), [*gone, key]))(first)
                .detach()
                .numpy(),
                y[:25],
                kind,
            )
            for key in left
        }
        assert min(options, key=lambda key: options[key]) == result.terms[step]
    assert result.random[:, 0] == pytest.approx(result.shown.value[0])
    assert result.random[:, -1] == pytest.approx(result.shown.value[-1])
    assert len(result.frame()) == 7
    # the order of the gates is shown on the same rows, set by set
    assert sorted(result.gated) == sorted(result.terms)
    for k, value in enumerate(result.by_gates):
        gates = model.tweaked(generator_pruning.remove_terms(Tweak(), result.gated[: 6 - k]))
        scores = gates(second).detach().numpy()
        assert value == pytest.approx(metrics.score_metrics(scores, y[25:], kind, "plain")[name])
    assert (result.metric, result.base, result.choosing, result.showing) == (name, Tweak(), 25, 30)
    most = [np.unique(part, return_counts=True)[1].max() / len(part) for part in (y[:25], y[25:])]
    answers = most if C > 1 else [0.0, 0.0]  # one for all: the most frequent class, the mean
    assert result.chance == pytest.approx(answers[0])
    # what the generator adds is counted from no term, or from one answer for all where that is better
    columns = [model.tweaked(result.tweak(k))(second).detach().numpy() for k in range(7)]

    def curve(rows: np.ndarray) -> np.ndarray:
        truth = y[25:][rows]
        return np.array(
            [
                r2_score(truth, scores[rows, 0])
                if C == 1
                else (scores[rows].argmax(1) == truth).mean()
                for scores in columns
            ]
        )

    (counts,) = bootstrap.counts(30, cut_losses.RESAMPLES, 7, pair)
    drawn = np.array([curve(np.repeat(np.arange(30), row.astype(int))) for row in counts])
    for field, of in (
        ("shown", lambda curves: curves),
        ("gain", lambda curves: curves[:, -1:] - np.maximum(curves[:, :1], answers[1])),
        (
            "shares",
            lambda curves: (
                (curves - (least := np.maximum(curves[:, :1], answers[1])))
                / np.where(curves[:, -1:] == least, np.nan, curves[:, -1:] - least)
            ),
        ),
    ):
        estimates = getattr(result, field)
        ends = np.quantile(of(drawn), interval_ends.edges(25), axis=0)
        for ours, theirs in zip(
            (estimates.value, estimates.low, estimates.high),
            (of(result.shown.value[None])[0], *ends),
            strict=True,
        ):
            assert ours == pytest.approx(theirs, nan_ok=True)


@pytest.mark.usefixtures("few_gate_steps")
def test_existing_tweak_is_kept() -> None:
    model, x = problem((2, 2), B=30, C=1)
    y = np.random.default_rng(0).normal(size=30)
    tweaked = model.tweaked("T=0.5,H.text=2")
    result = generator_pruning.prune(tweaked, (x, y), (x, y), "regression", orders=0)
    assert result.tweak(6) == tweaked.tweak
    assert result.tweak(0).duration == 0.5
    assert set(result.tweak(0).couplings.values()) == {0.0}


def pruning(chosen: list[float], low: float | None) -> generator_pruning.Pruning:
    """Two terms whose sets have these metrics on both kinds of rows."""
    values = np.array(chosen)
    low_end = None if low is None else np.array([low])

    def estimates(center: np.ndarray) -> cut_losses.Estimates:
        return cut_losses.Estimates(center, center - 0.01, center + 0.01)

    gain = cut_losses.Estimates(
        values[-1:] - values[0], low_end, None if low is None else values[-1:]
    )
    shares = (values - values[0]) / (values[-1] - values[0])
    return generator_pruning.Pruning(
        ("H[text]", "D[audio]"),
        Tweak(),
        "r2",
        0.0,
        values,
        50,
        estimates(values),
        80,
        estimates(shares),
        gain,
        values[None],
        ("H[text]", "D[audio]"),
        values,
    )


def test_pruning_table_has_one_row_per_subset() -> None:
    made = replace(
        pruning([0.0, 0.5, 0.6], 0.3),
        chosen=np.array([0.1, 0.2, 0.3]),
        gated=("D[audio]", "H[text]"),
        random=np.array([[0.0, 0.1, 0.2], [0.4, 0.7, 0.9]]),
        by_gates=np.array([0.05, 0.15, 0.25]),
    )
    frame = made.frame()
    expected = {
        "terms": [0, 1, 2],
        "next": ["", "D[audio]", "H[text]"],
        "next_by_gates": ["", "H[text]", "D[audio]"],
        "chosen": [0.1, 0.2, 0.3],
        "r2": [0.0, 0.5, 0.6],
        "share": made.shares.value.tolist(),
        "share_low": made.shares.low.tolist(),
        "share_high": made.shares.high.tolist(),
        "by_gates": [0.05, 0.15, 0.25],
        "random_mean": pytest.approx([0.2, 0.4, 0.55]),
    }
    assert frame.to_dict("list") == expected
    bare = replace(made, shares=cut_losses.Estimates(made.shares.value, None, None)).frame()
    assert set(expected) - set(bare) == {"share_low", "share_high"}
    assert (made.left(0), made.left(1), made.left(2)) == (
        (),
        ("D[audio]",),
        ("D[audio]", "H[text]"),
    )


@pytest.mark.parametrize(
    ("chosen", "chance", "size"),
    [
        ([0.0, 0.5, 0.51], 0.0, 1),
        ([0.0, 0.484, 0.51], 0.0, 2),  # 95 % of what the best set adds, no less
        ([0.2, 0.5, 0.4], 0.45, 1),  # more than one answer for all, which is better than none
        ([0.2, 0.44, 0.4], 0.45, 0),
        ([-9.0, 0.05, 0.5], 0.0, 2),  # what no term reaches may be worse than one answer
        ([0.3, 0.3, 0.3], 0.3, 0),
    ],
)
def test_smallest_generator_is_nearly_as_good_as_the_best(
    chosen: list[float], chance: float, size: int
) -> None:
    assert (
        replace(pruning([0.0, 0.5, 0.6], 0.3), chosen=np.array(chosen), chance=chance).size == size
    )


def test_retrained_subsets_are_measured_on_test_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With nothing trained, each is the tweaked model itself."""
    teacher, student, _ = planted(0)
    dataset = labelled_set(teacher, 40)
    calls = []

    def trained(model: QuantumJump, data: DataSet, tweak: Tweak, *more: int) -> QuantumJump:
        calls.append((data, *more))
        return model.tweaked(tweak)

    monkeypatch.setattr(generator_retraining, "retrain", trained)
    result = pruning([0.0, 0.5, 0.51], 0.3)
    assert result.size == 1
    values, smallest = generator_retraining.retrain_sets(student, dataset, result, 5, 3)
    assert calls == [(dataset, 5, 3)] * 3
    expected = [
        metrics.evaluate(student.tweaked(result.tweak(k)), dataset, "test")["r2"] for k in range(3)
    ]
    assert values.tolist() == pytest.approx(expected)
    assert str(smallest.tweak) == str(result.tweak(1)) != str(result.tweak(2))


def test_gates_are_drawn_from_the_distribution_of_the_paper() -> None:
    """Louizos, Welling and Kingma 2018, section 4: beta = 2/3, gamma = -0.1, zeta = 1.1."""
    assert (generator_pruning.TEMPERATURE, *generator_pruning.STRETCHED) == (2 / 3, -0.1, 1.1)


def test_title_matches_the_result() -> None:
    one = pruning([0.0, 0.5, 0.51], 0.3)
    assert one.size == 1
    assert describe_pruning(one).startswith(
        "1 of 2 generator terms keeps 98% of the gain in R2 (95% CI 97% to 99%, 80 test samples): D[aud"
    )
    assert describe_pruning(pruning([0.0, 0.1, 0.2], -0.1)).startswith(
        "No significant effect of the generator on R2"
    )
    assert describe_pruning(pruning([0.0, 0.1, 0.2], None)).startswith(
        "No significant effect of the generator on R2"
    )
    assert pruning([0.4, 0.3, 0.2], -0.4).size == 0
    none = describe_pruning(pruning([0.4, 0.3, 0.2], 0.3))
    assert none.startswith("No generator term is kept: none improves R2 ")


def test_models_without_terms_are_refused() -> None:
    model, x = problem((2, 2), B=12, C=1)
    y = np.zeros(12)
    with pytest.raises(InvalidInput, match="one value for each of 12 rows"):
        generator_pruning.prune(model, (x, y[:3]), (x, y), "regression")
    one = {name: part[:1] for name, part in x.items()}
    assert generator_pruning.product_kets(model, one, y[:1]).shape == (1, 4)
    with pytest.raises(InvalidInput, match="one at least, but has 0"):
        generator_pruning.product_kets(model, {name: part[:0] for name, part in x.items()}, y[:0])
    with pytest.raises(NotFound, match="Kind of target 'ranking'"):
        generator_pruning.prune(model, (x, y), (x, y), "ranking")
    still, _ = problem((2, 2), C=1, evolution="none")
    with pytest.raises(InvalidInput, match="must evolve"):
        generator_pruning.prune(still, (x, y), (x, y), "regression")
    with pytest.raises(InvalidInput, match="terms out of"):
        generator_pruning.prune(model_of(4), (x, y), (x, y), "regression")


def test_command_line_prunes_and_writes_the_smallest_generator(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    words = ["why", "--model", "qj-parity", "--smallest", "--keep", "tiny", "--json"]
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code
    result = json.loads(capsys.readouterr().out)["smallest"]
    assert (result["size"], result["of"], result["left"]) == (1, 6, ["H[left+right]"])
    study = opening.open_study("qj-parity")
    picture = model_pieces.smallest_generator(study)
    assert "1 of 6 generator terms keeps" in picture.title
    assert f"`{result['tweak']}`" in picture.caption
    tiny = checkpoint.load("tiny").model
    rows = study.dataset.rows("test")
    value = metrics.row_metrics(study.dataset, rows, tiny(study.inputs(rows)).numpy())["accuracy"]
    assert value == pytest.approx(result["curve"][1]["accuracy"], abs=2e-3)  # single precision
    with pytest.raises(SystemExit):
        cli.main(["why", "--model", "qj-parity", "--keep", "tiny"])
    assert "Add --smallest" in capsys.readouterr().err
