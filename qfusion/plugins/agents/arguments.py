"""Arguments of the tools for agents: models, data sets and samples by name, ranges of lists, and addresses of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qfusion
from qfusion._checks import check, choose, require_whole
from qfusion.commands import common

MOST_ROWS = 100  # of a list
MOST_KEYS = 100  # of an address


def open_study(model: str, data: str) -> qfusion.study.study.Study:
    """Return the study of a model and a data set; an empty `data` is the model's own."""
    pickers = qfusion.views.pages.address
    choose("Model", model, pickers.models())
    name = data or pickers.own_data(model)
    pickers.test_data(name)
    return qfusion.study.opening.open_study(model, name)


def open_sample(
    model: str,
    sample: str,
    data: str,
    tweak: str,
    output: str,
    background: str = "product",
    contrast: str = "",
) -> qfusion.study.Sample:
    """Return a sample after checking the names of its model, its data set, its tweak and its background."""
    study = open_study(model, data)
    qfusion.views.pages.page_state.parse_tweak(study, tweak)
    common.check_background(background, contrast or None)
    return qfusion.study.open_sample(
        model,
        sample,
        study.dataset.name,
        output=output,
        background=background,
        contrast=contrast,
        tweak=tweak,
    )


def list_page(name: str, rows: Sequence[Any], offset: int, limit: int) -> dict[str, Any]:
    """Return `limit` entries of a list under `name`, and the number of all."""
    require_whole("offset", offset, 0, 10**9)
    require_whole("limit", limit, 1, MOST_ROWS)
    return {"total": len(rows), "offset": offset, name: list(rows[offset : offset + limit])}


def address_values(address: dict[str, str | list[str]] | None) -> dict[str, list[str]]:
    """Return an address in which every value is a list."""
    values = address or {}
    check(
        len(values) <= MOST_KEYS,
        f"The address has {len(values):,} parameters, and at most {MOST_KEYS} are read. Leave some out.",
    )
    return {key: [value] if isinstance(value, str) else value for key, value in values.items()}
