"""The faces of Arimo that come along: their widths, their letters and their licence."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from plotly_print import fonts, words

FACES = {
    (bold, italic): words.font_file(bold, italic)
    for bold in (False, True)
    for italic in (False, True)
}
# Widths in thousandths of the size in the metrics that Adobe publishes of Helvetica and its bold
# face; Arial has the same.
HELVETICA = {"a": 556, "i": 222, "M": 833, "W": 944, "0": 556, " ": 278, "(": 333, "−": 584}
HELVETICA_BOLD = {"a": 556, "i": 278, "M": 833, "W": 944, "0": 556, " ": 278, "(": 333, "−": 584}


@pytest.mark.parametrize(("bold", "italic"), FACES)
def test_letters_have_the_widths_of_helvetica(bold: bool, italic: bool) -> None:
    style = words.TextStyle(1000, (0, 0, 0, 1), bold, italic)
    widths = HELVETICA_BOLD if bold else HELVETICA
    assert {letter: words.Run(letter, style).width for letter in widths} == pytest.approx(
        widths, abs=1
    )


def test_faces_have_the_same_letters_and_their_own_names() -> None:
    names, letters = set(), []
    for (bold, italic), path in FACES.items():
        with TTFont(path) as font:
            names.add(font["name"].getDebugName(6))
            letters.append(set(font.getBestCmap()))
            assert (font["OS/2"].usWeightClass == 700) == bold
            assert bool(font["post"].italicAngle) == italic
    assert len(names) == 4
    assert all(own == letters[0] for own in letters)
    assert set(map(ord, f"aäßłΔρЖ0−×·±≤≈∞²⁻₀→ħ{fonts.BOX}")) <= letters[0]


def test_letters_that_arimo_lacks_are_set_in_dejavu() -> None:
    (before, sign, after) = words.runs("a ⊗ b", words.TextStyle(7, (0, 0, 0, 1), bold=True))
    assert before.style.face is after.style.face is None
    assert sign.style.face is not None
    assert sign.style.face.family == "DejaVu Sans"


def test_fonts_are_small_and_stand_beside_their_licence() -> None:
    sizes = [Path(path).stat().st_size for path in FACES.values()]
    assert sum(sizes) < 300_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (words.ARIMO / "OFL.txt").read_text()
