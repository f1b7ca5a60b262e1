"""A trained model on a data set against a background, whose rows processes and workers share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import qfusion
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.commands.common import inputs, load
from qfusion.commands.explanation_options import DEFAULT_BACKGROUND

if TYPE_CHECKING:
    import numpy as np


def open_model(
    model: str,
    data: str | None,
    way: str = "auto",
    background: str = DEFAULT_BACKGROUND,
    contrast: str | None = None,
    group: qfusion.training.processes.Group | None = None,
    digests: str = "",
) -> OpenedModel:
    """Return a trained model on its data, as the options of commands name them.

    Args:
        way: how the evolution is computed, see `models.jump.time_model.WAYS`.
        digests: the digests that model and data must have; not checked if empty.

    Raises:
        NotFound, InvalidInput: see `load`; also when the model has no evolution in time, or when the digests differ.
    """
    trained, dataset = load(model, data)
    if way != "auto":
        evolving = trained.model.require(
            qfusion.models.Evolution, "whose way could be chosen", "Option `--way`: the model"
        )
        trained = replace(trained, model=evolving.by(way))
    arguments = (_absolute_place(model), _absolute_place(data), way, background, contrast)
    result = OpenedModel(trained, dataset, arguments, group or qfusion.training.processes.ALONE)
    check(
        digests in ("", result.digests),
        f"Model or data of that name are others there: their digests are {result.digests}, not {digests}.",
    )
    return result


@dataclass(frozen=True)
class OpenedModel:
    """A trained model on a data set against a background.

    Attributes:
        arguments: the arguments of `open_model` by which a worker opens the same.
        group: the processes that share the rows.
    """

    trained: qfusion.training.checkpoint.Checkpoint
    dataset: qfusion.data.DataSet
    arguments: tuple[Any, ...]
    group: qfusion.training.processes.Group

    @cached_property
    def explained_model(self) -> qfusion.models.FusionModel:
        """Model whose scores are explained. The scores of a classifier become log-odds."""
        return cast(
            "qfusion.models.FusionModel",
            qfusion.analysis.study_building.explained_model(self.trained.model, self.dataset),
        )

    @cached_property
    def background(self) -> qfusion.explain.Background:
        """The values that replace absent modalities: of training rows, or of one other sample."""
        model, dataset = self.trained.model, self.dataset
        *_, kind, contrast = self.arguments
        if contrast is None:
            return qfusion.explain.backgrounds.make_background(
                model, dataset, dataset.rows(self.training_split), kind, group=self.group
            )
        return qfusion.explain.background(
            model, inputs(dataset, [dataset.row(contrast)]), "contrast", label=contrast
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty for a regression."""
        target = self.dataset.target
        return target.classes if target.kind == "classification" else ()

    @property
    def training_split(self) -> str:
        """The split that the model was trained on."""
        return qfusion.training.checkpoint_cards.training_split(self.trained.card)

    @property
    def digests(self) -> str:
        """Digests that distinguish model and data from others of the same names."""
        return f"{self.trained.card['weights_sha256'][:12]} and {self.dataset.digest[:12]}"

    def split_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return all rows of the split that `rows` belong to; modalities are swapped among these."""
        return self.dataset.rows(str(self.dataset.split[rows[0]]))

    def map_chunks(self, work: Any, rows: np.ndarray, client: Any) -> Iterator[tuple[int, Any]]:
        """Yield number and result of each chunk of rows, in their order.

        One process computes its own chunks, a cluster computes all of them.

        Args:
            work: function of this object and of the rows of a chunk. For a cluster it must be a function of a module,
                possibly with bound arguments.
            client: see `runs.cluster.connect`.
        """
        parts = qfusion.explain.backgrounds.chunks(rows, self.group)
        if client is None:
            return ((place, work(self, part)) for place, part in parts)
        return qfusion.runs.cluster.map_parts(
            client,
            _run_on_worker,
            ((work, self.digests, self.arguments, part) for _, part in parts),
        )


def _absolute_place(name: str | None) -> str | None:
    """Return the absolute path of a file or of a trained model's folder, and any other name unchanged."""
    path = Path(name or "")
    is_place = path.is_file() or (path / qfusion.training.checkpoint_cards.CARD).is_file()
    return str(path.absolute()) if is_place else name


def _run_on_worker(work: Any, digests: str, arguments: Any, rows: Any) -> Any:
    return work(_open_once(digests, *arguments), rows)


@memo(1)
def _open_once(digests: str, *arguments: Any) -> OpenedModel:
    """Return the model that a worker keeps open between chunks of rows."""
    model, data, way, background, contrast = arguments
    return open_model(model, data, way, background, contrast, digests=digests)
