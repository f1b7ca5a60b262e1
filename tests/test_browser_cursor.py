"""The cursors of time and of layers in Chromium: lines and numbers follow a drag and equal those of the exact page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts import dragging
from tests.support.browser import settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
# Where the dashed lines of the server stand on the screen, and those that follow, by panel.
LINES = """() => [...document.querySelectorAll('.qf-figure')].filter(host => host._fullLayout).flatMap(host => {
  const left = host.getBoundingClientRect().x, layout = host._fullLayout;
  const own = [...host.querySelectorAll('.qf-cursor')].map(line => line.getBoundingClientRect().x - left);
  const shown = (layout.shapes ?? []).flatMap((shape, n) => {
    const path = host.querySelector(`.shapelayer path[data-index="${n}"]`);
    if (shape.x0 !== shape.x1 || shape.line.dash !== 'dash' || path?.style.visibility === 'hidden') return [];
    const axis = layout[`${shape.xref[0]}axis${shape.xref.slice(1)}`];
    return [axis._offset + axis.d2p(shape.x0)];
  });
  const name = /st-key-figure-(\\S+)/.exec(host.closest('[class*="st-key-figure-"]').className)[1];
  return own.length + shown.length ? [{name, own, shown}] : [];
})"""
WORDS = ".st-key-cursor-values p"


def drag(page: Any, key: str, share: float) -> dict[str, float]:
    """Drags a cursor, lets go, and checks that the lines and words then are those that followed. Returns the lines."""
    slider = dragging.Slider(page, key)
    slider.hold()
    slider.move(share, steps=6)
    page.wait_for_function("() => document.querySelector('.qf-live')")
    page.wait_for_timeout(100)
    followed = page.evaluate(LINES)
    assert followed
    assert all(not line["shown"] for line in followed)
    words = page.locator(f"{WORDS}.qf-live").inner_text()
    value = slider.value
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    assert slider.value == value
    exact = {line["name"]: line for line in page.evaluate(LINES)}
    for line in followed:
        assert line["own"] == pytest.approx(exact[line["name"]]["shown"], abs=1)
    assert all(not line["own"] for line in exact.values())
    assert page.locator(WORDS).inner_text().strip() == words
    return {line["name"]: line["own"][0] for line in followed}


def test_the_cursor_of_time_moves_in_every_figure_with_its_numbers(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/dynamics?model=qj-parity")
    first = drag(page, "t", 0.4)
    assert "decision-over-time" in first
    second = drag(page, "t", 0.8)
    assert second["decision-over-time"] > first["decision-over-time"]


def test_the_cursor_of_layers_follows(visit: Callable[[str], Any]) -> None:
    page = visit("/circuit?model=qcnn-parity&part=Entropies")
    assert list(drag(page, "layer", 0.45)) == ["decision-layers"]


def test_arrow_keys_move_the_cursor_and_states_come_when_it_is_let_go(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/dynamics?model=qj-parity&view=State&t=0.5")
    page.locator(".st-key-t input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('.qf-live')")
    assert "the states when you let go" in page.locator(".qf-live").first.inner_text()
    assert page.locator(".st-key-panel-populations[data-late]").count()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    assert not page.locator("[data-late], .qf-cursor").count()
    assert "t=0.475" in page.url


def test_a_cursor_that_is_moved_back_leaves_no_trace(visit: Callable[[str], Any]) -> None:
    page = visit("/dynamics?model=qj-parity&t=0.5")
    before, words = page.evaluate(LINES), page.locator(WORDS).inner_text()
    slider = dragging.Slider(page, "t")
    slider.hold()
    slider.move(0.7, steps=4)
    page.wait_for_function("() => document.querySelector('.qf-cursor')")
    slider.move(0.5, steps=6)
    page.wait_for_function("() => !document.querySelector('.qf-cursor, .qf-live')")
    slider.release()
    settle(page)
    assert page.evaluate(LINES) == before
    assert page.locator(WORDS).inner_text() == words
