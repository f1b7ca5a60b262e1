"""The panels of one sample: the verdict, contributions, entropies and masses; and all samples as points."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed, size, top
from qfusion.analysis import outputs, sample_filters, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study, said_columns
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Series
from qfusion.errors import InvalidInput
from qfusion.explain import RELATIONS
from qfusion.figures import (
    circuit_charts,
    cohort_charts,
    decision_charts,
    evidence_fusion,
    evolution_charts,
    numbers,
    style,
)
from qfusion.models.abilities import can
from qfusion.panels import page_state, panel, params
from qfusion.quantum.measure_kinds import KINDS, Part
from qfusion.wording import answers
from qfusion.wording.backgrounds import (
    describe_baseline,
    describe_comparison,
    describe_standard_error,
)
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import (
    cite_sample,
    cite_states,
    describe_calibration,
    describe_softmax,
    name_explained_class,
)
from qfusion.wording.studies import axis_titles
from qfusion.wording.verdicts import RELATION_DEFINITIONS


@panel.cached
def verdict(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the prediction against truth: on the range of the target, or as softmax of the classes."""
    study = sample.study
    row = sample.row
    if not study.classes:
        prediction = float(study.scores[row, 0])
        label = sample.target
        low, high = study.scale
        if label is None:
            end, says = ("; no truth is known", "no truth")
        else:
            end, says = (f", annotated {label:+z.2f}", f"truth {label:.2f}")
        alt_text = f"Scale from {low:g} to {high:g}: {says}, prediction {prediction:.2f}."

        def make_table() -> pd.DataFrame:
            return pd.DataFrame(
                {"sample": [sample.id], "truth": [label], "prediction": [prediction]}
            )

        return panel.PanelFigure(
            "verdict",
            f"Predicted {prediction:+z.2f}{end}",
            decision_charts.target_scale(
                label, prediction, low, high, unit=sample.unit, theme=theme
            ),
            shows=f"the score of this {study.dataset.split[row]} sample beside its annotation, where there is one.",
            not_shown="how certain the model is; its typical test error is on the Overview page.",
            alt=alt_text,
            table=make_table,
        )
    truth = sample.true_class
    predicted = int(study.predicted[row])
    p = study.probabilities[row]
    end = "no truth is known"
    says = "no true class is known"
    if truth is not None:
        name = study.classes[truth]
        end = "rightly" if truth == predicted else f"but it is ‘{text.escape_markdown(name)}’"
        says = f"true class {name} {p[truth]:.2f}"
    title = f"Predicted ‘{text.escape_markdown(study.classes[predicted])}’: {describe_softmax(p[predicted])}, {end}"
    shows = (
        f"{evidence_fusion.describe_drawn_classes(study.classes, truth)} of this {study.dataset.split[row]} "
        "sample; "
        f"the dark bar "
        f"is the prediction. {describe_calibration(study)}"
    )
    alt = f"Softmax: predicted {study.classes[predicted]} {p[predicted]:.2f}, {says}."

    def table() -> pd.DataFrame:
        return numbers.classes_table(sample, study.scores[row], p)

    return panel.PanelFigure(
        "verdict",
        title,
        evidence_fusion.class_bars(p, study.classes, truth=truth, theme=theme),
        shows=shows,
        not_shown="the probability of being right: see the calibration on the Cohorts page.",
        alt=alt,
        table=table,
    )


@panel.cached
def waterfall(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the decision, term by term."""
    dividends = dict(sample.learned.verdict.dividends)
    truth = sample.true_dividends
    true = {} if truth is None else {"true_dividend": list(map(truth.get, dividends))}
    figure = decision_charts.waterfall(
        dividends,
        sample.modalities,
        truth=sample.target,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    lead = (
        f"**Which modality decided this?** {answers.decided(sample.learned)}  \n"
        f"**Did the modalities conflict?** {answers.conflict(sample.learned)}"
    )
    shows = (
        f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}."
        + cite_sample(sample)
        + " "
        + describe_baseline(sample.background)
        + describe_standard_error(sample.explanation, sample.output)
    )
    alt = (
        "Waterfall: "
        + ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in dividends.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return numbers.terms_table(dividends, sample=sample.id).assign(**true)

    return panel.PanelFigure(
        "waterfall",
        answers.finding_for(sample, dividends),
        figure,
        lead=lead,
        shows=shows,
        not_shown="what caused the annotation; only what this model computed.",
        alt=alt,
        table=table,
    )


@panel.cached
def shapley(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw Shapley values and shares."""
    values = sample.learned.shapley
    shares = sample.learned.shares
    alt = (
        "Shapley values: "
        + ", ".join(f"{name} {value:+.2f}" for name, value in values.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(values),
                "shapley": list(values.values()),
                "share": [shares[name] for name in values],
            }
        )

    return panel.PanelFigure(
        "shapley",
        answers.leading(sample.learned) + name_explained_class(sample),
        decision_charts.shapley_bars(
            values, shares, sample.modalities, unit=sample.unit, theme=theme
        ),
        shows="each modality's fair share of this sample's decision: its own term plus an equal part of every joint "
        "term it takes part in; in brackets its part of the absolute total (MM-SHAP). "
        + describe_comparison(sample.background),
        not_shown="which words, sounds or pixels mattered inside a modality.",
        alt=alt,
        table=table,
    )


@panel.cached
def entropies(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entropies per modality and joint over the evolution as learned; of a model with time."""
    track = sample.learned.track()
    series = track.measures.single("entropy")
    ends = {name: float(values[-1]) for name, values in series.items() if name}
    parts: dict[Part, np.ndarray] = {
        (name,) if name else (): values for name, values in series.items()
    }
    figure = evolution_charts.measure_lines(
        track.times, parts, sample.modalities, KINDS["entropy"].axis, height=280, theme=theme
    )
    alt = (
        "Entropy over time: at T "
        + ", ".join(f"{name} {value:.2f}" for name, value in ends.items())
        + " nats."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": track.times} | {f"entropy[{k or 'all'}]": v for k, v in series.items()}
        )

    return panel.PanelFigure(
        "entropies",
        describe_most_mixed(ends),
        figure,
        shows="how far each modality's state, and all together, has become mixed by time t: by entanglement with the "
        "others and by jumps." + cite_states(sample.learned),
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=alt,
        table=table,
    )


def describe_most_mixed(ends: Mapping[str, float]) -> str:
    """Describe which modality has the largest entropy at the end, in nats, where one has."""
    return panel.superlative(
        ends,
        none="No modality ends up mixed ({size} nats)",
        only="{names} ends up mixed ({size} nats)",
        one="{names} ends up the most mixed ({size} nats)",
        some="{names} end up equally mixed, the most of all ({size} nats)",
        every="{names} end up equally mixed ({size} nats)",
    )


@panel.cached
def masses(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the mass each modality gives each element, and the fused one; of a model with rules."""
    reading = sample.reading
    pairs = ""
    if reading.pairwise is not None:
        by_pair = [
            f"{text.escape_markdown(a)} – {text.escape_markdown(b)} {reading.pairwise[i, j]:.2f}"
            for (i, a), (j, b) in combinations(enumerate(reading.modalities), 2)
        ]
        pairs = f" Dempster's K of each pair: {', '.join(by_pair)}."
    title = describe_disagreement(
        dict(zip(reading.elements, reading.disagreement.tolist(), strict=True)),
        reading.conflict,
    )
    figure = evidence_fusion.masses(
        reading.masses,
        reading.fused,
        reading.modalities,
        (
            reading.elements
            if reading.elements_are_classes
            else [str(i) for i in range(len(reading.elements))]
        ),
        marked=_true_element(sample),
        theme=theme,
    )
    not_shown = "what the network does with the fused masses afterwards"
    if reading.elements_are_classes:
        not_shown += ". "
    else:
        not_shown += "; elements are learned here, they have no names. "
    not_shown += INERT
    alt = (
        "Heat map of masses: fused "
        + ", ".join(f"{e} {v:.2f}" for e, v in zip(reading.elements, reading.fused, strict=True))
        + "."
    )
    return panel.PanelFigure(
        "masses",
        title,
        figure,
        shows="how much each modality supports each element (sin² θ/2, the chance that its qubit reads 1), and what "
        f"the fusion makes of it.{pairs}{cite_sample(sample)}",
        not_shown=not_shown,
        alt=alt,
        table=lambda: reading.frame().reset_index(),
    )


def describe_disagreement(by_element: Mapping[str, float], K: float | None) -> str:
    """Describe on which element the modalities' masses contradict each other most, where they do.

    With Dempster's K of elements that are classes (None of others).
    """
    first = [
        text.escape_markdown(name) if K is None else f"‘{text.escape_markdown(name)}’"
        for name in top(by_element)
    ]
    largest = max((value for value in by_element.values() if value == value), default=0.0)
    words = listed(first) if len(first) <= panel.MAX_NAMED else f"{len(first)} elements alike"
    most = f"most on {words}" if 0 < len(first) < len(by_element) else "on all elements alike"
    if K is None:
        if round(largest, 2) <= 0:
            return f"The masses differ on no element ({size(max(largest, 0.0))})"
        return f"The masses differ {most} ({largest:.2f}{' each' if len(first) > 1 else ''})"
    if not np.isfinite(K):
        return "A modality supports no class at all, so that Dempster's K is not defined"
    if round(K, 2) <= 0:
        return (
            f"Dempster's K of the masses is {size(max(K, 0.0))}: they hardly contradict each other"
        )
    return f"The masses contradict each other with Dempster's K = {K:.2f}, {most}"


@panel.cached
def beliefs(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw belief, plausibility and betting probability of every class; of a model whose elements are classes."""
    reading = sample.reading
    by_fusion = reading.by_fusion
    check(
        by_fusion is not None,
        "Elements of this model are no classes, so that there are no beliefs. Look at `masses`.",
    )
    figure = evidence_fusion.belief_bars(
        by_fusion.belief,
        by_fusion.pignistic,
        by_fusion.plausibility,
        reading.elements,
        truth=_true_element(sample),
        theme=theme,
    )
    return panel.PanelFigure(
        "beliefs",
        describe_bet(dict(zip(reading.elements, by_fusion.pignistic.tolist(), strict=True))),
        figure,
        shows="evidence theory on the fused masses: what speaks for a class alone (belief), what does not speak "
        "against it (plausibility), and the probability to bet with (pignistic)."
        + cite_sample(sample),
        not_shown="the network's answer, which is read from the same qubits after convolution and pooling.",
        alt=f"Pignistic probability of each class: {panel.list_numbers(reading.elements, by_fusion.pignistic)}.",
        table=lambda: reading.frame().reset_index(),
    )


def describe_bet(pignistic: Mapping[str, float]) -> str:
    """Describe on which class the fused masses would bet, by probability; on none where no class has any mass."""
    if not np.isfinite(list(pignistic.values())).any():
        return "The fused evidence speaks for no class: it would bet on none"
    return panel.superlative(
        pignistic,
        one="The fused evidence alone would bet on {names} ({share})",
        some="The fused evidence alone would bet on {names} ({share} each)",
        name=lambda name: f"‘{text.escape_markdown(name)}’",
        many="{count} classes alike",
        join=" or ".join,
    )


@panel.cached
def fused_entropies(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the entropy of every fused qubit, its entanglement with the modality qubits; of a model with rules."""
    reading = sample.reading
    return panel.PanelFigure(
        "fused-entropies",
        describe_most_entangled(dict(zip(reading.elements, reading.entropy.tolist(), strict=True))),
        circuit_charts.qubit_bars(reading.entropy, reading.elements, "entropy (nats)", theme=theme),
        shows="the von Neumann entropy of each fused qubit, at most ln 2. Fusion leaves it and its modality qubits in "
        f"a pure state together, so this is their entanglement.{cite_sample(sample)} {INERT}",
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=f"Entropy of each fused qubit in nats: {panel.list_numbers(reading.elements, reading.entropy)}.",
        table=lambda: reading.frame().reset_index(),
    )


def describe_most_entangled(entropy: Mapping[str, float]) -> str:
    """Describe which fused qubit has the largest entropy, in nats, where one has."""
    return panel.superlative(
        entropy,
        none="No fused qubit is entangled with what it was fused from ({size} nats)",
        only="The fused qubit is entangled with what it was fused from ({size} nats)",
        one="Fused qubit {names} is the most entangled with what it was fused from ({size} nats)",
        some="Fused qubits {names} are the most entangled, alike, with what they were fused from ({size} nats)",
        every="All fused qubits are equally entangled with what they were fused from ({size} nats)",
        name=lambda name: f"‘{text.escape_markdown(name)}’",
        many="{count} of {all}",
    )


def _true_element(sample: Sample) -> int | None:
    """Return which element stands for the true class, where elements are classes."""
    return sample.true_class if sample.study.model.elements_are_classes else None


def curve(
    study: Study,
    theme: style.Theme = "light",
    *,
    row: int,
    modality: str,
    card: str = "main",
) -> panel.PanelFigure:
    """Draw a spectrum or profile of a sample as a small line chart in its modality's colour.

    Args:
        study: a model on data with such curves.
        theme: of the figure.
        row: of the sample.
        modality: whose curve.
        card: tells figures of one sample apart that a page shows twice.
    """
    check(
        0 <= row < len(study.dataset.ids),
        f"The data have {len(study.dataset)} samples, but none in row {row}.",
    )
    piece: Any = study.dataset.content(row).get(modality)
    check(
        isinstance(piece, Series),
        f"The data have no curve of modality '{modality[:60]}' of this sample.",
    )
    title = (
        f"{text.escape_markdown(modality)} of sample {text.escape_markdown(study.dataset.ids[row])}"
    )
    figure = evidence_fusion.curve(
        piece.values,
        piece.x,
        piece.x_label,
        piece.y_label,
        style.term_colour(modality, study.modalities),
        theme=theme,
    )
    shows = f"{text.escape_markdown(piece.y_label)} over {text.escape_markdown(piece.x_label)}."
    alt = (
        f"Curve: {modality} of the sample, {len(piece.values)} values from {np.min(piece.values):.3g} to "
        f"{np.max(piece.values):.3g}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({piece.x_label: piece.x, piece.y_label: piece.values})

    return panel.PanelFigure(
        f"content-{card}-{row}-{modality}",
        title,
        figure,
        shows=shows,
        not_shown="",
        alt=alt,
        table=table,
    )


def draw_sample_curve(
    sample: Sample, theme: style.Theme = "light", **options: Any
) -> panel.PanelFigure:
    """Draw a spectrum or profile of any sample of the same data, see `curve`."""
    return curve(sample.study, theme, **options)


def parse_curve_name(view: page_state.PageState, rest: str) -> dict[str, Any]:
    """Return card, row and modality by the end of a panel's name."""
    names = "|".join(map(re.escape, view.modalities))
    parts = re.fullmatch(rf"(.*)-(\d+)-({names})", rest)
    if parts is None:
        raise InvalidInput(
            f"Panel 'content-{rest[:60]}' is of no modality of this model. Open the page again."
        )
    return {"row": int(parts[2]), "modality": parts[3], "card": parts[1]}


def scatter(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    x: str = "",
    y: str = "",
    output: str = "",
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> panel.PanelFigure:
    """Draw all samples that pass, as points; a ring around the sample.

    Args:
        sample: that is marked.
        theme: of the figure.
        x, y: columns, see `finding.axes`; the usual ones unless told.
        output: what dividends split, as text of `outputs.parse`; of each sample the class decided for unless told.
        split, search, relations, verdict, classes: which samples pass, see `finding.passing`.
    """
    study = sample.study
    titles = axis_titles(study)
    default = sample_filters.default_axes(study)
    x = choose("Axis", x or default[0], titles)
    y = choose("Axis", y or default[1], titles)
    choose("Split", split, (*SPLITS, "all"))
    choose("Verdict", verdict, ("", *sample_filters.VERDICTS))
    passed = sample_filters.passing(
        _sample_table(study, output),
        split=split,
        search=search,
        relations=relations,
        verdict=verdict,
        classes=classes,
    )
    rows = sample_filters.axis_rows(study, passed, x, y)
    wrong = int((rows["margin"] < 0).sum()) if y == "margin" else 0
    if y == "margin":
        title = f"Decided wrongly: {wrong:,} of {len(rows):,}, with a margin below 0"
    else:
        title = f"{text.escape_markdown(titles[y])} against {text.escape_markdown(titles[x])}"
    figure = cohort_charts.scatter(
        rows.index.tolist(),
        rows[x].to_numpy(),
        rows[y].to_numpy(),
        titles[x],
        titles[y],
        chosen=sample.id,
        captions=next((rows[column].astype(str).tolist() for column in said_columns(rows)), None),
        diagonal={x, y} == {"truth", "prediction"},
        zero=y == "margin",
        theme=theme,
    )
    shows = f"one point a sample, {len(rows):,} in all"
    if len(rows) == sample_filters.MAX_DRAWN:
        shows += f" (evenly spread over the {len(passed):,} that pass)"
    shows += "; the ring marks the current one." + _describe_dividends(study, x, y)
    alt = f"Scatter of {titles[y]} against {titles[x]} for {len(rows)} samples; {sample.id} is ringed."

    def table() -> pd.DataFrame:
        return rows[[x, y]].reset_index()

    return panel.PanelFigure(
        "scatter",
        title,
        figure,
        shows=shows,
        not_shown="why a sample lies where it does: open it.",
        alt=alt,
        table=table,
    )


def _sample_table(study: Study, output: str) -> pd.DataFrame:
    """Return all samples, with the dividends of a class, or of the predicted ones."""
    wanted = outputs.parse(output, study.classes)
    return study.with_reference(wanted.reference).frame(wanted.number)


def _describe_dividends(study: Study, *wanted: str) -> str:
    if not any(column.startswith("dividend[") for column in wanted):
        return ""
    if len(study.explained_rows) < len(study.dataset):
        some = f" Contributions are worked out for {len(study.explained_rows):,} test samples."
    else:
        some = ""
    return f"{some} {describe_comparison(study.explanation_background)}"


def curve_names(
    study: Study, rows: Iterable[int], card: str, only: Sequence[str] = ()
) -> list[str]:
    """Return the ends of the names of the curves that the data have of some samples, on one card, of all modalities or
    `only` some.
    """
    return [
        f"{card}-{row}-{name}"
        for row in rows
        for name in study.modalities
        if name in (only or study.modalities)
        and isinstance(study.dataset.content(row).get(name), Series)
    ]


SPLIT = params.SelectParam(
    "split",
    "Split",
    "The test split is shown.",
    values=(*SPLITS, "all"),
    default="test",
    look="segments",
)
SEARCH = params.TextParam(
    "find",
    "Search ids and words",
    "Nothing is searched for.",
    most=100,
    style={"placeholder": "part of an id or of what was said"},
)
RELATION = params.SelectParam(
    "relation",
    "How the modalities relate",
    "All relations are shown.",
    "; ".join(f"{kind}: {words}" for kind, words in RELATION_DEFINITIONS.items()),
    RELATIONS,
    many=True,
    look="pills",
)
VERDICT = params.SelectParam(
    "verdict",
    "Predicted",
    "Right and wrong ones are shown.",
    "Only samples that the model gets right, or wrong.",
    sample_filters.VERDICTS,
    empty=True,
    look="segments",
    fits=lambda study: bool(study.classes),
)
CLASSES = params.SelectParam(
    "class",
    "Classes (truth)",
    "All classes are shown.",
    values=lambda study: study.classes,
    many=True,
    fits=VERDICT.fits,
    style={"placeholder": "all"},
)
_AXES = (
    "dividend[text] is the contribution of text, what it adds to the log-odds or score (Harsanyi dividend); negativity "
    "is entanglement. See Terms below the figure."
)
ACROSS, UP = (
    params.SelectParam(key, f"{key} axis", "The usual one is shown.", _AXES, axis_titles)
    for key in ("x", "y")
)
TABLE = params.SwitchParam(
    "table.evidence",
    "Rules, beliefs and masses of every element as a table",
    "It stays folded.",
    fits=panel.needs("rules"),
)
FILTERS = {
    "split": SPLIT,
    "search": SEARCH,
    "relations": RELATION,
    "verdict": VERDICT,
    "classes": CLASSES,
}
TRY = params.SwitchParam(
    "own",
    "Try your own",
    "It stays folded.",
    fits=lambda study: bool(study.dataset.makers),
)
CONTROLS = (TRY, *FILTERS.values(), ACROSS, UP, TABLE)

_RULED = panel.needs("rules")
PANELS = {
    "verdict": panel.Panel(verdict),
    "waterfall": panel.Panel(waterfall),
    "shapley": panel.Panel(shapley),
    "masses": panel.Panel(masses, fits=_RULED),
    "beliefs": panel.Panel(
        beliefs, fits=lambda sample: _RULED(sample) and sample.reading.by_fusion is not None
    ),
    "fused-entropies": panel.Panel(fused_entropies, fits=_RULED),
    "entropies": panel.Panel(
        entropies, fits=lambda sample: can(sample.model, "time") and not can(sample.model, "rules")
    ),
    "scatter": panel.Panel(
        scatter,
        {"x": ACROSS, "y": UP, "output": lambda view: view.output or None, **FILTERS},
        fits=lambda sample, output="", x="", y="", **filters: (
            not sample_filters.passing(_sample_table(sample.study, output), **filters).empty
        ),
    ),
}
NAMED = {
    "content-": panel.Panel(
        curve,
        rest=parse_curve_name,
        endings=lambda view, study: curve_names(
            study, [study.dataset.row(view.named("sample"))], "main"
        ),
        scope="study",
    )
}
