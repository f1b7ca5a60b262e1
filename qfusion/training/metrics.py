"""What is measured of models: test metrics, and how far sampled scores are from the master equation's; and what their
encoders make of all samples, which is kept.
"""

import contextlib
import copy
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock, Timeout
from scipy.special import log_softmax

from qfusion import _files, _limits, _sentences
from qfusion._checks import check, require_finite
from qfusion.data import DataSet, files
from qfusion.errors import QFusionError
from qfusion.models import FusionModel, TimeModel, base, can, require
from qfusion.training.options import ALONE, Group, to

# Test metrics: sentiment regression as in MMSA (Mao et al. 2022), any other regression, and classification.
#
# Which of them a data set has follows from its target, see `names`; no two conventions have the same names, so what is
# measured says by which it was.

BINS = 10  # of the certainty


class Label(NamedTuple):
    """How a metric is shown: short name, meaning in a sentence, and whether more is better."""

    short: str
    help: str
    higher_is_better: bool = True


describe: dict[str, Label] = {
    "acc2_non0": Label(
        "Acc-2 (non-zero)",
        "Share of samples with non-zero truth whose sign is predicted right (> 0 against < 0).",
    ),
    "f1_non0": Label("F1 (non-zero)", "Weighted F1 of the sign, over samples with non-zero truth."),
    "acc2_has0": Label(
        "Acc-2 (with zero)",
        "Share of all samples put on the right side, zero counted as positive (>= 0).",
    ),
    "f1_has0": Label(
        "F1 (with zero)", "Weighted F1 of the side, zero counted as positive, over all samples."
    ),
    "acc5": Label("Acc-5", "Share right after clipping to [-2, 2] and rounding to whole numbers."),
    "acc7": Label("Acc-7", "Share right after clipping to [-3, 3] and rounding to whole numbers."),
    "mae": Label("MAE", "Mean absolute error, in units of the score.", False),
    "corr": Label("Correlation", "Pearson correlation of prediction and truth."),
    "r2": Label("R2", "Share of the truth's variance that the prediction explains."),
    "acc2": Label(
        "Acc-2",
        "Share of samples put on the right side after clipping to [-1, 1]: at most 0, or above.",
    ),
    "acc3": Label(
        "Acc-3", "Share right of three classes after clipping to [-1, 1]: cuts at -0.1 and 0.1."
    ),
    "sign": Label(
        "Sign agreement", "Share of samples with non-zero truth whose sign is predicted right."
    ),
    "accuracy": Label("Accuracy", "Share of samples whose class is predicted right."),
    "f1": Label("F1 (macro)", "F1 score, averaged over the classes with equal weight."),
    "nll": Label("Log loss", "Mean negative log likelihood of the true class, in nats.", False),
}
SIMS = {
    "acc2": describe["acc2"],
    "acc3": describe["acc3"],
    "acc5": Label(
        "Acc-5",
        "Share right of five classes after clipping to [-1, 1]: cuts at -0.7, -0.1, 0.1 and 0.7.",
    ),
    "f1": Label(
        "F1 (weighted)", "F1 score of the two sides of Acc-2, weighted by how often each is true."
    ),
    "mae": Label(
        "MAE", "Mean absolute error after clipping to [-1, 1], in units of the score.", False
    ),
    "corr": Label(
        "Correlation", "Pearson correlation of prediction and truth after clipping to [-1, 1]."
    ),
}
# Upper ends of the classes of CH-SIMS; each is (low, high], the first begins at -1.01 and the last ends at 1.01.
SIMS_CUTS = {"acc2": (0.0,), "acc3": (-0.1, 0.1), "acc5": (-0.7, -0.1, 0.1, 0.7)}
NAMES = {
    "mosi": ("acc2_non0", "f1_non0", "acc2_has0", "f1_has0", "acc5", "acc7", "mae", "corr", "r2"),
    "sims": tuple(SIMS),
    "plain": ("mae", "corr", "r2", "sign"),
    "classes": ("accuracy", "f1", "nll"),
}
# What is shown where there is room for few, the first first.
HEADLINES = {
    "mosi": ("acc2_non0", "acc7", "mae", "corr"),
    "sims": ("acc2", "acc5", "mae", "corr"),
    "plain": ("mae", "corr", "r2", "sign"),
    "classes": ("accuracy", "nll"),
}


def names(dataset: DataSet) -> tuple[str, ...]:
    """Returns the names of a data set's metrics: those of its convention, a sign only where targets have both."""
    return tuple(key for key in NAMES[dataset.target.convention] if key != "sign" or dataset.signed)


def convention_of(keys: Iterable[str]) -> str:
    """Returns by which convention metrics of these names were measured."""
    unique = set(keys)
    return next((name for name in ("sims", "classes", "mosi") if unique & _OWN[name]), "plain")


def labels(keys: Iterable[str]) -> dict[str, Label]:
    """Returns how metrics that were measured together are shown, in the order of their convention; what is no metric of
    ours is left out."""
    unique = set(keys)
    convention = convention_of(unique)
    return {
        key: label(key, convention)
        for key in dict.fromkeys((*NAMES[convention], *describe))
        if key in unique
    }


def label(key: str, convention: str = "") -> Label:
    """Returns how one metric of a convention is shown; its bare name where it is none of ours."""
    return (SIMS if convention == "sims" else {}).get(key) or describe.get(key) or Label(key, "")


def headlines(keys: Iterable[str]) -> list[str]:
    """Returns those of metrics that were measured together that are shown where there is room for few."""
    unique = set(keys)
    return [key for key in HEADLINES[convention_of(unique)] if key in unique]


def regression(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns the metrics of MOSI and MOSEI for scores of shape (N,).

    Conventions of MMSA for MOSI and MOSEI: Acc-2 and F1 with zero use >= 0 on all rows; non-zero ones leave out rows
    with truth 0 and use > 0; Acc-5 and Acc-7 round after clipping; MAE and correlation use unclipped scores. A
    correlation that is not defined (one row, or constant scores) is 0.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.
    """
    p, y = _pair(prediction, truth)
    nonzero = y != 0
    nz_p, nz_y = (p[nonzero] > 0, y[nonzero] > 0) if nonzero.any() else (p > 0, y > 0)
    return {
        "acc2_non0": float((nz_p == nz_y).mean()),
        "f1_non0": _f1(nz_y, nz_p, weighted=True),
        "acc2_has0": float(((p >= 0) == (y >= 0)).mean()),
        "f1_has0": _f1(y >= 0, p >= 0, weighted=True),
        "acc5": _rounded(p, y, 2),
        "acc7": _rounded(p, y, 3),
        **_of_numbers(p, y),
        "r2": _r2(p, y),
    }


def sims(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns the metrics of CH-SIMS for scores of shape (N,).

    Conventions of MMSA for SIMS: both are clipped to [-1, 1] for all of them; Acc-2, 3 and 5 are shares of equal
    classes, each (low, high] between cuts; F1 is that of Acc-2's two, weighted by how often each is true. Scores are
    compared with the cuts in single precision, as they are there. A correlation that is not defined (one row, or
    constant scores) is 0.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.
    """
    p, y = (np.clip(values, -1, 1) for values in _pair(prediction, truth))
    classes = {
        key: [
            np.digitize(values.astype(np.float32), np.array(cuts, np.float32), right=True)
            for values in (p, y)
        ]
        for key, cuts in SIMS_CUTS.items()
    }
    return {
        **{key: float((taken == true).mean()) for key, (taken, true) in classes.items()},
        "f1": _f1(classes["acc2"][1], classes["acc2"][0], weighted=True),
        **_of_numbers(p, y),
    }


def plain(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns mean absolute error, correlation, R2 and agreement of signs for scores of shape (N,); the last is that of
    the samples with non-zero truth, 0 where there are none.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.
    """
    p, y = _pair(prediction, truth)
    right = (np.sign(p) == np.sign(y))[y != 0]
    return {
        **_of_numbers(p, y),
        "r2": _r2(p, y),
        "sign": float(right.mean()) if len(right) else 0.0,
    }


def _of_numbers(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    spread = p.std() * y.std() if _varies(p) and _varies(y) else 0.0
    return {
        "mae": float(np.abs(p - y).mean()),
        "corr": float(((p - p.mean()) * (y - y.mean())).mean() / spread) if spread else 0.0,
    }


def _varies(values: np.ndarray) -> bool:
    """Whether numbers differ by more than rounding."""
    return bool(values.std() > 1e-12 * np.abs(values).max())


def _r2(p: np.ndarray, y: np.ndarray) -> float:
    variance = ((y - y.mean()) ** 2).sum()
    return float(1 - ((p - y) ** 2).sum() / variance) if _varies(y) else 0.0


def classification(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Returns accuracy, macro F1 and log loss for scores (N, C) and classes (N,) in 0..C-1.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.
    """
    require_finite("scores", scores)
    check(
        scores.ndim == 2 and len(scores) == len(truth) > 0,
        f"Arguments `scores` (N, C) and `truth` (N,) must agree, but have shapes {scores.shape} and "
        f"{np.shape(truth)}.",
    )
    truth = np.asarray(truth).astype(int)
    chosen = scores.argmax(1)
    return {
        "accuracy": float((chosen == truth).mean()),
        "f1": _f1(truth, chosen),
        "nll": float(-log_softmax(scores, 1)[np.arange(len(truth)), truth].mean()),
    }


def _f1(truth: np.ndarray, chosen: np.ndarray, *, weighted: bool = False) -> float:
    """Mean over the classes that occur, by equal weight or by how often each is true."""
    from sklearn.metrics import f1_score  # on demand: it takes longer to load than a page to draw

    return float(
        f1_score(truth, chosen, average="weighted" if weighted else "macro", zero_division=0.0)
    )


_OWN = {
    "sims": {"acc2", "acc3"},
    "classes": {"accuracy", "nll"},
    "mosi": {"acc2_non0", "acc2_has0", "acc7"},
}


def of_scores(
    scores: np.ndarray, truth: np.ndarray, kind: str, convention: str = "mosi"
) -> dict[str, float]:
    """Returns the metrics for a target of that kind ("regression" or "classification"), scores (N, C), by the
    convention of a regression."""
    return (
        classification(scores, truth)
        if kind == "classification"
        else {"mosi": regression, "sims": sims, "plain": plain}[convention](scores[:, 0], truth)
    )


def of_rows(dataset: DataSet, rows: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Returns the metrics of scores (n, C) of n rows of a data set, those that it has; see `names`."""
    result = of_scores(scores, dataset.y[rows], dataset.target.kind, dataset.target.convention)
    return {key: result[key] for key in names(dataset)}


def evaluate(
    model: torch.nn.Module, dataset: DataSet, split: str, group: Group = ALONE
) -> dict[str, float]:
    """Returns the metrics of a model on one split of a data set, whose rows a group shares; see `of_rows`."""
    rows = dataset.rows(split)
    scores = predict(model, dataset, group.share(rows), final=True)
    return of_rows(dataset, rows, group.gathered(scores))


@torch.no_grad()
def predict(
    model: torch.nn.Module, dataset: DataSet, rows: np.ndarray, final: bool = False
) -> np.ndarray:
    """Returns a model's scores on rows of a data set, of which there may be none, float64 (N, C), without dropout.

    Args:
        final: whether the model's weights do not change any more: then what its encoders make of a large data set is
            kept, see `encoded_inputs`.
    """
    first = next(model.parameters())
    dtype, device = first.dtype, first.device
    training = model.training
    model.eval()
    stored = final and is_kept(model, dataset)
    parts = [
        model(
            to(
                encoded_inputs(model, dataset, block) if stored else dataset.inputs(block, dtype),
                device,
            )
        )
        .double()
        .cpu()
        .numpy()
        for block in dataset.blocks(rows, dtype.itemsize)
    ]
    model.train(training)
    return np.concatenate([np.empty((0, max(1, len(dataset.target.classes)))), *parts])


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Returns mean, standard deviation (ddof 1; 0 for one run) and values of each metric over seeds."""
    return {
        key: {
            "mean": float(np.mean(values)),
            "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            "values": values,
        }
        for key in runs[0]
        if (values := [run[key] for run in runs])
    }


def _pair(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.asarray(prediction, dtype=float), np.asarray(truth, dtype=float)
    check(
        p.shape == y.shape and p.ndim == 1 and len(p) > 0,
        f"Arguments `prediction` and `truth` must both have shape (N,) with N > 0, but have {p.shape} and {y.shape}.",
    )
    require_finite("prediction", p)
    require_finite("truth", y)
    return p, y


def _rounded(p: np.ndarray, y: np.ndarray, limit: int) -> float:
    return float(
        (np.round(np.clip(p, -limit, limit)) == np.round(np.clip(y, -limit, limit))).mean()
    )


def calibration(
    sure: np.ndarray, right: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Returns certainty, accuracy and count of every bin of equal width that is not empty, and the expected
    calibration error (Guo and others 2017, ICML): the mean gap of the two over the samples.

    Args:
        sure: softmax of the predicted class, (N,). right: 1 where it is the true one, else 0, (N,).
        bins: so many from 0 to 1.
    """
    at = np.minimum((sure * bins).astype(int), bins - 1)
    counts = np.bincount(at, minlength=bins)
    matches = counts > 0
    means = [np.bincount(at, values, bins)[matches] / counts[matches] for values in (sure, right)]
    gap = float((np.abs(means[0] - means[1]) * counts[matches]).sum() / max(counts.sum(), 1))
    return means[0], means[1], counts[matches], gap


# What a model's encoders make of every sample of a large data set, kept: worked out once, for all who ask.
#
# Sequences of features are gigabytes, and what encoders make of them is a few numbers a sample. They are kept in the
# cache by the digest of encoders and data, whole or not at all, checked when they are read, the oldest going first;
# processes that want the same wait for the first of them. Explanations of all samples are kept likewise.

HEAVY = 64_000_000  # bytes of features whose encoding a page does not wait for; half of it is worth keeping
SAME = 1e-6  # scores may change by so much where encoders work in single precision; else they work in double
FORMAT = "2"
_KEY = "__key__"  # in a file: what it is kept by, so that a file under another's name is none
_HELD = 8  # data sets and models whose numbers stay in memory

_held: OrderedDict[Path, dict[str, np.ndarray]] = OrderedDict()
_guard = threading.RLock()
_log = logging.getLogger(__name__)


def is_heavy(dataset: DataSet) -> bool:
    """Returns whether a data set's features are so large that pages do not wait until all are encoded, and that what
    encodes them again and again is asked of some samples."""
    return _bytes(dataset) >= HEAVY


def _bytes(dataset: DataSet) -> int:
    return sum(m.values.nbytes for m in dataset.modalities)


def is_kept(model: Any, dataset: DataSet) -> bool:
    """Returns whether what a model makes of a data set is kept: the set has half the size of a heavy one or more, and
    the model's encoders give numbers of each modality."""
    return isinstance(model, FusionModel) and model.encodes and 2 * _bytes(dataset) >= HEAVY


def is_ready(model: Any, dataset: DataSet) -> bool:
    """Returns whether nothing that takes long has to be encoded before `inputs` answers."""
    made = is_heavy(dataset) and is_kept(model, dataset)
    return not made or _find(encoded_place(model, dataset)) is not None


def encoded_inputs(model: Any, dataset: DataSet, rows: Any = None) -> dict[str, Any]:
    """Returns what a model takes for rows of a data set, in double precision: of a heavy one what its encoders made of
    them, of others their features.

    Args:
        model: whose weights do not change any more.
        rows: row numbers, all unless given.
    """
    if not is_kept(model, dataset):
        return dataset.inputs(rows, torch.float64)
    chosen = dataset.rows() if rows is None else np.atleast_1d(np.asarray(rows))
    numbers = encoded_numbers(model, dataset)
    if dataset.own is not None:
        own = encode(model, dataset.own, dataset.own.rows(), torch.float64)
        numbers = {name: np.concatenate([numbers[name], own[name]]) for name in numbers}
    return {
        name: base.Encoded(torch.from_numpy(values[chosen]).double())
        for name, values in numbers.items()
    }


def encoded_numbers(
    model: FusionModel, dataset: DataSet, tell: _sentences.Tell | None = None
) -> dict[str, np.ndarray]:
    """Returns what the encoders make of every sample, by modality, (N, outputs of the encoder).

    Args:
        tell: called after every block where they are at work; else it is shown as `_sentences.progress_shown` says.
    """
    path = encoded_place(model, dataset)
    result = _find(path)
    if result is None:
        with _alone(path):
            result = _find(path)
            if result is None:
                with _sentences.progress_shown("Encoding") as show:
                    result = _remember(path, _made(model, dataset, tell or show))
                _store(path, result)
    return result


def encoded_arrays(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the arrays that `make` gives, from a file if it is there and whole, else made and stored."""
    result = _read(path)
    if result is None:
        result = make()
        _store(path, result)
    return result


def encoded_place(model: FusionModel, dataset: DataSet, *more: str) -> Path:
    """Returns where what a model makes of a data set is kept; `more` says what else it depends on."""
    parts: list[str | bytes] = [
        FORMAT,
        model.kind,
        json.dumps(model.settings, sort_keys=True),
        dataset.digest,
        *more,
        *(f"{name} {spec}" for name, spec in model.input_specs.items()),
    ]
    for name, values in (model.state_dict() if more else model.encoders.state_dict()).items():
        parts += [f"{name} {tuple(values.shape)}", values.detach().cpu().double().numpy().tobytes()]
    return encoded_folder() / f"{files.key_of(parts)}.npz"


def encoded_folder() -> Path:
    """Returns where it is kept."""
    return _files.cache_root() / "encoded"


@torch.no_grad()
def encode(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    dtype: torch.dtype,
    tell: _sentences.Tell | None = None,
) -> dict[str, np.ndarray]:
    """Returns what the encoders make of rows, by modality, (B, outputs of the encoder), a block of features at a time.

    Args:
        model: whose encoders; it is not changed. rows: (B,). dtype: single or double precision.
        tell: called after every block.
    """
    encoders: Any = copy.deepcopy(model.encoders).to("cpu", dtype).eval()
    parts: dict[str, list[np.ndarray]] = {name: [] for name in model.modalities}
    done = 0
    for block in dataset.blocks(rows, torch.finfo(dtype).bits // 8):
        for name, features in dataset.inputs(block, dtype, model.modalities).items():
            parts[name].append(encoders[name](features).numpy())
        done += len(block)
        if tell is not None:
            tell(done, len(rows))
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def _made(
    model: FusionModel, dataset: DataSet, tell: _sentences.Tell | None
) -> dict[str, np.ndarray]:
    # the samples by which that is decided
    few = np.unique(np.linspace(0, len(dataset) - 1, 64).astype(int))
    exact = copy.deepcopy(base.in_double(model)).cpu().eval()

    @torch.no_grad()
    def scores(dtype: torch.dtype) -> torch.Tensor:
        return exact(
            {
                name: base.Encoded(torch.from_numpy(values).double())
                for name, values in encode(model, dataset, few, dtype).items()
            }
        )

    apart = float((scores(torch.float32) - scores(torch.float64)).abs().max())
    return encode(
        model, dataset, dataset.rows(), torch.float32 if apart <= SAME else torch.float64, tell
    )


def _find(path: Path) -> dict[str, np.ndarray] | None:
    """What is kept, in memory or on disk."""
    with _guard:
        if path in _held:
            _held.move_to_end(path)
            return _held[path]
    result = _read(path)
    return None if result is None else _remember(path, result)


def _remember(path: Path, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with _guard:
        _held[path] = result
        while len(_held) > _HELD:
            _held.popitem(last=False)
    return result


def _store(path: Path, numbers: dict[str, np.ndarray]) -> None:
    """Writes arrays unless the disk refuses, which costs time at the next start and nothing else; the oldest go where
    all take too much."""
    try:
        files.write_arrays(path, {**numbers, _KEY: np.array(path.stem)})
    except (OSError, QFusionError) as error:
        _log.warning(
            "What was worked out of all samples cannot be kept, and is worked out again next time: %s",
            error,
        )
    files.bound(encoded_folder(), _limits.get("QFUSION_KEPT_MB") * _limits.MIB, spared=1)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """What a file holds, which is then the newest; what is none of ours, cut short or of another name is removed."""
    numbers = files.read_arrays(path)
    if numbers is not None and str(numbers.pop(_KEY, "")) == path.stem:
        with contextlib.suppress(OSError):
            os.utime(path)
        return numbers
    if path.exists():
        _log.warning(
            "What was kept in %s is damaged or of another model or data set: it is worked out again.",
            path,
        )
        with contextlib.suppress(OSError):
            path.unlink()
    return None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time makes what is kept in a file; where no file can be written each makes its own."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"), is_singleton=False)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except Timeout:
                with _sentences.progress_shown(
                    "Waiting for the process that encodes the same samples"
                ):
                    stack.enter_context(lock.acquire())
        yield


# How far scores from sampled quantum-jump trajectories are from the master equation's.

SAMPLES, REPEATS = 32, 64


@dataclass(frozen=True)
class Sampling:
    """The error of sampled scores against the exact ones, root mean squares over samples and outputs.

    Attributes:
        trajectories: N, of every score.
        error: standard deviation of a score over repeats: its standard error.
        one: that of a score from a single trajectory, sigma, measured apart; the law of large numbers says error =
            sigma / sqrt(N).
        bias: of the scores' mean against the master equation, from the first-order steps; what the repeats' own spread
            explains is taken off.
        spread: standard deviation of the exact scores over samples.
        samples: how many were measured.
    """

    trajectories: int
    error: float
    one: float
    bias: float
    spread: float
    samples: int

    @property
    def expected(self) -> float:
        """sigma / sqrt(N)."""
        return self.one / self.trajectories**0.5

    @property
    def sentence(self) -> str:
        """What was measured, for people."""
        return (
            f"Trained on sampled trajectories: with {self.trajectories} of them the score of a sample has a standard "
            f"error of {self.error:.2g} (sigma / sqrt(N) = {self.expected:.2g}) and, from its finite steps, a bias of "
            f"{self.bias:.2g}; the exact scores of {self.samples} validation samples spread by {self.spread:.2g}. "
            "Explanations use the exact ones."
        )


@torch.no_grad()
def measure_sampling(
    model: TimeModel, inputs: dict[str, Any], seed: int = 0, repeats: int = REPEATS
) -> Sampling:
    """Returns how far the sampled scores of a model are from the exact ones.

    Args:
        model: with dynamics="jumps".
        inputs: of some samples.
        seed: of the trajectories; the global random state stays as it is.
        repeats: how often each score is sampled.

    Raises:
        InvalidInput: when the model does not sample, or `repeats` is below 2.
    """
    check(
        model.samples,
        "Argument `model` must sample trajectories, but solves the master equation. Train it with dynamics='jumps'.",
    )
    check(repeats >= 2, f"Argument `repeats` must be at least 2, but is {repeats}.")
    model = copy.deepcopy(model).eval()
    psi = model.product_state(model.encode(inputs))
    exact = base.expectation(model.observables(), psi)
    count = int(model.settings["trajectories"])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        many = torch.stack([model.sampled(psi, count) for _ in range(repeats)])
        single = torch.stack([model.sampled(psi, 1) for _ in range(repeats)])
    variance = many.var(0)
    off = (many.mean(0) - exact).square() - variance / repeats
    return Sampling(
        count,
        float(variance.mean().sqrt()),
        float(single.var(0).mean().sqrt()),
        max(0.0, float(off.mean())) ** 0.5,
        float(exact.std(0, correction=0).square().mean().sqrt()),
        len(psi),
    )


def sampling_note(model: torch.nn.Module, dataset: DataSet) -> str:
    """Returns the sentence on a trained model's sampling error over some validation rows; empty where nothing is
    sampled."""
    if not can(model, "time") or not (moving := require(model, "time")).samples:
        return ""
    rows = dataset.rows("valid")
    first = next(model.parameters())
    chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
    return measure_sampling(
        copy.deepcopy(moving).cpu(), dataset.inputs(chosen, first.dtype)
    ).sentence
