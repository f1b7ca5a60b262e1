"""Figures: arrays in, plotly figure out; a file a topic, and nothing that computes an explanation or knows a page.

Every function that draws names its template and colours itself (importing streamlit replaces plotly's defaults by
placeholders), escapes what comes from data, and takes `theme="light"|"dark"`; `themes` makes of a figure the same in
the other one; `export` writes files, with a `recipe` inside, which leaves series out and sets ranges.

By name, for notebooks (see `notebook`): `figures.contributions("qj-planted", "p0031")`, its numbers
`figures.numbers.contributions(...)`, in both themes."""

from typing import Any

from qfusion._lazy import load, modules

_NOTEBOOK = (
    "contributions",
    "shapley",
    "over_time",
    "entropies",
    "masses",
    "diagram",
    "populations",
    "density_matrix",
    "verdict",
    "deletion",
    "stability",
    "built",
    "built_over_time",
    "built_flow",
)
_module = modules(__name__, __path__)

# Figures of one decision that the command line draws by name.
VIEWS = {
    "contributions": "baseline, terms and their sum, as a waterfall",
    "shapley": "Shapley values of the modalities, with their shares",
    "over-time": "entropies and terms through the evolution, or along the network's layers",
    "built": "what each coupling and dissipation built of each contribution, as a matrix",
    "built-over-time": "one contribution through the evolution, by what built it",
    "built-flow": "from modalities through couplings to contributions and their sum",
}

__all__ = ["numbers", "open_sample", *_NOTEBOOK]


def __getattr__(name: str) -> Any:
    """Return a module of figures, or a function for notebooks, on first access. Importing one figure must not load
    the models.
    """
    if name == "open_sample":
        return load("qfusion.study.opening").open_sample
    if name not in _NOTEBOOK:
        return _module(name)
    return getattr(load("qfusion.figures.notebook"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
