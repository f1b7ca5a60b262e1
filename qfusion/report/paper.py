"""A report as PDF, typeset by typst: no network, no fonts but those that come with typst and matplotlib, the same bytes
every time."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from qfusion.errors import QFusionError
from qfusion.report import equations
from qfusion.report.blocks import Document

SOURCE = Path(__file__).with_name("paper.typ").read_text(encoding="utf-8")


def render(document: Document) -> bytes:
    """Returns the whole file.

    Letters that none of the fonts has (those of Chinese, say) are taken from fonts of this machine, where it has any;
    only then does the result depend on the machine.

    Raises:
        QFusionError: when typst refuses the document, which is a defect here.
    """
    import typst

    text = json.dumps(document.data(), ensure_ascii=False)
    options: dict[str, Any] = {"font_paths": [str(_fonts())], "ignore_system_fonts": _drawable(text), "timestamp": 0,
                               "sys_inputs": {"document": text}, "pdf_standards": ["ua-1"]}
    try:
        with tempfile.TemporaryDirectory() as nowhere:  # the document can read no file but this empty folder's
            found: Any = typst.compile(f"{equations.SOURCE}\n{SOURCE}".encode(), root=nowhere, **options)
    except typst.TypstError as error:
        raise QFusionError(
            f"The report could not be typeset: {str(error)[:300]}. Write it as HTML and tell us.") from error
    return bytes(found)


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _drawable(text: str) -> bool:
    """Whether the fonts at hand have every letter of a text."""
    return all(ord(letter) < 0x250 or ord(letter) in _letters() for letter in set(text))


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_fonts() / "DejaVuSans.ttf")).get_charmap())
