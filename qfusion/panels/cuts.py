"""Are the correlations needed, and when? The decision if a modality's are taken away at a time; of models with time.

Two modalities are needed for one to be correlated with the others. `t` marks a place as a share of T.
"""

from __future__ import annotations

from qfusion._checks import choose
from qfusion.analysis import cut_curves, text
from qfusion.analysis.sample import Sample
from qfusion.explain.changes import cut_answers
from qfusion.figures.draw import cuts as figures
from qfusion.figures.numbers import sizes_table
from qfusion.figures.style import Theme
from qfusion.panels import spoken
from qfusion.panels.dynamics import cursor_at
from qfusion.panels.panel import Panel, Picture, number, word


def score(sample: Sample, theme: Theme = "light", *, t: float = 1.0) -> Picture:
    """The score after a cut of each modality, against the time of the cut.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    found = cut_curves.of_sample(sample.work, sample.row, sample.tweak)
    shows, not_shown = figures.SAYS["cut"]
    series = cut_curves.curves(found, sample.output)
    return Picture(
        "cut", text.plain(cut_answers.answer(found, sample.output)),
        figures.curves(found.times, series, float(found.before[0, sample.output]), sample.modalities, unit=sample.unit,
                       cursor=cursor_at(sample, t), theme=theme),
        called="Are the correlations needed, and when?", shows=shows + sample.of, not_shown=not_shown,
        alt="Score after a cut: "
            + "; ".join(f"{figures.KINDS[kind][0]}, {spoken.lines(each)}" for kind, each in series.items()) + ".",
        table=lambda: found.frame(0, sample.output))


def most_moved(sample: Sample) -> str:
    """The modality whose cut moves the score most."""
    found = cut_curves.of_sample(sample.work, sample.row, sample.tweak, terms=True)
    return cut_answers.most_moved(found, sample.output)


def terms(sample: Sample, theme: Theme = "light", *, modality: str = "", t: float = 1.0) -> Picture:
    """Sizes of the terms after a cut of one modality, against the time of the cut.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        modality: that is cut; the one whose cut moves the score most unless told.
        t: where the cursor stands, a share of T.
    """
    found = cut_curves.of_sample(sample.work, sample.row, sample.tweak, terms=True)
    whose = choose("Modality", modality or most_moved(sample), sample.modalities)
    sizes = cut_curves.sizes(found, whose, sample.output)
    shows, not_shown = figures.SAYS["cut-terms"]
    cut = sizes["cut"]
    lost = max((name for name in cut if name), key=lambda name: float(cut[name][0] - cut[name].min()))
    return Picture(
        "cut-terms", f"Cut of {text.plain(whose)}: most is lost of {text.plain(lost.replace('+', ' + '))}, "
                     f"{cut[lost][0]:.2f} → {cut[lost].min():.2f} at the most",
        figures.terms(found.times, sizes, sample.modalities, whose=whose, unit=sample.unit, cursor=cursor_at(sample, t),
                      theme=theme),
        shows=shows + sample.of, not_shown=not_shown,
        alt="Sizes of the terms after a cut: "
            + "; ".join(spoken.lines({name: values for name, values in each.items() if name})
                        for each in sizes.values()) + ".",
        table=lambda: sizes_table(found, whose, sample.output))


_T = number("t", 0, 1)
PANELS = {"cut": Panel(score, {"t": _T}), "cut-terms": Panel(terms, {"modality": word("cut"), "t": _T})}
