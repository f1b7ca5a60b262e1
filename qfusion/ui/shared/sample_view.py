"""One sample: what was said, heard and seen, what the model made of it, and which modalities decided."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import answers, backgrounds, evolution, text
from qfusion.data import Audio, Content, Image, Text
from qfusion.data.modality import Series
from qfusion.figures import style
from qfusion.figures.draw import decision, dynamics, evidence
from qfusion.models.tweak import LEARNED
from qfusion.quantum.measures import KINDS
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels
from qfusion.ui.shared import reading, report_view

HIDDEN = ("text", "transcript")


def content(here: Here, row: int | None = None, *, details: bool = True, only: tuple[str, ...] | None = None, key: str = "card") -> None:
    """The raw content that the data set has of a sample; says so where a modality has none.

    Args:
        row: of the sample, the current one unless given. details: with facts from the data's table, and as the page's main content.
        only: modalities to show. key: tells figures of one sample apart that a page shows twice.
    """
    at = here.row if row is None else row
    found = {name: piece for name, piece in here.work.dataset.content(at).items() if only is None or name in only}
    for name in (name for name in here.work.modalities if isinstance(found.get(name), Text)):
        _piece(name, found[name])
    with st.container(horizontal=True, vertical_alignment="center", wrap=len(found) > 3):
        for kind in (Image, Audio):
            for name in (name for name in here.work.modalities if isinstance(found.get(name), kind)):
                _piece(name, found[name], "stretch" if details else 150)
    for name in here.work.modalities:
        piece = found.get(name)
        if isinstance(piece, Series):
            _curve(here, name, piece, at, 'main' if details else key)
    absent = [name for name in here.work.modalities if name not in found]
    if absent and details:
        st.caption(f"No raw content of {', '.join(map(text.plain, absent))} comes with this data set, only features.")
    if details:
        _facts(here, at)


def _piece(name: str, piece: Content, width: int | Literal["stretch"] = "stretch") -> None:
    if isinstance(piece, Text):
        with st.container(border=True):
            st.text(piece.text)
    elif isinstance(piece, Audio):
        st.audio(np.asarray(piece.samples), sample_rate=piece.rate, width=width, alt=f"Recording: {name} of the sample")
    elif isinstance(piece, Image):
        st.image(np.asarray(piece.pixels), width=90, clamp=True, caption=text.plain(name), alt=f"Picture: {name} of the sample")


def _curve(here: Here, name: str, piece: Series, row: int, key: str) -> None:
    """A spectrum or profile as a small line chart in its modality's colour."""
    hue = style.term_colour(name, here.work.modalities)
    st.caption(text.plain(name))
    panels.small(f"content-{key}-{row}-{name}", evidence.curve(piece.values, piece.x, piece.x_label, piece.y_label, hue, theme=here.theme),
                 f"Curve: {name} of the sample, {len(piece.values)} values from {np.min(piece.values):.3g} to {np.max(piece.values):.3g}.",
                 title=f"{name} of sample {here.work.dataset.ids[row]}", caption=f"{piece.y_label} over {piece.x_label}.",
                 numbers=lambda: pd.DataFrame({piece.x_label: piece.x, piece.y_label: piece.values}))


def _facts(here: Here, row: int) -> None:
    """Whatever the data set's table says of the sample: video and segment times, regime."""
    facts = {str(name): value for name, value in here.work.dataset.table.iloc[row].items()
             if name not in (*HIDDEN, here.work.dataset.target.name)}
    parts = [f"split: {here.work.dataset.split[row]}"]
    if {"start", "end"} <= set(facts):
        parts.append(f"segment: {facts.pop('start'):.1f} s to {facts.pop('end'):.1f} s")
    parts += [f"{text.plain(text.column(name))}: {text.plain(_short(value))}" for name, value in facts.items()]
    st.caption(" · ".join(parts))


def _short(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def verdict(here: Here) -> None:
    """Prediction against truth: on the range of the target, or as class probabilities."""
    work, row = here.work, here.row
    if work.classes:
        _class_verdict(here)
        return
    prediction = float(work.scores[row, 0])
    truth = float(work.dataset.y[row])
    low, high = work.scale
    drawn = decision.on_scale(truth, prediction, low, high, unit=here.unit, theme=here.theme)
    panels.panel(
        "verdict", f"Predicted {prediction:+.2f}, annotated {truth:+.2f}", drawn,
        shows=f"the score of this {work.dataset.split[row]} sample beside its annotation.",
        not_shown="how certain the model is; its typical test error is on the Overview page.",
        alt=f"Scale from {low:g} to {high:g}: truth {truth:.2f}, prediction {prediction:.2f}.",
        numbers=lambda: pd.DataFrame({"sample": [here.sample], "truth": [truth], "prediction": [prediction]}))


def _class_verdict(here: Here) -> None:
    work, row = here.work, here.row
    truth, predicted, p = int(work.dataset.y[row]), int(work.predicted[row]), work.probabilities[row]
    end = "rightly" if truth == predicted else f"but it is ‘{text.plain(work.classes[truth])}’"
    panels.panel(
        "verdict", f"Predicted ‘{text.plain(work.classes[predicted])}’ with {p[predicted]:.0%}, {end}",
        evidence.class_bars(p, work.classes, truth=truth, theme=here.theme),
        shows=f"class probabilities of this {work.dataset.split[row]} sample (softmax of the scores); the dark bar is the prediction.",
        not_shown="whether such probabilities are calibrated; the log loss is on the Overview page.",
        alt=f"Probabilities: predicted {work.classes[predicted]} {p[predicted]:.2f}, true class {work.classes[truth]} {p[truth]:.2f}.",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "class": work.classes, "score": work.scores[row], "probability": p,
                                      "truth": np.arange(len(p)) == truth}))


def contributions(here: Here) -> None:
    """Waterfall of the decision, and Shapley values."""
    work, row = here.work, here.row
    dividends = work.dividends(row, here.output)
    drawn = decision.waterfall(dividends, work.modalities, truth=here.truth, unit=here.unit,
                               theme=here.theme)
    panels.panel(
        "waterfall", answers.finding(dividends) + whose(here), drawn,
        lead=f"**Which modality decided this?** {answers.decided(work, row, here.output)}  \n"
             f"**Did the modalities conflict?** {answers.conflict(work, row, here.output)}",
        shows="the exact sum baseline + single modalities + joint terms (hatched) = score." + here.of + " "
              + backgrounds.baseline(work.background),
        not_shown="what caused the annotation; only what this model computed.",
        alt="Waterfall: " + ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in dividends.items()) + ".",
        numbers=lambda: _dividend_table(here))


def whose(here: Here) -> str:
    """Which class's score is explained."""
    return f" for ‘{text.plain(here.work.classes[here.output])}’" if here.work.classes else ""


def _dividend_table(here: Here) -> pd.DataFrame:
    dividends = here.work.dividends(here.row, here.output)
    table = pd.DataFrame({"sample": here.sample, "term": [term or "baseline" for term in dividends],
                          "dividend": list(dividends.values())})
    truth = here.work.dataset.truth
    if truth is not None:
        table["true_dividend"] = [truth.iloc[here.row].get(term) for term in dividends]
    return table


def shapley(here: Here) -> None:
    """Shapley values and shares."""
    values, shares = here.work.shapley(here.row, here.output)
    leader = max(shares, key=shares.__getitem__)
    panels.panel(
        "shapley", f"{text.plain(leader)} carries {shares[leader]:.0%} of the decision" + whose(here),
        decision.shapley_bars(values, shares, here.work.modalities, unit=here.unit, theme=here.theme),
        shows="each modality's fair share of this sample's decision: its own term plus an equal part of every joint term it takes "
              "part in; in brackets its part of the absolute total (MM-SHAP). " + backgrounds.against(here.work.background),
        not_shown="which words, sounds or pixels mattered inside a modality.",
        alt="Shapley values: " + ", ".join(f"{name} {value:+.2f}" for name, value in values.items()) + ".",
        numbers=lambda: pd.DataFrame({"sample": here.sample, "modality": list(values), "shapley": list(values.values()),
                                      "share": [shares[name] for name in values]}))


def entropies(here: Here) -> None:
    """Entropies per modality and joint over the evolution; for a circuit, what the fusion read."""
    if here.work.can("rules"):
        reading.beliefs(here)
        return
    if not here.work.can("time"):
        st.caption("This model has no entropies: nothing is entangled or evolves, so its states stay pure.")
        return
    track = evolution.follow(here.work, here.row, LEARNED)
    series = track.measures.single("entropy")
    ends = {name: float(values[-1]) for name, values in series.items() if name}
    most = max(ends, key=ends.__getitem__)
    panels.panel(
        "entropies", f"{text.plain(most)} ends up the most mixed ({ends[most]:.2f} nats)",
        dynamics.measure_lines(track.times, {(name,) if name else (): values for name, values in series.items()}, here.work.modalities,
                               KINDS["entropy"].axis, height=280, theme=here.theme),
        shows="how far each modality's state, and all together, has become mixed by time t: by entanglement with the "
              "others and by jumps." + here.of,
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt="Entropy over time: at T " + ", ".join(f"{name} {value:.2f}" for name, value in ends.items()) + " nats.",
        numbers=lambda: pd.DataFrame({"t": track.times} | {f"entropy[{k or 'all'}]": v for k, v in series.items()}))


def heading(here: Here) -> None:
    """The sample's id, and the way on."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"Sample {text.plain(here.sample)}", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            report_view.of_sample(here)
            if here.work.can("time"):
                link("pages/dynamics.py", "Follow it through time", ":material/timeline:")
            elif here.work.can("circuit"):
                link("pages/circuit.py", "Walk it through the circuit", ":material/schema:")
