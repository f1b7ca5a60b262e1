"""What a page shows first, computed while the reader's browser still loads scripts.

A browser asks for the HTML of a page about a second before it can ask for its contents. Meanwhile the executor of long
work opens the model that the address names and builds the page's panels, whose results are cached where the page looks
for them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from qfusion.errors import QFusionError

if TYPE_CHECKING:  # the server answers before these are loaded
    from qfusion.analysis.study import Study

MAX_SECONDS = 1.5  # seconds of work after which the page does the rest
_turn = threading.Lock()  # of the one page that is opened at a time


def open_ahead(page: str, query: Mapping[str, str]) -> Future[None] | None:
    """Start to compute what a page shows first.

    Args:
        page: its address below the app's; "" for the first page.
        query: of the address, from whomever. What is not valid is left to the page, which says so.

    Returns:
        the task, or None while the machine is busy, another page is opened ahead, or everybody has to log in.
    """
    from qfusion.analysis import jobs
    from qfusion.ui import access, prefetch

    if access.demands_login() or prefetch.is_busy() or not _turn.acquire(blocking=False):
        return None
    return jobs.EXECUTOR.submit(_open, page, dict(query))


def _open(page: str, query: dict[str, str]) -> None:
    try:
        with contextlib.suppress(QFusionError):
            compute_first(page.replace("_", " ") or "overview", query)
    finally:
        _turn.release()


def compute_first(title: str, query: dict[str, str]) -> None:
    """Compute what a page shows first, for at most about `MAX_SECONDS`.

    Args:
        title: of the page in small letters. query: of its address.

    Raises:
        QFusionError: when the address is not valid.
    """
    import torch

    from qfusion.analysis import encoding_jobs, opening
    from qfusion.ui.page_context import PageContext
    from qfusion.views.pages import address, catalogue, page_state

    torch.set_num_threads(1)  # of this thread: the browser needs the other processors
    until = time.monotonic() + MAX_SECONDS
    if title not in catalogue.PAGES or title in catalogue.PAGES_WITHOUT_MODEL:
        return
    model = query.get(address.MODEL.key) or address.models()[0]
    if model not in address.models():
        return
    data = query.get(address.DATA.key) or address.own_data(model)
    if data not in address.sources() or not encoding_jobs.is_encoded(model, data):
        return
    study = opening.open_study(model, data)
    _compute_findings(title, study)
    sample = query.get(address.SAMPLE.key) or address.default_sample(study)
    scopes = PageContext(study, study.dataset.row(sample), "light").scopes()
    view = page_state.PageState(title, query)
    for panel in catalogue.PAGES[title].values():
        if time.monotonic() > until:
            break
        if panel.is_cached and panel.scope in scopes and panel.is_shown(view, scopes[panel.scope]):
            _ = panel.build(scopes[panel.scope], "light", **panel.arguments(view)).spec


def _compute_findings(title: str, study: Study) -> None:
    """Compute what a page needs before its panels, or for all of them."""
    from qfusion.analysis import trust

    if title == "faithfulness":
        trust.reliability_findings(study, at_hand=True)
