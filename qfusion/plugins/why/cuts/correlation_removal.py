"""The decision and its terms when the correlations of a modality are removed at a time."""

from collections.abc import Mapping

import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import capitalise
from qfusion.plugins.why.cuts import correlation_cuts, cut_measures, cut_summaries, tables
from qfusion.plugins.why.cuts.words import describe_cut
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.views.decision import cursor_time
from qfusion.views.pages import dynamics, panel, params
from qfusion.views.pages.choices import CURSOR
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample


def describe_lost_terms(whose: str, terms: Mapping[str, tuple[float, float]]) -> str:
    """Describe which term loses most in a cut.

    Args:
        whose: the modality that is cut, as markdown.
        terms: by coalition its size without the cut, and the smallest that it has after a cut at any time.
    """
    return rules.describe_extremum(
        {name: before - least for name, (before, least) in terms.items()},
        none="Cut of {whose}: no term loses 0.01 or more at any time",
        one="Cut of {whose}: {names} loses most",
        some="Cut of {whose}: {names} lose most, equally",
        name=lambda name: "{}, {:.2f} → {:.2f} at its minimum".format(
            text.term(name), *terms[name]
        ),
        whose=whose,
    )


@panel.cached
def cut(sample: Sample, *, t: float = 1.0) -> View:
    """Draw the explained output after a cut of each modality, against the time of the cut.

    Args:
        sample: a sample of a model with time.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    cuts = cut_measures.cuts_of_sample(sample.study, sample.row, sample.tweak)
    series = cut_measures.curves(cuts, sample.output)
    figure = correlation_cuts.cut_curves(
        cuts.times,
        series,
        float(cuts.before[0, sample.output]),
        sample.modalities,
        unit=sample.unit,
        cursor=cursor_time(sample, t),
    )
    alt = (
        f"{capitalise(sample.quantity)} after a cut: "
        + "; ".join(
            f"{correlation_cuts.KINDS[kind][0]}, {rules.list_curves(entry)}"
            for kind, entry in series.items()
        )
        + "."
    )
    return View(
        name="cut",
        title=text.escape_markdown(describe_cut(cuts, sample.output, sample.quantity)),
        figure=figure,
        heading="Need for correlations over time",
        caption="the explained output if at time t all correlations of one modality with the others are removed "
        "(solid), or all but the classical correlation of its populations (dashed: no entanglement is left), "
        "and the state then evolves to T. Dash-dot: the modality and the others are kept uncorrelated from "
        "the start to t, so that each evolves in the other's reduced state. With two modalities, cutting one "
        "also cuts the other."
        f"{cite_sample(sample)}",
        limits="Does not show the output for other data: a cut is an intervention on the model's state, and possibly "
        "no input leads to the new state. Dashed lines do not separate entanglement from quantum correlation "
        "without entanglement.",
        alternative=alt,
        table=lambda: cuts.frame(0, sample.output),
    )


def most_sensitive_modality(sample: Sample) -> str:
    """Return the modality whose cut changes the explained output most."""
    return cut_summaries.most_moved(
        cut_measures.cuts_of_sample(sample.study, sample.row, sample.tweak, terms=True),
        sample.output,
    )


def cut_terms(sample: Sample, *, modality: str = "", t: float = 1.0) -> View:
    """Draw the sizes of the terms after a cut of one modality, against the time of the cut.

    Args:
        sample: a sample of a model with time.
        modality: that is cut; the one whose cut moves the output most by default.
        t: where the cursor stands, a share of T.
    """
    cuts = cut_measures.cuts_of_sample(sample.study, sample.row, sample.tweak, terms=True)
    whose = choose("Modality", modality or most_sensitive_modality(sample), sample.modalities)
    sizes = cut_measures.term_sizes(cuts, whose, sample.output)
    title = describe_lost_terms(
        text.escape_markdown(whose),
        {
            name: (float(entry[0]), float(entry.min()))
            for name, entry in sizes["cut"].items()
            if name
        },
    )
    figure = correlation_cuts.cut_terms(
        cuts.times,
        sizes,
        sample.modalities,
        whose=whose,
        unit=sample.unit,
        cursor=cursor_time(sample, t),
    )
    alt = (
        "Sizes of the terms after a cut: "
        + "; ".join(
            rules.list_curves({name: values for name, values in size.items() if name})
            for size in sizes.values()
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return tables.cut_sizes_table(cuts, whose, sample.output)

    return View(
        name="cut-terms",
        title=title,
        figure=figure,
        caption="the size of every term of the decision after a cut at time t. Lines begin at the sizes without a "
        "cut, since the initial state is uncorrelated."
        f"{cite_sample(sample)}",
        limits="Does not show which coupling builds a term. The background of the terms is the mean state of every "
        "modality, so they differ from terms against another background.",
        alternative=alt,
        table=table,
    )


MOST_SENSITIVE = "the one that matters most"
CUT = params.SelectParam(
    "cut",
    "Modality that is cut",
    "The one that matters most is shown.",
    values=lambda study: (MOST_SENSITIVE, *study.modalities),
    meanings=lambda option: "" if option == MOST_SENSITIVE else option,
    style={"width": 340},
)
_ON_DECISION = dynamics.VIEW.is_one_of("Decision")
_T = {"t": CURSOR}
PANELS = {
    "cut": panel.Panel(cut, _T, fits=dynamics.evolves_jointly, opens=_ON_DECISION, below=True),
    "cut-terms": panel.Panel(
        cut_terms,
        {"modality": CUT, **_T},
        fits=dynamics.evolves_jointly,
        opens=_ON_DECISION,
        below=True,
    ),
}
