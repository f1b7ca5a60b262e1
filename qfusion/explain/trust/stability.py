"""Would another training seed explain the same? Dividends of the test rows by models trained from several seeds, as
they are shipped.

`scripts/stability.py` trains the seeds of a recipe and writes `qfusion/assets/stability/NAME.safetensors`: per seed the
exact dividends of every test sample in half precision, of the score or, where there are classes, of the true class's
score, which is the same question to every seed. The file names the weights and the data it was measured with; for
others it does not count.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from qfusion import _assets
from qfusion._checks import check, choose, require_finite
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.errors import IntegrityError, NotFound, QFusionError
from qfusion.explain.contributions.games import shapley
from qfusion.explain.contributions.summaries import shares_of
from qfusion.explain.contributions.verdict import Doubt, leads_by

FOLDER = _assets.path("stability")
FORMAT = 1
SPLIT = "test"  # whose rows are measured
_LARGEST = 4_000_000  # bytes


@dataclass(frozen=True, eq=False)
class Stability:
    """Explanations of the same samples by models that differ in their training seed alone.

    Attributes:
        modalities: names, M of them.
        coalitions: names of the 2^M subsets, the empty one first.
        seeds: R of them; the shipped weights are those of the first.
        dividends: (R, B, 2^M), B test rows in the data's order.
        background_size: training samples that absent modalities are averaged over.
        of_true_class: whether they belong to the true class's score, else to the only score.
    """

    modalities: tuple[str, ...]
    coalitions: tuple[str, ...]
    seeds: tuple[int, ...]
    dividends: np.ndarray
    background_size: int
    of_true_class: bool

    def __post_init__(self) -> None:
        M, shape = len(self.modalities), self.dividends.shape
        check(
            len(self.coalitions) == 2**M
            and len(self.seeds) >= 2
            and shape[:1] == (len(self.seeds),)
            and shape[2:] == (2**M,)
            and len(shape) == 3,
            f"Dividends of {len(self.seeds)} seeds and {M} modalities must have shape ({len(self.seeds)}, B, {2**M}) "
            f"with two seeds at least, but have shape {shape}. Measure again with scripts/stability.py.",
        )
        require_finite("dividends", self.dividends)

    @cached_property
    def shapley(self) -> np.ndarray:
        """Shapley values, (R, B, M)."""
        return shapley(self.dividends[..., None], len(self.modalities))[..., 0]

    def of(self, what: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Returns names and values (R, B, names) of the "contributions" but the baseline, or of the "Shapley values".

        Raises:
            NotFound: when `what` is neither.
        """
        if choose("Terms", what, ("contributions", "Shapley values")) == "contributions":
            return self.coalitions[1:], self.dividends[..., 1:]
        return self.modalities, self.shapley

    def rank_correlations(self, what: str = "contributions") -> dict[str, tuple[float, float]]:
        """Returns mean and lowest rank correlation across samples over all pairs of seeds, by term or modality."""
        names, values = self.of(what)
        found = {}
        for i, name in enumerate(names):
            pairs = [_rank(a, b) for a, b in itertools.combinations(values[..., i], 2)]
            found[name] = (float(np.mean(pairs)), float(np.min(pairs)))
        return found

    def spread(self, what: str = "contributions") -> np.ndarray:
        """Returns the standard deviation over the seeds (ddof 1), (B, names)."""
        return np.std(self.of(what)[1], 0, ddof=1)

    def leader_agreement(self) -> float:
        """Returns how often two seeds name the same modality as the most important one (largest absolute Shapley
        value)."""
        leaders = np.abs(self.shapley).argmax(-1)
        return float(np.mean([(a == b).mean() for a, b in itertools.combinations(leaders, 2)]))

    @cached_property
    def _left_open(self) -> tuple[float, np.ndarray, np.ndarray]:
        """How often leaders differ; deviations of leads (B + 1, M) and dividends (B + 1, 2^M - 1), their means last."""
        found = np.std(leads_by(shares_of(self.shapley)), 0, ddof=1), self.spread()
        leads, spread = (np.concatenate([each, each.mean(0, keepdims=True)]) for each in found)
        return 1 - self.leader_agreement(), leads, spread

    def doubt(self, places: np.ndarray) -> Doubt:
        """Returns what the seeds leave open of some samples.

        Args:
            places: among the measured test rows; -1 for a sample that was not measured, for which the mean over those
                that were stands, (n,).
        """
        other, leads, spread = self._left_open
        return Doubt(len(self.seeds), other, leads[places], spread[places])


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(scipy.stats.spearmanr(a, b).statistic)


def save(
    path: Path, found: Stability, *, weights: str, data: str, notes: Mapping[str, Any] | None = None
) -> None:
    """Writes a file.

    Args:
        path: of the file; found: what was measured.
        weights, data: digests of the shipped weights and of the data set it was measured with.
        notes: more to keep, such as the settings that were trained.
    """
    words = {
        "format": FORMAT,
        "modalities": found.modalities,
        "coalitions": found.coalitions,
        "seeds": found.seeds,
        "background_size": found.background_size,
        "of_true_class": found.of_true_class,
        "weights_sha256": weights,
        "data_digest": data,
        "notes": dict(notes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as part:
        part.write_bytes(
            save_tensors(
                {"dividends": found.dividends.astype(np.float16)}, {"about": json.dumps(words)}
            )
        )


def load(
    name: str, card: Mapping[str, Any], data_digest: str, rows: int, folder: Path = FOLDER
) -> Stability:
    """Returns what was measured for a model.

    Args:
        name: of the model; card: its card; data_digest: of the data it is applied to; rows: how many test rows these
            have.

    Raises:
        NotFound: when nothing was measured for these weights and data, with the reason.
        IntegrityError: when the file is damaged.
    """
    path = folder / f"{Path(name).name}.safetensors"
    if not path.is_file():
        raise NotFound(
            f"Stability is not measured for model '{name}'. `python scripts/stability.py` does so for a recipe."
        )
    try:
        check(path.stat().st_size <= _LARGEST, f"{path.name} is too large.")
        data = path.read_bytes()
        said = about(data)
        measured_with = said["weights_sha256"], said["data_digest"]
        values = load_tensors(data)["dividends"].astype(np.float64)
        found = Stability(
            _names(said["modalities"]),
            _names(said["coalitions"]),
            tuple(int(seed) for seed in said["seeds"]),
            values,
            int(said["background_size"]),
            bool(said["of_true_class"]),
        )
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise IntegrityError(
            f"{path.name} in assets/stability cannot be read ({str(error)[:200]}). Copy or measure it "
            "again."
        ) from error
    if measured_with != (card.get("weights_sha256"), data_digest) or values.shape[1] != rows:
        raise NotFound(
            f"Stability is not measured for model '{name}' as it is now: the file is of other weights or data. "
            "`python scripts/stability.py` measures anew."
        )
    return found


def measured(name: str, card: Mapping[str, Any], dataset: DataSet) -> Stability | None:
    """Returns what was measured for a model on a data set, or None where nothing was; arguments as of `load`."""
    try:
        return load(name, card, dataset.digest, len(dataset.rows(SPLIT)))
    except QFusionError:
        return None


def doubt(
    found: Stability | None, dataset: DataSet, rows: np.ndarray, outputs: np.ndarray
) -> Doubt | None:
    """Returns what training seeds leave open of some samples; None where nothing was measured.

    Args:
        found: of `measured`. dataset: it was measured on.
        rows: of the data set, (n,). outputs: whose score is explained, (n,). Of classes the true one's was measured, so
            that for another the mean over samples stands, as it does for samples that were not measured.
    """
    if found is None:
        return None
    known = dataset.rows(SPLIT)
    places = np.searchsorted(known, rows)
    inside = known[np.minimum(places, len(known) - 1)] == rows
    if found.of_true_class:
        inside = inside & (dataset.y[rows] == outputs)
    return found.doubt(np.where(inside, places, -1))


def about(data: bytes) -> dict[str, Any]:
    """Returns what a file says of itself beside the numbers."""
    size = int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["about"])


def _names(found: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, found))
