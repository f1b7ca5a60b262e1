"""What would flip the decision: the nearest state of one modality, the nearest sample that lends it, a knob turned."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.analysis import answers, interventions, text
from qfusion.analysis.sample import Sample
from qfusion.explain.changes.flips import Search
from qfusion.figures.draw import what_if as figures
from qfusion.figures.style import Theme
from qfusion.panels.panel import Panel, Picture


def nearest(sample: Sample, theme: Theme = "light") -> Picture:
    """For each modality the nearest state that turns the decision, and the nearest sample that has one."""
    work, found = sample.work, interventions.what_would_flip(sample.work, sample.row)
    kets = work.can("kets")
    farthest = math.pi / 2 if kets else math.pi * math.sqrt(work.model.elements)
    never = [text.plain(name) for name, flip in found.items() if not flip.state.possible]
    unsure = [text.plain(name) for name, flip in found.items() if flip.state.possible and not flip.state.verified]
    first = next(iter(found.values()))
    return Picture(
        "flips", f"What would flip it? {answers.flip(work, found)}",
        figures.ways(list(found), [flip.state.distance for flip in found.values()],
                     [flip.donor.distance for flip in found.values()], work.modalities, farthest=farthest,
                     unit="Fubini–Study angle" if kets else "norm of the change of the angles θ", theme=theme),
        shows="the smallest change of one modality's state, the others as they are, that turns the decision, now "
              f"{answers.numbered(work, first.state.before)}; "
              + ("exact, by a secular equation" if kets else "the best of many starts; whether there is any is exact")
              + f". Diamonds: the nearest of {first.donor.tried:,} samples whose state of it does so. "
              + (f"**Not confirmed by running the model again: {', '.join(unsure)}.**" if unsure else
                 "Each was set in the model, the model run again, and the decision seen to change.")
              + (f" No state whatever of {', '.join(never)} can do it." if never else ""),
        not_shown="whether any words, sound or picture would give that state; changes of several modalities at once.",
        alt="Distances to a flip: "
            + ", ".join(f"{name} {flip.state.distance:.2f}" for name, flip in found.items()) + ".",
        table=lambda: pd.DataFrame([
            {"sample": sample.id, "modality": name, "possible": s.possible, "distance_rad": s.distance,
             "optimum": "exact" if s.exact else "best found",
             "decision_after": answers.verdict(work, s.after) if s.possible else "", "verified": s.verified,
             "room": s.reach, "nearest_sample": flip.donor_id, "its_distance_rad": d.distance,
             "samples_that_flip": d.turning, "samples_tried": d.tried}
            for name, flip in found.items() for s, d in [(flip.state, flip.donor)]]))


def knobs(sample: Sample, theme: Theme = "light") -> Picture:
    """For each knob of the physics or angle of the fusion rules the smallest turn that flips the decision."""
    work, search = sample.work, interventions.knobs_that_flip(sample.work, sample.row)
    check(bool(search.found), f"None of the {search.tried} knobs flips this decision on its own ({search.ranges}).")
    found, first = search.found, search.found[0]
    names = [interventions.knob_name(work, change) for change in found]
    sure = sum(change.verified for change in found)
    return Picture(
        "knob-flips", f"Smallest: {text.plain(names[0])}, from {first.learned:.2f} to {first.value:.2f}, flips it to "
                      f"{answers.verdict(work, first.after)}; {len(names)} of {search.tried} knobs can",
        figures.sizes(names, np.array([change.size for change in found]), theme=theme,
                      axis="relative change that flips the decision" if work.can("time") else
                      "change of the angle that flips the decision (rad)"),
        shows="for each knob the smallest change that turns the decision on this sample, all others as learned "
              f"({search.ranges}); {_method(search)} {sure} of {len(found)} were confirmed by running the model with "
              "the knob turned.",
        not_shown="what the turned knob does to other samples: the Dynamics and Circuit pages show their test metrics.",
        alt="Smallest changes of knobs: "
            + ", ".join(f"{name} {change.size:.3f}" for name, change in zip(names, found, strict=True)) + ".",
        table=lambda: pd.DataFrame([
            {"sample": sample.id, "kind": change.kind, "knob": change.name, "learned": change.learned,
             "flips_at": change.value, "size": change.size, "decision_after": answers.verdict(work, change.after),
             "verified": change.verified} for change in found]))


def _method(search: Search) -> str:
    if search.resolution == 0:
        return "exact, since every score is a + b cos φ + c sin φ in one angle."
    return (f"found on an interpolant through 13 settings of each knob (last coefficients {search.resolution:.0e} of "
            "the largest), then on the model itself; a pair of crossings closer than that can be missed.")


PANELS = {"flips": Panel(nearest), "knob-flips": Panel(knobs)}
