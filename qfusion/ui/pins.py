"""A pinned view as text: model, data, sample, and what was tweaked. It stands in the address and is checked before it is used.

    qj-planted/planted/p0031                        a sample, as learned
    qj-planted/planted/p0031/H.text=0.5,T=1.2       with couplings, jump rates (`rate.1`) or the duration of the Dynamics page
    qcnn-digits/digits/d0004/all:and                with the fusion rules of the Circuit page, see `edits`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from qfusion._checks import check
from qfusion.explain.case import assigned
from qfusion.models import edits
from qfusion.ui import knobs, replay, state
from qfusion.ui.replay import Dials
from qfusion.ui.workspace import Workspace

MOST_TEXT = 2000
_SAFE = " :=,.+[]()-_|"


@dataclass(frozen=True)
class Pin:
    """A view by names."""

    model: str
    data: str
    sample: str
    tweak: str = ""

    def __str__(self) -> str:
        parts = (self.model, self.data, self.sample, *([self.tweak] if self.tweak else []))
        return "/".join(quote(part, safe=_SAFE) for part in parts)


def parse(text: str) -> Pin:
    """Returns a pin from its text; whether its parts exist is checked when they are looked up.

    Raises:
        InvalidInput: when the text does not have three or four parts.
    """
    check(len(text) <= MOST_TEXT, f"The pin has {len(text):,} characters, and at most {MOST_TEXT:,} are read. Pin anew.")
    parts = [unquote(part) for part in text.split("/")]
    check(len(parts) in (3, 4) and all(part.isprintable() for part in parts) and all(parts[:3]),
          f"Pin {text[:60]!r} must look like `model/data/sample` or `model/data/sample/tweak`. Pin anew.")
    return Pin(*parts)


def tweak_of_dials(dials: Dials, base: Dials) -> str:
    """Returns what differs from the learned dials as text; empty when nothing does."""
    parts = [f"{state.coupling_key(term)}={factor:g}" for term, factor in dials.couplings if factor != 1]
    parts += [f"{state.rate_key(k)}={rate:g}" for k, rate in enumerate(dials.rates) if rate != 1]
    return ",".join(parts + ([f"{state.DURATION}={dials.duration:g}"] if dials.duration != base.duration else []))


def dials_of(tweak: str, base: Dials) -> Dials:
    """Returns dials from a text, in the ranges of the sliders.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of range.
    """
    tops = {state.coupling_key(term): knobs.TOP_FACTOR for term, _ in base.couplings}
    tops |= {state.rate_key(k): knobs.TOP_RATE for k in range(len(base.rates))} | {state.DURATION: knobs.TOP_DURATION * base.duration}
    said = assigned(tweak, {key: (0.0, top) for key, top in tops.items()}, "Slider")
    return Dials(tuple((term, said.get(state.coupling_key(term), 1.0)) for term, _ in base.couplings),
                 tuple(said.get(state.rate_key(k), 1.0) for k in range(len(base.rates))), said.get(state.DURATION, base.duration))


def current_tweak(work: Workspace) -> str:
    """What the reader has set on the Dynamics or Circuit page for this model, as far as it fits; empty for as learned."""
    if not work.has_time:
        return current_edits(work)
    base = replay.learned(work.model)
    keys = [*(state.coupling_key(term) for term, _ in base.couplings), *(state.rate_key(k) for k in range(len(base.rates))), state.DURATION]
    said = {key: state.get(key) for key in keys}
    text = ",".join(f"{key}={value:g}" for key, value in said.items() if isinstance(value, int | float))
    return tweak_of_dials(dials_of(text, base), base)


def current_edits(work: Any) -> str:
    """The fusion rules that the reader has edited, if they fit this model."""
    said = str(state.get("phi") or "").strip(" ,")
    if not said or problem_of_edits(work, said):
        return ""
    return said


def problem_of_edits(work: Any, said: str) -> str:
    """What is wrong with edited rules; empty when they fit."""
    from qfusion.errors import QFusionError

    try:
        edits.apply(said, work.model.phi, edits.shape_of(work.model))
    except QFusionError as error:
        return str(error)
    return ""
