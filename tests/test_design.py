"""The design as docs/design.md says it: tokens are those in use, and text on paper can be read in both themes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from qfusion.figures import style

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
        "textColor": said["ink"],
        "linkColor": page["linkColor"],
        "borderColor": said["border"],
        "grayTextColor": said["quiet"],
    }
    assert (style.PAPER[theme], style.INK[theme], style.QUIET[theme], style.LINE[theme]) == (
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
