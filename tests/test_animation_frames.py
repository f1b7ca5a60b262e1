"""Animated cursors: frames are built once and equal the figure at each position."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from qfusion.analysis.opening import open_sample
from qfusion.analysis.sample import Sample
from qfusion.errors import InvalidInput
from qfusion.panels import circuit, dynamics_page, panel, states


def at_stop(figure: str, changes: Sequence[tuple[Sequence[Any], Any]]) -> Any:
    """The figure at a stop, as `figure.js` makes it."""
    result = json.loads(figure)
    for path, value in changes:
        place = result
        for key in path[:-1]:
            place = place[key]
        if value is None:
            place.pop(path[-1], None)
        else:
            place[path[-1]] = value
    return result


@pytest.fixture(scope="module")
def sample() -> Sample:
    return open_sample("qj-parity", "pair-0003")


@pytest.mark.parametrize(
    "name", ["decision-over-time", "populations", "matrix-modulus", "information"]
)
def test_frame_equals_figure_built_at_that_position(sample: Sample, name: str) -> None:
    found = {**dynamics_page.PANELS, **states.PANELS}[name]
    assert found.cursor == ("t", dynamics_page.CURSOR.key)
    builds = {
        f"t = {t}": partial(found.build, sample, **found.fixed, t=t) for t in (0, 0.3, 0.5, 1)
    }
    film = panel.build_animation(builds)
    assert [label for label, _ in film["stops"]] == list(builds)
    for label, changes in film["stops"]:
        assert at_stop(film["figure"], changes) == json.loads(builds[label]().spec)
    assert len(json.dumps(film["stops"])) < 3 * len(film["figure"])


def test_positions_without_a_figure_are_left_out() -> None:
    sample = open_sample("qcnn-parity", "pair-0003")
    found = circuit.PANELS["before-after"]
    assert found.cursor == ("gate", circuit.GATE.key)

    def refused() -> panel.PanelFigure:
        raise InvalidInput("This gate acts on more than four qubits.")

    builds = {str(gate): partial(found.build, sample, gate=gate) for gate in (1, 40, 80)}
    film = panel.build_animation({"none": refused, **builds})
    assert [label for label, _ in film["stops"]] == list(builds)


def test_frames_are_thinned_to_the_size_limit(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = {
        str(n): partial(dynamics_page.PANELS["populations"].build, sample, t=n / 20)
        for n in range(21)
    }
    whole = panel.build_animation(builds)["stops"]
    monkeypatch.setattr(panel, "MOST_PLAYED", len(json.dumps(whole)) // 3)
    fewer = panel.build_animation(builds)["stops"]
    assert fewer == whole[::4]
