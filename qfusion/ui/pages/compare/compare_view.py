"""The Compare page: A, the pinned view, beside B, what the sidebar shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import answers, backgrounds, examples, text
from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.figures import style
from qfusion.figures.draw import compare, decision, evidence
from qfusion.panels import spoken
from qfusion.quantum.measures import KINDS
from qfusion.training import metrics
from qfusion.ui.frame import cache, comparison, kept, knobs, pin_button, pins, state
from qfusion.ui.frame.pins import Pin
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.compare import compare_sides
from qfusion.ui.pages.compare.compare_sides import Side
from qfusion.ui.pages.dynamics.dynamics_view import SHOWN_METRICS
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view
from qfusion.ui.shared import table_editor as editor

TWEAK = "tweak"


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say of B's knobs; also names a pin that cannot be looked up, and forgets it."""
    view = kept.pinned()
    if view is not None:
        try:
            compare_sides.resolve(view)
        except QFusionError as error:
            state.notice(f"In the link, `{kept.PIN}`: {error} Nothing is pinned.")
            kept.pin(None)
    rules = knobs.allowed(work) if work.can("time") else {editor.EDITS: state.anything()}
    return rules | {TWEAK: state.switch("Tweak B", "It stays folded.")}


def nothing_pinned(here: Here) -> None:
    """How to get an A."""
    work = here.work
    st.info("Nothing is pinned yet. Press **Pin** in the sidebar of any page to keep what you see as **A**; what you pick or tweak after "
            "that is **B**. Or start here:", icon=":material/push_pin:")
    with st.container(horizontal=True):
        st.button(f"A = {text.plain(here.sample)} as learned", key="_pin_learned", icon=":material/push_pin:", on_click=kept.pin,
                  args=(Pin(work.name, work.dataset.name, here.sample),))
        for item in examples.find(work):
            if item.sample != here.sample:
                st.button(f"A = {text.plain(item.sample)}, a telling {item.kind}", key=f"_pin_{item.kind}", on_click=kept.pin,
                          args=(Pin(work.name, work.dataset.name, item.sample),))


def controls(here: Here, view: Pin) -> None:
    """What A and B are; swap and clear."""
    now = pin_button.view_of(here.work, here.row)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**A** {pin_button.words(view)}  \n**B** {pin_button.words(replace(now, tweak=''))}, what the sidebar shows")
        st.button("Swap", icon=":material/swap_horiz:", key="_swap", on_click=_swap, args=(here.work, here.row, view),
                  help="B becomes what is pinned; the sidebar shows what was A.")
        st.button("Clear", icon=":material/close:", key="_clear_pin", on_click=kept.pin, args=(None,))


def _swap(work: Workspace, row: int, view: Pin) -> None:
    was = pin_button.view_of(work, row)
    kept.pin(was)
    state.put(state.MODEL, view.model)
    state.put(state.DATA, view.data)
    state.choose_sample(view.sample)
    other: Any = cache.workspace_of(view.model, view.data)
    if other.can("time"):
        knobs.set_to(other.model, pins.tweak_of(other, view.tweak))
    else:
        state.put(editor.EDITS, view.tweak)


def contents(here: Here, view: Pin) -> None:
    """The raw content of both samples, once where they are the same."""
    work, row = compare_sides.resolve(view)
    if (work.dataset.digest, row) == (here.work.dataset.digest, here.row):
        st.caption("A and B are the same sample.")
        sample_view.content(here)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**A** {text.plain(view.sample)}")
        sample_view.content(Here(work, row, here.theme))
    with right:
        st.markdown(f"**B** {text.plain(here.sample)}")
        sample_view.content(here, details=row != here.row)  # its curves are told apart by the row


def tweak_of_b(here: Here) -> str:
    """Draws B's knobs, the same as on the Dynamics and Circuit pages, and returns what is tweaked."""
    work: Any = here.work
    if not work.can("terms"):
        st.caption("B has nothing to tweak: no couplings, rates or fusion rules.")
        return ""
    title = "Tweak B: couplings, jump rates, duration" if work.can("time") else "Tweak B: fusion rules"
    with st.expander(title, icon=":material/tune:", **state.opened(TWEAK)):
        if work.can("time"):
            knobs.presets(work)
            with st.container(key="pair-knobs"):
                return str(knobs.draw(work))
        editor.typed(here)
    return editor.words(here)


def sides(here: Here, view: Pin, tweak: str) -> tuple[Side, Side]:
    """Both decisions."""
    work, row = compare_sides.resolve(view)
    work = comparison.like(work, here.work)
    first, second = compare_sides.outputs(work, row, here.work, here.output)
    return compare_sides.side("A", work, row, view.tweak, first), compare_sides.side("B", here.work, here.row, tweak, second)


def numbers(a: Side, b: Side) -> None:
    """Truth, prediction and test metrics of both, and the differences."""
    rows = [("model", text.plain(a.work.name), text.plain(b.work.name), ""), ("sample", text.plain(a.sample), text.plain(b.sample), ""),
            ("tweak", text.plain(a.tweak, 80) or "as learned", text.plain(b.tweak, 80) or "as learned", ""),
            ("truth", _truth(a), _truth(b), ""), ("prediction", _prediction(a), _prediction(b), "")]
    score_a, score_b = float(a.scores[a.output]), float(b.scores[b.output])
    known = compare_sides.same_target(a, b)
    rows.append((f"{text.plain(b.work.unit_of(b.output))}" if known else "score explained", f"{score_a:+.3f}", f"{score_b:+.3f}",
                 f"**{score_b - score_a:+.3f}**" if known else "not comparable"))
    for name in [n for n in (*SHOWN_METRICS, "accuracy", "nll") if n in a.metrics or n in b.metrics][:4]:
        both = name in a.metrics and name in b.metrics
        own, other = (f"{s.metrics[name]:.3f}" if name in s.metrics else "–" for s in (a, b))
        rows.append((f"test {metrics.describe[name].short}", own, other, f"{b.metrics[name] - a.metrics[name]:+.3f}" if both else ""))
    if a.work.background.name != b.work.background.name:
        st.caption(f"A is compared with {backgrounds.behind(a.work.background)}, B with {backgrounds.behind(b.work.background)}: "
                   "their terms differ for that reason too.")
    lines = ["| | A | B | B − A |", "|---|---|---|---|", *("| " + " | ".join(row) + " |" for row in rows)]
    st.markdown("\n".join(lines))
    tests = f"all {a.tested:,} test samples" if a.tested == b.tested else f"{a.tested:,} test samples (A) and {b.tested:,} (B)"
    st.caption(f"Test metrics under the same tweak, over {tests}.")


def _truth(one: Side) -> str:
    y = one.work.dataset.y[one.row]
    return text.plain(one.work.classes[int(y)]) if one.work.classes else f"{float(y):+.3f}"


def _prediction(one: Side) -> str:
    if not one.work.classes:
        return f"{float(one.scores[0]):+.3f}"
    return f"{text.plain(one.work.classes[one.predicted])} ({one.probabilities[one.predicted]:.0%})"


def finding(a: Side, b: Side) -> str:
    """Which term the difference comes from."""
    change = {term: b.dividends[term] - a.dividends[term] for term in a.dividends}
    total = sum(change.values())
    if max(abs(value) for value in change.values()) < 5e-4:
        return "A and B are decided alike, term by term"
    ways = sorted(change, key=lambda term: -change[term] * (1 if total >= 0 else -1))
    found = f"B scores {total:+.2f} against A, above all by {_who(ways[0])} ({change[ways[0]]:+.2f})"
    against = change[ways[-1]]
    return found + (f", held back by {_who(ways[-1])} ({against:+.2f})" if against * total < 0 and abs(against) > 0.25 * abs(total) else "")


def _who(term: str) -> str:
    return text.plain(" + ".join(style.split_term(term))) or "the baseline"


def waterfalls(here: Here, a: Side, b: Side) -> None:
    """Both decisions term by term on one scale, and the difference of every term."""
    truths = [float(s.work.dataset.y[s.row]) for s in (a, b) if not s.work.classes]
    known = compare_sides.same_target(a, b)
    span = compare.common_range(a.dividends, b.dividends, marks=truths) if known else None
    cells = st.columns(3 if compare_sides.same_terms(a, b) and known else 2, gap="small")
    for cell, one in zip(cells[:2], (a, b), strict=True):
        drawn = decision.waterfall(one.dividends, one.work.modalities, unit=one.work.unit_of(one.output), theme=here.theme,
                                   truth=None if one.work.classes else float(one.work.dataset.y[one.row]))
        if span:
            drawn.update_xaxes(range=span)
        drawn.update_yaxes(ticklabelstandoff=6)
        with cell:
            panels.panel(f"waterfall-{one.letter}", f"{one.letter}: {answers.finding(one.dividends)}", drawn,
                         shows=f"the exact sum of {text.plain(one.sample)}" + (", on the same scale as the other. " if span else ". ")
                               + backgrounds.baseline(one.work.background),
                         not_shown="what caused the annotation; only what this model computed.",
                         alt=f"Waterfall of {one.letter}: {spoken.terms(one.dividends)}.",
                         numbers=lambda one=one: _terms(one))  # type: ignore[misc]
    if len(cells) == 2:
        st.caption("A and B explain scores or modalities that are not the same, so no differences are drawn.")
        return
    with cells[2]:
        panels.panel("differences", finding(a, b),
                     compare.differences(a.dividends, b.dividends, b.work.modalities, unit=b.work.unit_of(b.output), theme=here.theme),
                     shows=f"{text.plain(b.sample)} minus {text.plain(a.sample)}, term by term; the last bar is their sum. "
                           + backgrounds.against(b.work.background),
                     not_shown="which word, sound or pixel differs.", alt="Differences, B minus A: "
                         + spoken.terms({t: value - a.dividends[t] for t, value in b.dividends.items() if t in a.dividends}) + ".",
                     numbers=lambda: _terms(a).merge(_terms(b), on="term", suffixes=("_A", "_B")).assign(
                         difference=lambda t: t["dividend_B"] - t["dividend_A"]))


def _terms(one: Side) -> pd.DataFrame:
    return pd.DataFrame({"term": [term or "baseline" for term in one.dividends], "dividend": list(one.dividends.values())})


def shares(here: Here, a: Side, b: Side) -> None:
    """Shares of the modalities in both decisions."""
    names = {name: style.term_colour(name, one.work.modalities) for one in (a, b) for name in one.work.modalities}
    common = [name for name in a.shares if name in b.shares]
    moved = max(common, key=lambda name: abs(b.shares[name] - a.shares[name]), default="")
    change = (b.shares[moved] - a.shares[moved]) if moved else 0.0
    title = "Each modality carries as much in B as in A" if abs(change) < 0.005 else (
        f"{text.plain(moved)} carries {100 * abs(change):.0f} percentage points {'more' if change > 0 else 'less'} in B")
    panels.panel("shares", title if moved else "Other modalities decide",
                 compare.pairs(a.shares, b.shares, names, "share of the decision, |Shapley value| / sum", percent=True, theme=here.theme),
                 shows="the part of each modality in Σ|Shapley value| (MM-SHAP) of each decision." + _both(a, b) + " "
                       + backgrounds.against(b.work.background),
                 not_shown="the sign: see the waterfalls.", alt=f"Shares. A: {spoken.values(a.shares)}. B: {spoken.values(b.shares)}.",
                 numbers=lambda: pd.DataFrame([{"side": s.letter, "modality": n, "shapley": s.shapley[n], "share": s.shares[n]}
                                               for s in (a, b) for n in s.shapley]))


def entropies(here: Here, a: Side, b: Side) -> None:
    """Entropies of both."""
    if not (a.entropies and b.entropies):
        st.caption("Entropies are of states that evolve or are fused: A and B do not both have such.")
        return
    common = [name for name in a.entropies if name in b.entropies]
    timed = a.work.can("time"), b.work.can("time")
    hues = {name: style.term_colour(name, one.work.modalities) for one in (a, b) for name in one.work.modalities} if any(timed) else {}
    change = np.mean([b.entropies[n] - a.entropies[n] for n in common]) if common and timed[0] == timed[1] else None
    title = "The entropies mean different things in A and B"
    if change is not None:
        word = f"{'more' if change > 0 else 'less'} {'mixed' if timed[1] else 'entangled'}"
        title = "Entropies are alike in A and B" if abs(change) < 0.005 else f"B is {word} on average ({change:+.2f} nats)"
    panels.panel("entropies", title, compare.pairs(a.entropies, b.entropies, hues, KINDS["entropy"].axis, theme=here.theme),
                 shows="the von Neumann entropy " + _ENTROPY[timed[1]] + "." + _both(a, b),
                 not_shown="which modality decided: entropy is correlation, not attribution.",
                 alt=f"Entropies in nats. A: {spoken.values(a.entropies)}. B: {spoken.values(b.entropies)}.", numbers=lambda: pd.DataFrame(
                     [{"side": s.letter, "of": n, "entropy": v} for s in (a, b) for n, v in s.entropies.items()]))


def _both(a: Side, b: Side) -> str:
    """Whose numbers they are."""
    return f" Of samples {text.plain(a.sample)} (A) and {text.plain(b.sample)} (B)."


_ENTROPY = {True: "of each modality's state and of all together at T: how mixed it is, by entanglement and by jumps",
            False: "of each fused qubit: its entanglement with the modality qubits"}


def classes(here: Here, a: Side, b: Side) -> None:
    """Probabilities of the classes on both sides, where they are the same classes."""
    if not b.work.classes or a.work.classes != b.work.classes:
        return
    truth = int(b.work.dataset.y[b.row])
    same = a.predicted == b.predicted
    title = f"Both predict ‘{text.plain(b.work.classes[b.predicted])}’" if same else (
        f"A predicts ‘{text.plain(a.work.classes[a.predicted])}’, B ‘{text.plain(b.work.classes[b.predicted])}’")
    drawn = evidence.class_bars(b.probabilities, b.work.classes, truth=truth, before=a.probabilities, before_name="A", theme=here.theme)
    panels.panel("compare-classes", title, drawn.update_traces(name="B", selector={"name": "now"}),
                 shows="class probabilities of B as bars, of A as hollow diamonds; B's true class is marked." + _both(a, b),
                 not_shown="whether such probabilities are calibrated.",
                 alt=f"A: {spoken.listed(b.work.classes, a.probabilities)}. B: {spoken.listed(b.work.classes, b.probabilities)}.",
                 numbers=lambda: pd.DataFrame({"class": b.work.classes, "A": a.probabilities, "B": b.probabilities}))
