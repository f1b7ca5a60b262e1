"""The Compare page: A, the pinned view, beside B, what the bar on top shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion.analysis import backgrounds, describe, text
from qfusion.analysis.cohort import examples
from qfusion.analysis.compare import Side, Sides, beside
from qfusion.analysis.subject import Workspace
from qfusion.data import Image, Text
from qfusion.errors import QFusionError
from qfusion.panels import compare as builders
from qfusion.panels.address import Pin, resolve, tweak_of
from qfusion.training import metrics
from qfusion.ui.bar import comparison, pin_button
from qfusion.ui.frame import cache, depth, sliders, state, stored
from qfusion.ui.frame.shell import Here, told
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view
from qfusion.ui.shared import table_editor as truth_tables

TWEAK = "tweak"


def forget_lost(_: Workspace) -> None:
    """Names a pin that cannot be looked up, and forgets it."""
    view = stored.pinned()
    if view is not None:
        try:
            resolve(view)
        except QFusionError as error:
            state.notice(f"In the link, `{stored.PIN}`: {error} Nothing is pinned.")
            stored.pin(None)


def nothing_pinned(here: Here) -> None:
    """How to get an A."""
    work = here.work
    short = "Nothing is pinned. Press **Pin** on top, or start here:"
    st.info(
        short
        if not depth.full()
        else "Nothing is pinned yet. Press **Pin** on top of any page to keep what you see as **A**; what you pick or "
        "tweak after that is **B**. Or start here:",
        icon=":material/push_pin:",
    )
    offered = {"learned": (here.sample, "as learned")}
    offered |= {
        item.kind: (item.sample, f"a telling {examples.NAMES[item.kind]}")
        for item in examples.find(work)
        if item.sample != here.sample
    }
    with st.container(key="pair-pins"):
        columns = st.columns(len(offered), gap="small")
    for column, (kind, (sample, words)) in zip(columns, offered.items(), strict=True):
        with column, st.container(border=True, height="stretch", key=f"box-pin-{kind}"):
            row = work.dataset.row(sample)
            seen = [
                name
                for name, piece in work.dataset.content(row).items()
                if isinstance(piece, Text | Image)
            ]
            sample_view.content(here, row, details=False, only=tuple(seen))
            st.button(
                f"A = {text.plain(sample)}, {words}",
                key=f"_pin_{kind}",
                icon=":material/push_pin:",
                on_click=stored.pin,
                args=(Pin(work.name, work.dataset.name, sample),),
            )


def controls(here: Here, view: Pin) -> None:
    """What A and B are; swap and clear."""
    now = pin_button.view_of(here.work, here.row)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**A** {pin_button.words(view)}  \n**B** {pin_button.words(replace(now, tweak=''))}, what the bar on top "
            "shows"
        )
        st.button(
            "Swap",
            icon=":material/swap_horiz:",
            key="_swap",
            on_click=told,
            args=(_swap, here.work, here.row, view),
            help="B becomes what is pinned; the bar on top shows what was A.",
        )
        st.button(
            "Clear", icon=":material/close:", key="_clear_pin", on_click=stored.pin, args=(None,)
        )


def _swap(work: Workspace, row: int, view: Pin) -> None:
    was = pin_button.view_of(work, row)
    stored.pin(was)
    state.put(state.MODEL, view.model)
    state.put(state.DATA, view.data)
    state.choose_sample(view.sample)
    other: Any = cache.workspace_of(view.model, view.data)
    if other.can("time"):
        sliders.set_to(other.model, tweak_of(other, view.tweak))
    else:
        state.put(truth_tables.EDITS, view.tweak)


def contents(here: Here, view: Pin) -> None:
    """The raw content of both samples, once where they are the same."""
    work, row = resolve(view)
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
    """Draws B's parameters, the same as on the Dynamics and Circuit pages, and returns what is tweaked."""
    work: Any = here.work
    if not work.can("terms"):
        st.caption("B has nothing to tweak: no couplings, dissipation or fusion rules.")
        return ""
    title = (
        "Tweak B: couplings, dissipation, duration" if work.can("time") else "Tweak B: fusion rules"
    )
    with st.expander(title, icon=":material/tune:", **state.opened(TWEAK)):
        if work.can("time"):
            presets = st.container()
            with st.container(key="pair-knobs"):
                tweak = sliders.draw(work)
            with presets:
                sliders.presets(work)
            return str(tweak)
        truth_tables.typed(here)
    return truth_tables.words(here)


def sides(here: Here, view: Pin, tweak: str) -> Sides:
    """Both decisions."""
    resolve(view)
    return beside(
        here.subject(here.work.model.parse_tweak(tweak)),
        view.model,
        view.sample,
        view.data,
        tweak=view.tweak,
        members=comparison.cohort(here.work),
    )


def numbers(sides: Sides) -> None:
    """Truth, prediction and test metrics of both, and the differences."""
    a, b = sides.a, sides.b
    rows = [
        ("model", text.plain(a.work.name), text.plain(b.work.name), ""),
        ("sample", text.plain(a.sample.id), text.plain(b.sample.id), ""),
        ("tweak", *(text.plain(one.sample.tweak, 80) or "as learned" for one in (a, b)), ""),
        ("truth", _truth(a), _truth(b), ""),
        ("prediction", _prediction(a), _prediction(b), ""),
    ]
    score_a, score_b = float(a.scores[a.sample.output]), float(b.scores[b.sample.output])
    known = sides.same_target
    rows.append(
        (
            f"{text.plain(b.sample.unit)}" if known else "score explained",
            f"{score_a:+.3f}",
            f"{score_b:+.3f}",
            f"**{score_b - score_a:+.3f}**" if known else "not comparable",
        )
    )
    seed = describe.of_seed(a.work) or describe.of_seed(b.work)
    alike = metrics.convention_of(a.metrics) == metrics.convention_of(b.metrics)
    for side, name in [
        (s, name) for s in ([a] if alike else [a, b]) for name in metrics.headlines(s.metrics)
    ]:
        both = alike and name in b.metrics
        own, other = (f"{s.metrics[name]:.3f}" if both or s is side else "–" for s in (a, b))
        rows.append(
            (
                f"test {metrics.labels(side.metrics)[name].short}{seed}",
                own,
                other,
                f"{b.metrics[name] - a.metrics[name]:+.3f}" if both else "",
            )
        )
    if a.work.background.name != b.work.background.name:
        st.caption(
            f"A is compared with {backgrounds.behind(a.work.background)}, B with "
            f"{backgrounds.behind(b.work.background)}: their terms differ for that reason too."
        )
    lines = [
        "| | A | B | B − A |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    st.markdown("\n".join(lines))
    tests = (
        f"all {a.tested:,} test samples"
        if a.tested == b.tested
        else f"{a.tested:,} test samples (A) and {b.tested:,} (B)"
    )
    st.caption(f"Test metrics under the same tweak, over {tests}.")


def _truth(one: Side) -> str:
    y = one.work.dataset.y[one.sample.row]
    return text.plain(one.work.classes[int(y)]) if one.work.classes else f"{float(y):+.3f}"


def _prediction(one: Side) -> str:
    if not one.work.classes:
        return f"{float(one.scores[0]):+.3f}"
    return f"{text.plain(one.work.classes[one.predicted])} ({text.softmax(one.probabilities[one.predicted])})"


def waterfalls(here: Here, sides: Sides) -> None:
    """Both decisions term by term on one scale, and the difference of every term."""
    comparable = builders.comparable(sides)
    cells = st.columns(3 if comparable else 2, gap="small")
    for cell, letter in zip(cells[:2], sides.by_letter, strict=True):
        with cell:
            panels.draw(builders.waterfall(sides, here.theme, letter=letter))
    if not comparable:
        st.caption(
            "A and B explain scores or modalities that are not the same, so no differences are drawn."
        )
        return
    with cells[2]:
        panels.draw(builders.differences(sides, here.theme))


def shares(here: Here, sides: Sides) -> None:
    """Shares of the modalities in both decisions."""
    panels.draw(builders.shares(sides, here.theme))


def entropies(here: Here, sides: Sides) -> None:
    """Entropies of both."""
    if not builders.both_entropies(sides):
        st.caption(
            "Entropies are of states that evolve or are fused: A and B do not both have such."
        )
        return
    panels.draw(builders.entropies(sides, here.theme))


def classes(here: Here, sides: Sides) -> None:
    """Softmax of the classes on both sides, where they are the same classes."""
    if builders.same_classes(sides):
        panels.draw(builders.classes(sides, here.theme))
