"""One training of a full model or of a twin that lacks a resource, on equal terms.

Equal terms are the same encoders, settings, schedule and seeds. Which models are compared is in `audit_plan`, the
evaluation of their results in `audit_rows`.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.errors import QFusionError
from qfusion.models import build, registry
from qfusion.plugins.why import evidence
from qfusion.plugins.why.audit import twins
from qfusion.plugins.why.audit.audit_plan import QJ, RESOURCES, VARIANTS
from qfusion.plugins.why.fusion import additivity
from qfusion.training import Options, metrics, train

NO_RANK = 4096  # most products of a bilinear head
ROWS = 6  # training rows that tell whether a model can only add


# One training of a full model or a twin.


@dataclass(frozen=True)
class Terms:
    """Terms that a full model and its twins share.

    Attributes:
        data: as `qfusion.data.load` takes it. dataset: what that gives.
        whole: the settings of the full model and of the twins as far as their kinds have them. options: of training.
    """

    data: str
    dataset: DataSet
    whole: Mapping[str, Any]
    options: Options


def variant_settings(terms: Terms, variant: str) -> dict[str, Any]:
    """Return the settings of a variant's model: those of the terms, as far as its kind has them, and those that
    differ.
    """
    own = VARIANTS[variant]
    known = registry.settings(own.kind)
    differs = dict(own.settings)
    if variant == "qj-unitary":
        differs["evolution"] = twins.drop_jumps(terms.whole.get("evolution", "jump"))
    chosen = {key: value for key, value in {**terms.whole, **differs}.items() if key in known}
    if own.kind != "state-linear":
        return chosen

    def behind(kind: str, settings: Mapping[str, Any]) -> int:
        outputs = terms.dataset.target.classes or ("score",)
        with torch.random.fork_rng():
            return count_fusion_parameters(
                build(kind, terms.dataset.input_specs, outputs, settings)
            )

    # as many products as give a bilinear head the full model's parameters behind the encoders
    one, two = (behind(own.kind, {**chosen, "rank": rank}) for rank in (1, 2))
    wanted = behind(QJ, variant_settings(terms, "qj"))
    return chosen | {"rank": min(NO_RANK, max(1, 1 + round((wanted - one) / (two - one))))}


@dataclass(frozen=True)
class Run:
    """One training of a variant, given by its name, with a seed, terms, and the settings of its model."""

    terms: Terms
    variant: str
    seed: int
    settings: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        decides = [
            self.terms.data,
            self.terms.dataset.digest,
            VARIANTS[self.variant].kind,
            self.settings,
            self.terms.options.model_dump(),
            self.seed,
        ]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:20]

    def measure(self, on_epoch: Callable[[Any], bool | None] = lambda _: None) -> dict[str, Any]:
        """Train the model and return the record to save. The record of a training that fails has the error. For
        `on_epoch`, see `train`.
        """
        record: dict[str, Any] = {
            "key": self.key,
            "data": self.terms.data,
            "variant": self.variant,
            "seed": self.seed,
        }
        data = self.terms.dataset
        with record_failure(record):
            model, _ = train_and_measure(
                VARIANTS[self.variant].kind,
                data,
                self.settings,
                self.terms.options,
                self.seed,
                record,
                on_epoch,
            )
            in_rows = {row.cut for row in RESOURCES if row.full == self.variant}
            cuts = {}
            for resource in twins.CUTS.get(model.kind, {}):
                if resource in in_rows:
                    without = twins.cut_resource(model, resource)
                    cuts[resource] = metrics.evaluate(without, data, "test")
            record["cut"] = cuts
        return record


def train_and_measure(
    kind: str,
    data: DataSet,
    settings: Mapping[str, Any],
    options: Options,
    seed: int,
    record: dict[str, Any],
    on_epoch: Callable[[Any], bool | None] = lambda _: None,
) -> tuple[Any, np.ndarray]:
    """Train a model, add what was measured of it to a record, and return the model, in double precision, and its scores
    of the test rows, (N, C).

    The record gets the metrics of the test rows and of those trained on, the contributions of single test rows to the
    main metric, epochs, and the number of parameters after the encoders.

    Raises:
        InvalidInput: when a metric is not finite, and as for `train`.
    """
    result = train(kind, data, settings, options, seed, on_epoch)
    model: Any = result.model
    for part, split in (("test", "test"), ("train", options.split)):
        record[part] = metrics.evaluate(model, data, split)
        check(all(map(math.isfinite, record[part].values())), "Its metrics are not finite.")
    scores = metrics.predict(model, data, data.rows("test"), final=True)
    record["rows"] = evidence.row_values(data, scores)
    record["epochs"], record["best_epoch"] = len(result.history), result.best_epoch
    record["after_encoders"] = count_fusion_parameters(model)
    return model.double().eval(), scores


@contextmanager
def record_failure(record: dict[str, Any]) -> Iterator[None]:
    """Context manager that records the error of a training that fails as `failed`."""
    try:
        yield
    except (QFusionError, ValueError, RuntimeError, ArithmeticError) as error:
        record["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"


def summing(runs: Iterable[Run]) -> frozenset[str]:
    """Return the names of those variants of some trainings whose models can only add up modalities."""
    first = {run.variant: run for run in reversed(list(runs))}
    return frozenset(name for name, run in first.items() if _adds(run))


def _adds(run: Run) -> bool:
    data = run.terms.dataset
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(
            VARIANTS[run.variant].kind,
            data.input_specs,
            data.target.classes or ("score",),
            run.settings,
        )
    inputs = data.inputs(data.rows("train")[:ROWS], torch.float64)
    return additivity.only_adds(model.double().eval(), inputs)


def count_fusion_parameters(model: Any) -> int:
    """Return how many parameters a fusion model has that are not its encoders'."""
    return sum(
        p.numel() for name, p in model.named_parameters() if not name.startswith("encoders.")
    )
