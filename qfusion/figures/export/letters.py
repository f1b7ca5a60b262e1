"""What is said of letters that no font of this machine has: which they are, what stands for them in a file, and which
package to install."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from fontTools import unicodedata as scripts

# Packages of Debian and Ubuntu with the family they bring, the small one first.
_PACKAGES = {
    "east": (("fonts-wqy-microhei", "WenQuanYi Micro Hei"), ("fonts-noto-cjk", "Noto Sans CJK")),
    "symbols": (("fonts-symbola", "Symbola"), ("fonts-noto-core", "Noto Sans Symbols")),
    "Deva": (("fonts-lohit-deva", "Lohit Devanagari"), ("fonts-noto-core", "Noto Sans Devanagari")),
    "": (("fonts-noto-core", "Noto Sans"),),
}
_CJK = {"Hani", "Hira", "Kana", "Hang", "Bopo"}
_SHOWN = 12  # letters that a sentence names


def unknown(text: str) -> list[str]:
    """The letters of a text that no installed font has, be it one of coloured pictures: what a browser here lacks."""
    from plotly_print import fonts

    return [
        letter
        for letter in dict.fromkeys(text)
        if ord(letter) >= 0x250
        and not fonts.IGNORED.match(letter)
        and fonts.face(letter, outlines=False) is None
    ]


def remark(letters: Mapping[str, str], kind: str) -> str:
    """The line that goes with a file of a format, on the letters that were `fonts.missed` when it was drawn; empty
    where there is nothing to say."""
    from plotly_print import fonts

    if kind == "tikz":
        rare = [letter for letter, where in letters.items() if where == "latex"]
        return (
            (
                f"pdfLaTeX has no font for {_named(rare)}: XeLaTeX and LuaLaTeX set them in the document's font, "
                "where it has them; pdfLaTeX shows empty boxes."
            )
            if rare
            else ""
        )
    if kind == "svg":  # readers take any font, of coloured pictures too
        return notice(
            (letter for letter in letters if fonts.face(letter, outlines=False) is None),
            "the file keeps them as text, for readers whose machine has one.",
        )
    return notice(letters, "empty boxes stand for them.") if kind in ("pdf", "png") else ""


def notice(letters: Iterable[str], then: str) -> str:
    """A line that names letters which no font of this machine has, `then` what becomes of them, and which package to
    install; empty without any letter."""
    every = [*dict.fromkeys(letters)]
    if not every:
        return ""
    kinds = ", ".join(
        dict.fromkeys(
            scripts.script_name(_script(letter)) if _script(letter) != "Zyyy" else "symbols"
            for letter in every
        )
    )
    wanted = [pair for pair in dict.fromkeys(map(_package, every)) if pair is not None]
    install = (
        f"Install {' and '.join(package for package, _ in wanted)} (Debian, Ubuntu; elsewhere "
        f"{' and '.join(family for _, family in wanted)})"
        if wanted
        else "Install a font that has them"
    )
    return f"No font on this machine has {_named(every)} ({kinds}): {then} {install} and start qfusion again."


def _named(letters: list[str]) -> str:
    more = "" if len(letters) <= _SHOWN else f" and {len(letters) - _SHOWN} more"
    return " ".join(letters[:_SHOWN]) + more


def _script(letter: str) -> str:
    script = scripts.script(letter)
    east_asian = (
        script == "Zyyy" and unicodedata.east_asian_width(letter) in "WF" and ord(letter) < 0x1F000
    )
    return "Hani" if east_asian else "Zyyy" if script in ("Zyyy", "Zinh", "Zzzz") else script


def _package(letter: str) -> tuple[str, str] | None:
    """What brings a font with a letter, of what is not installed, and the font's family."""
    from plotly_print import fonts

    script = _script(letter)
    kind = (
        "east"
        if script in _CJK
        else "symbols"
        if script == "Zyyy"
        else script
        if script in _PACKAGES
        else ""
    )
    families = {face.family for face in fonts.installed() if face.scales}
    return next(
        (
            pair
            for pair in _PACKAGES[kind]
            if not any(name.startswith(pair[1]) if kind else name == pair[1] for name in families)
        ),
        None,
    )
