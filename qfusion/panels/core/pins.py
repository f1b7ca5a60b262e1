"""A pinned view as text: model, data, sample, and what was tweaked. It stands in the address and is checked before it
is used.

    qj-planted/planted/p0031                        a sample, as learned
    qj-planted/planted/p0031/H.text=0.5,T=1.2       with the sliders of the Dynamics page, see `models.tweak`
    qcnn-digits/digits/d0004/all:and                with the fusion rules of the Circuit page, see `models.edits`
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from qfusion._checks import check

MAX_TEXT = 2000
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
    check(
        len(text) <= MAX_TEXT,
        f"The pin has {len(text):,} characters, and at most {MAX_TEXT:,} are read. Pin anew.",
    )
    parts = [unquote(part) for part in text.split("/")]
    check(
        len(parts) in (3, 4) and all(part.isprintable() for part in parts) and all(parts[:3]),
        f"Pin {text[:60]!r} must look like `model/data/sample` or `model/data/sample/tweak`. Pin anew.",
    )
    return Pin(*parts)
