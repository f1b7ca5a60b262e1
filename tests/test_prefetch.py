"""Neighbouring samples are drawn in advance while the server is idle."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qfusion.analysis.opening import open_sample
from qfusion.panels import sample_decision, samples
from qfusion.panels.page_state import PageState
from qfusion.panels.panel import Panel, cached
from qfusion.ui import prefetch
from qfusion.ui.page_context import PageContext


def test_neighbouring_samples_are_drawn_in_advance(
    planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    assert samples.PANELS["waterfall"].is_cached
    assert not samples.PANELS["scatter"].is_cached

    @cached
    def counted(sample: Any, theme: Any = "light") -> Any:
        made.append(sample.row)
        return sample_decision.waterfall(sample, theme)

    monkeypatch.setitem(samples.PANELS, "waterfall", Panel(counted))
    monkeypatch.setattr(prefetch, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(prefetch.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    sample = open_sample("qj-planted", "p0031", "planted")
    view = PageState("samples", {"model": "qj-planted", "data": "planted"})
    monkeypatch.setattr(prefetch, "MAX_SECONDS", 1e9)
    drawing = prefetch.prepare_ahead(PageContext(sample.study, sample.row, "light"), view)
    assert drawing is not None
    drawing.result(60)
    assert sorted(made) == [sample.row - 1, sample.row + 1]
    beside = PageContext(sample.study, sample.row + 1, "light").tweaked_sample()
    again = samples.PANELS["waterfall"].build(beside, "light")
    assert len(made) == 2
    assert json.loads(again.spec)["data"]
    monkeypatch.setattr(prefetch.os, "getloadavg", lambda: (1e3, 0.0, 0.0))
    assert prefetch.prepare_ahead(PageContext(sample.study, sample.row, "light"), view) is None
