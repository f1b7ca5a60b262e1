"""What would flip the decision: the nearest state of one modality, the nearest sample that lends it, the smallest turn of one knob."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import interventions, text
from qfusion.analysis.answers import verdict
from qfusion.analysis.interventions import FLIP, SWAP, Flip
from qfusion.analysis.subject import Workspace
from qfusion.explain.changes.flips import KnobChange, tweak_of
from qfusion.figures.draw import what_if as figures
from qfusion.figures.style import split_term
from qfusion.models import edits
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.pages.what_if import what_if_controls, what_if_view
from qfusion.ui.panel import panels

KNOBS = "knobs"
MOST_LINKS = 4


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about this part's widgets."""
    return {KNOBS: state.switch("Knobs", "They stay folded.")}


def sentence(work: Workspace, found: dict[str, Flip]) -> str:
    """What would flip the decision, in words, as markdown."""
    able = {name: flip for name, flip in found.items() if flip.state.possible}
    if not able:
        return "No change of a single modality would flip it"
    name, flip = min(able.items(), key=lambda item: item[1].state.distance)
    to = verdict(work, flip.state.after)
    real = {name: flip for name, flip in found.items() if flip.donor_id}
    words = f"A change of {text.plain(name)} alone by {flip.state.distance:.2f} rad would flip it to {to}"
    if real:
        donor, lent = min(real.items(), key=lambda item: item[1].donor.distance)
        words += f"; so would the {text.plain(donor)} of sample {text.plain(lent.donor_id)}"
    return words


def nearest(here: Here) -> None:
    """The panel of nearest states and donors, with buttons that apply them."""
    work = here.work
    found = interventions.what_would_flip(work, here.row)
    jump = work.can("kets")
    farthest = math.pi / 2 if jump else math.pi * math.sqrt(work.model.elements)
    never = [text.plain(name) for name, flip in found.items() if not flip.state.possible]
    unsure = [text.plain(name) for name, flip in found.items() if flip.state.possible and not flip.state.verified]
    tried = next(iter(found.values())).donor.tried
    panels.panel(
        "flips", f"What would flip it? {sentence(work, found)}",
        figures.ways(list(found), [flip.state.distance for flip in found.values()], [flip.donor.distance for flip in found.values()],
                     work.modalities, farthest=farthest, unit="Fubini–Study angle" if jump else "norm of the change of the angles θ",
                     theme=here.theme),
        shows="the smallest change of one modality's state, the others as they are, that turns the decision, now "
              f"{what_if_view.figures_of(work, next(iter(found.values())).state.before)}; "
              + ("exact, by a secular equation" if jump else "the best of many starts; whether there is any is exact")
              + f". Diamonds: the nearest of {tried:,} samples whose state of it does so. "
              + ("Each was set in the model, the model run again, and the decision seen to change." if not unsure else
                 f"**Not confirmed by running the model again: {', '.join(unsure)}.**")
              + (f" No state whatever of {', '.join(never)} can do it." if never else ""),
        not_shown="whether any words, sound or picture would give that state; changes of several modalities at once.",
        alt="Distances to a flip: " + ", ".join(f"{name} {flip.state.distance:.2f}" for name, flip in found.items()) + ".",
        numbers=lambda: _table(here, found))
    with st.container(horizontal=True, key="apply-flips"):
        for name, flip in found.items():
            if flip.state.possible:
                st.button(f"Set {text.plain(name)} to its nearest flip", key=f"_flip-{name}", icon=":material/flip:",
                          on_click=what_if_controls.take, args=(name, FLIP))
            if flip.donor_id:
                st.button(f"Take {text.plain(name)} of {text.plain(flip.donor_id)}", key=f"_lend-{name}", on_click=what_if_controls.take,
                          args=(name, SWAP, flip.donor_id), icon=":material/swap_horiz:")


def _table(here: Here, found: dict[str, Flip]) -> pd.DataFrame:
    rows = []
    for name, flip in found.items():
        s, d = flip.state, flip.donor
        rows.append({"sample": here.sample, "modality": name, "possible": s.possible, "distance_rad": s.distance,
                     "optimum": "exact" if s.exact else "best found",
                     "decision_after": verdict(here.work, s.after) if s.possible else "",
                     "verified": s.verified, "room": s.reach, "nearest_sample": flip.donor_id, "its_distance_rad": d.distance,
                     "samples_that_flip": d.turning, "samples_tried": d.tried})
    return pd.DataFrame(rows)


def knobs(here: Here) -> None:
    """The folded part on the model's own knobs; nothing is worked out until it is opened."""
    if not here.work.can("terms"):
        st.caption("This model has no knobs of a physics and no fusion rules that could flip the decision: only its states can.")
        return
    title = "Which knob of the physics would flip it?" if here.work.can("time") else "Which angle of the fusion rules would flip it?"
    box = st.expander(title, icon=":material/tune:", **state.opened(KNOBS))
    if not box.open:
        return
    with box:
        search = interventions.knobs_that_flip(here.work, here.row)
        if not search.found:
            st.markdown(f"**None of the {search.tried} knobs flips this decision on its own** ({search.ranges}).")
            return
        first = search.found[0]
        names = [knob_name(here.work, change) for change in search.found]
        jump = here.work.can("time")
        panels.panel(
            "knob-flips", f"Smallest: {text.plain(names[0])}, from {first.learned:.2f} to {first.value:.2f}, flips it to "
                          f"{verdict(here.work, first.after)}; {len(names)} of {search.tried} knobs can",
            figures.sizes(names, np.array([change.size for change in search.found]), theme=here.theme,
                          axis="relative change that flips the decision" if jump else "change of the angle that flips the decision (rad)"),
            shows=f"for each knob the smallest change that turns the decision on this sample, all others as learned ({search.ranges}); "
                  f"{_method(search)} {_confirmed(search)}",
            not_shown="what the turned knob does to other samples: the Dynamics and Circuit pages show their test metrics.",
            alt="Smallest changes of knobs: " + ", ".join(f"{n} {c.size:.3f}" for n, c in zip(names, search.found, strict=True)) + ".",
            numbers=lambda: pd.DataFrame([{"sample": here.sample, "kind": c.kind, "knob": c.name, "learned": c.learned, "flips_at": c.value,
                                           "size": c.size, "decision_after": verdict(here.work, c.after),
                                           "verified": c.verified} for c in search.found]))
        _set_links(here, search)


def _set_links(here: Here, search: Any) -> None:
    """Links that set one of the nearest knobs where it can be watched, all others as learned."""
    with st.container(horizontal=True, key="set-knobs"):
        for change in search.found[:MOST_LINKS]:
            name = text.plain(knob_name(here.work, change))
            if here.work.can("time"):
                link("pages/dynamics.py", f"Set {name} to {beyond(change):g} on Dynamics", ":material/tune:", show="Decision",
                     turn=str(tweak_of(change, beyond(change), here.work.model.jump_count)))
            else:
                place = edits.key(edits.shape_of(here.work.model), *map(int, change.name.split(".")))
                link("pages/circuit.py", f"Set {name} to {beyond(change):g} rad on Circuit", ":material/tune:", rules="Fusion rules",
                     edits=f"{place}={beyond(change):g}")


def beyond(change: KnobChange) -> float:
    """Where a knob turns the decision, to three digits after the point and never short of it."""
    away = math.ceil if change.value > change.learned else math.floor
    value = away(change.value * 1000) / 1000
    return value if change.kind == "angle" else max(value, 0.0)


def _method(search: Any) -> str:
    if search.resolution == 0:
        return "exact, since every score is a + b cos φ + c sin φ in one angle."
    return (f"found on an interpolant through 13 settings of each knob (last coefficients {search.resolution:.0e} of the largest), then on "
            "the model itself; a pair of crossings closer than that can be missed.")


def _confirmed(search: Any) -> str:
    sure = sum(change.verified for change in search.found)
    return f"{sure} of {len(search.found)} were confirmed by running the model with the knob turned."


def knob_name(work: Workspace, change: KnobChange) -> str:
    """A knob as a reader says it, not escaped."""
    if change.kind == "coupling":
        return f"coupling {' + '.join(split_term(change.name))}"
    if change.kind == "rate":
        return f"rate of L{int(change.name) + 1}"
    if change.kind == "duration":
        return "duration T"
    element, stage, pattern = map(int, change.name.split("."))
    stages, patterns = work.model.phi.shape[1:]
    controls = work.modalities if stages == 1 else (work.modalities[:2] if stage == 0 else ("fused", work.modalities[stage + 1]))
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    yes = " + ".join(str(name) for name, bit in zip(controls, digits, strict=True) if bit == "1") or "none"
    return f"angle φ of ‘{work.elements[element]}’ when yes from {yes}"  # type: ignore[attr-defined]
