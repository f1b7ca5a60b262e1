"""The tab Generator of Dynamics."""

from __future__ import annotations

from tests.support.app import plain, said, visit


def test_the_tab_says_why_the_gap_misleads() -> None:
    app = visit("Dynamics", model="qj-planted", view="Generator")
    assert not app.error
    words = plain(said(app))
    assert "6.5 times the spectral gap of 0.0103" in words
    assert "has 0.0077 % of the distance at 0 and 0.043 % at T" in words
    assert "nats until T" in words
    assert "The nearest Hamiltonian generator is 0.69 of the generator's norm away" in words
    changed = {"H.text": "0.5"}
    app = visit("Dynamics", model="qj-planted", view="Generator", **changed)
    assert "generator --model qj-planted --tweak H.text=0.5" in plain(said(app))
