"""The design as docs/design.md says it: tokens are those in use, and text on paper can be read in both themes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from qfusion.figures import dynamics_charts, style
from qfusion.figures.colours import DARK_SIGNED_SCALE, SIGNED_SCALE, interpolate_colour

ROOT = Path(__file__).resolve().parents[1]
THEMES = ("light", "dark")


def tokens() -> dict[str, tuple[dict[str, str], float]]:
    """Colour by theme, and the contrast promised (0 for none), by token."""
    lines = (
        (ROOT / "docs" / "design.md")
        .read_text()
        .partition("<!-- tokens -->")[2]
        .split("\n\n")[0]
        .splitlines()[3:]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: (dict(zip(THEMES, row[1:3], strict=True)), float(row[4] or 0)) for row in rows}


def contrast(one: str, other: str) -> float:
    """Of two hex colours, by WCAG 2.1."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_tokens_match_pages_and_figures(theme: str) -> None:
    said = {name: colours[theme] for name, (colours, _) in tokens().items()}
    page = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][theme]
    assert page == {
        "primaryColor": said["accent"],
        "backgroundColor": said["paper"],
        "secondaryBackgroundColor": said["surface"],
        "grayBackgroundColor": said["surface"],
        "textColor": said["ink"],
        "linkColor": page["linkColor"],
        "borderColor": said["border"],
        "grayTextColor": said["quiet"],
    }
    colours = (style.PAPER, style.INK, style.QUIET, style.LINE)
    assert tuple(style.DARK[hue] if theme == "dark" else hue for hue in colours) == (
        said["paper"],
        said["ink"],
        said["quiet"],
        said["axis"],
    )


@pytest.mark.parametrize("theme", THEMES)
def test_text_contrast_is_sufficient(theme: str) -> None:
    known = tokens()
    for name, (colours, promised) in known.items():
        assert contrast(colours[theme], known["paper"][0][theme]) >= promised, name
        if promised:
            assert contrast(colours[theme], known["surface"][0][theme]) >= 4.5, name


def test_the_style_sheet_has_no_colour_of_its_own() -> None:
    import re

    sheet = (ROOT / "qfusion" / "assets" / "theme" / "app.css").read_text()
    known = {colour.upper() for colours, _ in tokens().values() for colour in colours.values()}
    assert {found.upper() for found in re.findall(r"#[0-9A-Fa-f]{6}\b", sheet)} <= known


def lab(colour: str) -> np.ndarray:
    """CIE L*a*b* of a hex colour, in which distances are those that are seen."""
    linear = np.array(
        [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
            for v in (value / 255 for value in style.rgb_channels(colour))
        ]
    )
    x = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1, 1.089]
    )
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_states_and_jumps_have_distinct_hues() -> None:
    """Hues of jump operators, basis states and runs are far from all modalities and pairs, seen on both papers."""
    others = [*style.MODALITY_HUES, *style.LIGHT_MIXTURES.values(), style.GREY]
    for k, hue in enumerate(style.STATE_HUES):
        for other in [*others, *style.STATE_HUES[:k]]:
            assert np.linalg.norm(lab(hue) - lab(other)) > 25
        for paper in (style.PAPER, style.DARK[style.PAPER]):
            assert contrast(hue, paper) >= 3
    T = np.linspace(0, 1, 5)
    figure = dynamics_charts.single_runs(
        T, [(T, T), (T, 1 - T)], [[], [(0.5, 0)]], None, "entropy", channels=1
    )
    used = {trace.line.color for trace in figure.data if trace.mode == "lines"}
    assert used <= set(style.STATE_HUES)


def lightness(colour: str) -> float:
    """CIE L*, 0 to 100, of a hex colour."""
    return float(rgb2lab(np.array(style.rgb_channels(colour)) / 255)[0])


def test_signed_maps_are_neutral_at_zero() -> None:
    """Zero is nearest to the paper and both arms leave it: lightest on light paper, darkest on dark."""
    for scale, sign in ((SIGNED_SCALE, -1), (DARK_SIGNED_SCALE, 1)):
        stops = [interpolate_colour(scale, place) for place in np.linspace(0, 1, 11)]
        light = sign * np.array([lightness(colour) for colour in stops])
        assert light.argmin() == 5
        assert (np.diff(light[:6]) < 0).all()
        assert (np.diff(light[5:]) > 0).all()
        paper = style.PAPER if sign < 0 else style.DARK[style.PAPER]
        gap = abs(lightness(stops[5]) - lightness(paper))
        assert gap < 12
