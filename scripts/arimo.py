"""Makes the faces of Arimo that exported figures are set in: plotly_print/arimo/*.ttf.

    pip download --no-deps fontpkg-arimo==1.341 && unzip fontpkg_arimo-*.whl
    python scripts/arimo.py fontpkg_arimo/files

Arimo has the widths of Arial and Helvetica. The package holds it as two variable fonts, upright and italic. Each gives
a regular and a bold face with the letters of `LETTERS`, without hints. The same fonts give the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

FOLDER = Path(__file__).resolve().parents[1] / "plotly_print" / "arimo"
SOURCES = {"Arimo[wght].ttf": "", "Arimo-Italic[wght].ttf": "Italic"}
WEIGHTS = {400: "", 700: "Bold"}
LETTERS = (
    (0x0020, 0x017F),  # Latin
    (0x0218, 0x021B),  # Romanian
    (0x0300, 0x0328),  # marks
    (0x0370, 0x03CE),  # Greek
    (0x03D5, 0x03F5),  # variants of Greek letters
    (0x0400, 0x045F),  # Cyrillic
    (0x2010, 0x2044),  # punctuation
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x20AC, 0x20AC),  # euro
    (0x2100, 0x2122),  # letterlike signs
    (0x2190, 0x2195),  # arrows
    (0x2200, 0x22FF),  # mathematical operators
    (0x25A0, 0x25CF),  # shapes, among them the square in place of a letter that no font has
)


def face_name(weight: int, slope: str) -> str:
    """Return the name of a face, such as "BoldItalic"."""
    return WEIGHTS[weight] + slope or "Regular"


def make_face(source: Path, weight: int, slope: str) -> TTFont:
    """Return a static face of a variable font with the letters of figures."""
    font = instancer.instantiateVariableFont(
        TTFont(source, recalcTimestamp=False), {"wght": weight}, updateFontNames=False
    )
    options = subset.Options()
    options.layout_features = ["ccmp", "kern", "mark", "mkmk"]
    options.hinting = False
    options.recalc_timestamp = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["STAT", "DSIG", "meta", "MVAR", "HVAR", "gasp"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for a, b in LETTERS for code in range(a, b + 1)])
    subsetter.subset(font)
    set_style(font, weight, slope)
    return font


def set_style(font: Any, weight: int, slope: str) -> None:
    """Set the names of a face, and its marks of weight and slope."""
    style = face_name(weight, slope)
    words = " ".join(filter(None, (WEIGHTS[weight], slope))) or "Regular"
    version = font["name"].getDebugName(3).split(";")[0]
    names = {
        1: "Arimo",
        2: words,
        3: f"{version};subset;Arimo-{style}",
        4: f"Arimo {words}",
        6: f"Arimo-{style}",
    }
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    is_bold = weight == 700
    is_italic = bool(slope)
    font["OS/2"].usWeightClass = weight
    font["OS/2"].fsSelection = (is_italic << 0) | (is_bold << 5) | ((style == "Regular") << 6)
    font["head"].macStyle = is_bold | (is_italic << 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="with the two variable fonts")
    folder = parser.parse_args().folder
    FOLDER.mkdir(exist_ok=True)
    for name, slope in SOURCES.items():
        for weight in WEIGHTS:
            path = FOLDER / f"Arimo-{face_name(weight, slope)}.ttf"
            make_face(folder / name, weight, slope).save(path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
