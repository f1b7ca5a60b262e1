"""Stability of explanations over training seeds: contributions of the same test rows by models of several seeds.

`study.seeds` trains the seeds and writes the file of a model: for each seed, the exact contributions of every
test row in half precision. They belong to the score or, for a classifier, to the log-odds of the true class, which
every seed explains. The file names the weights and the data that it was measured with, and is not used for others. That
of a shipped model is `qfusion/assets/stability/NAME.safetensors`; that of any other is beside its card, `NAME.seeds`.
"""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from qfusion import _files, plugin
from qfusion._checks import check, choose, require_finite
from qfusion.data import DataSet
from qfusion.errors import IntegrityError, NotFound, default_on_error, translate_errors
from qfusion.explain import bootstrap, coalitions, verdicts
from qfusion.explain.coalitions import classify_relations, find_leaders, lead_margins, leading_terms
from qfusion.models import coalition_algebra
from qfusion.training import checkpoint_cards

FOLDER = plugin.asset_path("stability")
FORMAT = 2  # 1: of raw scores of the true class, against whole rows of the background
TERM_KINDS = ("contributions", "Shapley values")
SPLIT = "test"  # whose rows are measured
MAX_BYTES = 4_000_000  # bytes
HALF = 1e-2, 6e4  # size of the largest contribution that half precision keeps


class SeedsState(StrEnum):
    """What is known of the spread of a model's explanations over training seeds."""

    MEASURED = "measured"
    ONE_TRAINING = "one training"  # trained, from one seed
    NOT_TRAINED = "not trained here"  # a measured game, or a model that was imported or given


@dataclass(frozen=True, eq=False)
class Stability:
    """Explanations of the same samples by models that differ in their training seed alone.

    Attributes:
        modalities: names, M of them.
        coalitions: names of the 2^M subsets, the empty one first.
        seeds: R of them; the shipped weights are those of the first.
        dividends: (R, B, 2^M), B test rows in the data's order.
        background_size: training samples that absent modalities are averaged over.
        of_true_class: whether they belong to the log-odds of the true class, else to the only score.
    """

    modalities: tuple[str, ...]
    coalitions: tuple[str, ...]
    seeds: tuple[int, ...]
    dividends: np.ndarray
    background_size: int
    of_true_class: bool

    def __post_init__(self) -> None:
        M = len(self.modalities)
        S = len(self.seeds)
        shape = self.dividends.shape
        check(
            len(self.coalitions) == 2**M and S >= 2 and shape[:1] == (S,) and shape[2:] == (2**M,),
            f"Dividends of {S} seeds and {M} modalities must have shape ({S}, B, {2**M}) "
            f"with two seeds at least, but have shape {shape}. Measure the seeds again.",
        )
        require_finite("dividends", self.dividends)

    @cached_property
    def shapley(self) -> np.ndarray:
        """Shapley values, (R, B, M)."""
        return coalition_algebra.shapley(self.dividends[..., None], len(self.modalities))[..., 0]

    def terms(self, what: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Return names and values (R, B, names) of the "contributions" but the baseline, or of the "Shapley values".

        Raises:
            NotFound: when `what` is neither.
        """
        if choose("Terms", what, TERM_KINDS) == TERM_KINDS[0]:
            return self.coalitions[1:], self.dividends[..., 1:]
        return self.modalities, self.shapley

    def rank_correlations(self, what: str = "contributions") -> dict[str, tuple[float, float]]:
        """Return mean and lowest rank correlation across samples over all pairs of seeds, by term or modality."""
        names, values = self.terms(what)
        pairs = {
            name: [_rank(a, b) for a, b in itertools.combinations(values[..., i], 2)]
            for i, name in enumerate(names)
        }
        return {name: (float(np.mean(rank)), float(np.min(rank))) for name, rank in pairs.items()}

    def spread(self, what: str = "contributions") -> np.ndarray:
        """Return the standard deviation over the seeds (ddof 1), (B, names)."""
        return np.std(self.terms(what)[1], 0, ddof=1)

    @property
    def typical_spread(self) -> float:
        """The standard deviation over the seeds of the least stable term of a typical sample: the median of the
        largest."""
        return float(np.median(self.spread().max(1)))

    def leader_agreement(self) -> float:
        """Return how often two seeds say the same of who leads: the same modality, or that none does.

        Each seed names its leader as if it were the only one, see `coalitions.find_leaders`.
        """
        M = len(self.modalities)
        leaders = np.stack([find_leaders(entry, M) for entry in self.dividends])
        return float(np.mean([(a == b).mean() for a, b in itertools.combinations(leaders, 2)]))

    @cached_property
    def _spreads(self) -> dict[str, np.ndarray]:
        """Standard deviations over the seeds of leads, dividends, sums and scores, by the names of `verdicts.Doubt`;
        the median over samples last, (B + 1, ...)."""
        M = len(self.modalities)
        leads = lead_margins(coalitions.shapley_shares(self.shapley))
        terms = self.dividends[..., 1:]
        sums = np.stack([terms[..., :M].sum(-1), terms[..., M:].sum(-1), terms.sum(-1)], -1)
        deviations = {
            "lead": np.std(leads, 0, ddof=1),
            "spread": np.std(self.dividends, 0, ddof=1),
            "sums": np.std(sums, 0, ddof=1),
            "score": np.std(self.dividends.sum(-1), 0, ddof=1),
        }
        return {
            name: np.concatenate([values, np.median(values, 0, keepdims=True)])
            for name, values in deviations.items()
        }

    def doubt(self, places: np.ndarray, boundary: float | None = 0.0) -> verdicts.Doubt:
        """Return what the seeds leave open about some samples.

        Args:
            places: among the measured test rows; -1 for a sample that was not measured, for which the median over
                those that were stands, (n,).
            boundary: score between two decisions, see `verdicts.judge`.
        """
        relations, direction, lead = self._read_seeds(places, boundary)
        same_direction = direction[1:] == direction[0]
        same_lead = same_direction & (lead[1:] == lead[0])
        spreads = {name: values[places] for name, values in self._spreads.items()}
        return verdicts.Doubt(
            seeds=len(self.seeds),
            relations=np.where(places >= 0, relations[1:], ""),
            same_direction=same_direction,
            same_lead=same_lead,
            **spreads,
        )

    def _read_seeds(
        self, places: np.ndarray, boundary: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return by every seed the relation of some samples, the sign of what decides, and the number of the largest
        own term in the direction of the sum of terms, (R, n) each."""
        M = len(self.modalities)
        R = len(self.seeds)
        n = len(places)
        dividends = self.dividends[:, places].reshape(R * n, 2**M)
        baseline = dividends[:, 0]
        own = dividends[:, 1 : M + 1]
        joint = dividends[:, M + 1 :]
        relation = classify_relations(baseline, own, joint, boundary)
        net = np.sign(dividends[:, 1:].sum(1))
        before = np.sign(baseline - (boundary or 0.0))
        direction = np.where(relation == "prior", before, net)
        lead = leading_terms(own, net)
        return relation.reshape(R, n), direction.reshape(R, n), lead.reshape(R, n)


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rank correlation, 0 where one is constant. The import of `scipy.stats` takes a second."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(bootstrap.spearman(a, b, np.ones((1, len(a))))[0])


def save(
    path: Path,
    stability: Stability,
    *,
    weights: str,
    data: str,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write a file.

    Args:
        path: of the file; stability: what was measured.
        weights, data: digests of the weights of the first seed and of the data set it was measured with.
        notes: more to keep, such as the settings that were trained.
    """
    words = {
        "format": FORMAT,
        "modalities": stability.modalities,
        "coalitions": stability.coalitions,
        "seeds": stability.seeds,
        "background_size": stability.background_size,
        "of_true_class": stability.of_true_class,
        "weights_sha256": weights,
        "data_digest": data,
        "notes": dict(notes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    least, most = HALF
    is_kept_by_half = least <= np.abs(stability.dividends).max() <= most
    precision = np.float16 if is_kept_by_half else np.float32
    tensors = {"dividends": stability.dividends.astype(precision)}
    _files.write_file(path, save_tensors(tensors, {"about": json.dumps(words)}))


def find_file(name: str, card_path: Path | None) -> Path:
    """Return the path of the file of a model, whether or not it exists.

    Args:
        name: of the model. card_path: of its card; None for a model that is in no file.
    """
    if card_path is not None:
        beside = card_path.with_suffix(checkpoint_cards.SEEDS)
        if beside.is_file():
            return beside
    return plugin.find_asset(FOLDER, f"{Path(name).name}.safetensors")


def load(
    name: str,
    card: Mapping[str, Any],
    data_digest: str,
    rows: int,
    card_path: Path | None = None,
) -> Stability:
    """Return the stability that was measured for a model.

    Args:
        name: of the model; card: its card; data_digest: of the data it is applied to; rows: how many test rows these
            have. card_path: see `find_file`.

    Raises:
        NotFound: when nothing was measured for these weights and data, with the reason.
        IntegrityError: when the file is damaged.
    """
    path = find_file(name, card_path)
    remedy = _describe_remedy(card, card_path)
    check(path.is_file(), f"Stability is not measured for model '{name}'. {remedy}", NotFound)
    with translate_errors(
        f"{path.name} cannot be read",
        "Copy or measure it again.",
        *(SafetensorError, KeyError, ValueError, TypeError, AttributeError, OSError),
        error=IntegrityError,
        why="{words:.200}",
    ):
        check(path.stat().st_size <= MAX_BYTES, f"{path.name} is too large.")
        with safe_open(path, "numpy") as file:
            words = json.loads(file.metadata()["about"])
            values = file.get_tensor("dividends").astype(np.float64)
        measured_with = words["weights_sha256"], words["data_digest"]
        as_explained = words["format"] == FORMAT
        stability = Stability(
            tuple(map(str, words["modalities"])),
            tuple(map(str, words["coalitions"])),
            tuple(int(seed) for seed in words["seeds"]),
            values,
            int(words["background_size"]),
            bool(words["of_true_class"]),
        )
    check(
        as_explained
        and measured_with == (card.get("weights_sha256"), data_digest)
        and values.shape[1] == rows,
        f"Stability is not measured for model '{name}' as it is now: the file is of other weights or data. {remedy}",
        NotFound,
    )
    return stability


def _describe_remedy(card: Mapping[str, Any], card_path: Path | None) -> str:
    if not card.get("training"):
        return "It was not trained here."
    if card_path is not None and checkpoint_cards.is_shipped(card_path):
        return "`python scripts/stability.py` measures shipped models."
    return "`python -m qfusion train ... --seeds 5` measures it, or the button on Faithfulness, Training seeds."


@default_on_error(None)
def load_measured(
    name: str, card: Mapping[str, Any], dataset: DataSet, card_path: Path | None = None
) -> Stability | None:
    """Return the stability that was measured for a model on a data set, or None if none was measured. The arguments
    are those of `load`.
    """
    return load(name, card, dataset.digest, len(dataset.rows(SPLIT)), card_path)


def seeds_state(stability: Stability | None, card: Mapping[str, Any]) -> SeedsState:
    """Return what is known of the spread over training seeds.

    Args:
        stability: of `load_measured`. card: of the model.
    """
    if stability is not None:
        return SeedsState.MEASURED
    return SeedsState.ONE_TRAINING if card.get("training") else SeedsState.NOT_TRAINED


def seed_doubt(
    stability: Stability | None, dataset: DataSet, rows: np.ndarray, outputs: np.ndarray
) -> verdicts.Doubt | None:
    """Return the uncertainty of some samples due to the training seeds, or None if no stability was measured.

    Args:
        stability: of `load_measured`. dataset: it was measured on.
        rows: of the data set, (n,). outputs: number of the explained output, (n,). Of classes the true one's log-odds
            were measured, which are those of the other one with the opposite sign where there are two. For another of
            several classes the median over samples stands, as it does for samples that were not measured.
    """
    if stability is None:
        return None
    known = dataset.rows(SPLIT)
    places = np.searchsorted(known, rows)
    inside = known[np.minimum(places, len(known) - 1)] == rows
    if stability.of_true_class and len(dataset.target.classes) > 2:
        inside = inside & (dataset.y[rows] == outputs)
    return stability.doubt(np.where(inside, places, -1), dataset.target.boundary)
