"""A pinned view as text: model, data, sample and tweak.

qj-planted/planted/p0031                        a sample by the model as trained
qj-planted/planted/p0031/H.text=0.5,T=1.2       with the sliders of the Dynamics page, see `models.Tweak`
qcnn-digits/digits/d0004/all:and                with the fusion rules of the Circuit page
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from qfusion._checks import check

MAX_PIN = 2000


@dataclass(frozen=True)
class Pin:
    """A view by names."""

    model: str
    data: str
    sample: str
    tweak: str = ""

    def __str__(self) -> str:
        return "/".join(
            quote(part, safe=" :=,.+[]()-_|")
            for part in (self.model, self.data, self.sample, self.tweak)
            if part
        )


def parse_pin(text: str) -> Pin:
    """Return a pin from its text; whether its parts exist is checked when they are looked up.

    Raises:
        InvalidInput: when the text does not have three or four parts.
    """
    check(
        len(text) <= MAX_PIN,
        f"The pin has {len(text):,} characters, and at most {MAX_PIN:,} are read. Pin anew.",
    )
    parts = [unquote(part) for part in text.split("/")]
    check(
        len(parts) in (3, 4) and all(part.isprintable() for part in parts) and all(parts[:3]),
        f"Pin {text[:60]!r} must look like `model/data/sample` or `model/data/sample/tweak`. Pin anew.",
    )
    return Pin(*parts)
