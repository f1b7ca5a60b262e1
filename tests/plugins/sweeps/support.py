"""A search of settings on the Sweeps page."""

from __future__ import annotations

from qfusion.plugins.sweeps import search_space


def search(**changed) -> search_space.Search:
    words = dict(
        data="digits",
        model="late",
        assigned=dict(epochs=3, batch=512),
        ranges=["rate=1e-3:1e-1:log", "noise=0:1"],
        choices=["schedule=cosine,constant"],
    )
    return search_space.read_search(**{**words, **changed})
