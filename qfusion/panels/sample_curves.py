"""The names of the panels of samples' spectra and profiles, on every page that shows them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from qfusion.analysis.study import Study
from qfusion.data.sample_content import Series
from qfusion.errors import InvalidInput
from qfusion.panels import page_state


def parse_curve_name(view: page_state.PageState, rest: str) -> dict[str, Any]:
    """Return card, row and modality by the end of a panel's name."""
    names = "|".join(map(re.escape, view.modalities))
    parts = re.fullmatch(rf"(.*)-(\d+)-({names})", rest)
    if parts is None:
        raise InvalidInput(
            f"Panel 'content-{rest[:60]}' is of no modality of this model. Open the page again."
        )
    return {"row": int(parts[2]), "modality": parts[3], "card": parts[1]}


def curve_names(
    study: Study, rows: Iterable[int], card: str, only: Sequence[str] = ()
) -> list[str]:
    """Return the ends of the names of the curves that the data have of some samples, on one card, of all modalities or
    `only` some.
    """
    return [
        f"{card}-{row}-{name}"
        for row in rows
        for name in study.modalities
        if name in (only or study.modalities)
        and isinstance(study.dataset.content(row).get(name), Series)
    ]
