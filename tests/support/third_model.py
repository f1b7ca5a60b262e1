"""The third system: a model that the package does not ship."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import cli, data
from qfusion._memory_cache import CACHE
from qfusion.data import DataSet, Modality, Target, registry
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.row_splits import stratified_split
from qfusion.data.sources import Source
from qfusion.training import Options, checkpoint, checkpoint_cards, metrics, train
from tests.support import exporting

PAGES = (
    "Overview",
    "Samples",
    "Dynamics",
    "Circuit",
    "What if",
    "Decision operators",
    "Cohorts",
    "Compare",
    "Faithfulness",
)
KIND, DATA = "state-linear", "views"
VIEWS = (
    ("pix", 240, "pixel average"),
    ("fou", 76, "Fourier coefficient"),
    ("fac", 216, "profile correlation"),
    ("zer", 47, "Zernike moment"),
    ("kar", 64, "Karhunen-Loeve coefficient"),
    ("mor", 6, "morphological feature"),
)
SHAPE = (16, 15)  # of `pix`


def stand_in() -> DataSet:
    """Three views of digits, two classes: 100 random rows."""
    rng, y = np.random.default_rng(0), np.repeat(np.arange(10), 10)
    ids = numbered_ids("digit", len(y))
    modalities = tuple(
        Modality(
            name,
            rng.normal(size=(10, size))[y] + rng.normal(size=(len(y), size)),
            None,
            tuple(f"{what} {i}" for i in range(size)),
            SHAPE if name == "pix" else None,
        )
        for name, size, what in VIEWS[:3]
    )
    return DataSet(
        DATA,
        "Three views",
        "",
        "",
        "",
        modalities,
        Target("classification", "digit", None, tuple("0123456789")),
        y,
        ids,
        stratified_split(y),
        pd.DataFrame({"digit": y}, index=ids),
    )


def _forget() -> None:
    CACHE.clear(registry.load_manifest.__wrapped__)  # type: ignore[attr-defined]


@contextlib.contextmanager
def among_the_users(
    folder: Path, wanted: Mapping[str, tuple[str, dict[str, Any]]]
) -> Iterator[DataSet]:
    """The data set; models, kind and settings by name, that have seen two epochs of it are among the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_MODELS", str(folder))
        exporting.few_rows(patch)
        found = stand_in()
        source = Source(DATA, found.title, lambda: found, made="is drawn for tests")
        patch.setitem(registry.sources(), DATA, source)
        _forget()
        dataset = data.load(DATA)
        for name, (kind, chosen) in wanted.items():
            result = train(
                kind,
                dataset,
                chosen,
                Options(epochs=2, rate=1e-2, patience=0, loss="cross_entropy"),
            )
            measured = {
                split: metrics.evaluate(result.model, dataset, split)
                for split in ("train", "valid", "test")
            }
            card = checkpoint_cards.make_card(
                result.model,
                dataset,
                name=name,
                title=f"A {name}",
                seed=0,
                training=result.settings(),
                metrics={split: metrics.summary([each]) for split, each in measured.items()},
                this_seed=measured,
                seeds=[0],
            )
            checkpoint.save(folder / name, result.model, card)
        yield dataset
    _forget()


def command(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main(list(words))
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()
