"""Remarks on letters that no font of this machine has.

A remark names the letters, their substitute in the file, and the package to install.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping

from fontTools import unicodedata as scripts

from qfusion.figures.export_style import fonts


def write_with_remark(make: Callable[[], bytes], kind: str) -> tuple[bytes, str]:
    """Return a file that `make` draws, and a remark on the letters in it that no font of this machine has.

    Args:
        make: draws the file.
        kind: the format of the file that the remark is about.

    Returns:
        the file, and the remark, which is empty if a font has every letter.
    """
    with fonts.missed() as letters:
        content = make()
    return content, remark(letters, kind)


# Packages of Debian and Ubuntu with the family they bring, the small one first.
_PACKAGES = {
    "east": (("fonts-wqy-microhei", "WenQuanYi Micro Hei"), ("fonts-noto-cjk", "Noto Sans CJK")),
    "symbols": (("fonts-symbola", "Symbola"), ("fonts-noto-core", "Noto Sans Symbols")),
    "Deva": (("fonts-lohit-deva", "Lohit Devanagari"), ("fonts-noto-core", "Noto Sans Devanagari")),
    "": (("fonts-noto-core", "Noto Sans"),),
}
_SHOWN = 12  # letters that a sentence names


def letters_without_font(text: str) -> list[str]:
    """Return the letters of a text that no installed font has, not even a font of coloured pictures. A browser on
    this machine lacks these letters.
    """
    return [
        letter
        for letter in dict.fromkeys(text)
        if ord(letter) >= 0x250
        and not fonts.IGNORED.match(letter)
        and fonts.face(letter, outlines=False) is None
    ]


def remark(letters: Mapping[str, str], kind: str) -> str:
    """Return the remark on a file of a format about the letters that were `fonts.missed` when it was drawn, or an
    empty text if there is nothing to report.
    """
    rare = [letter for letter, where in letters.items() if where == "latex"]
    if kind == "tikz" and rare:
        return (
            f"pdfLaTeX has no font for {_list_letters(rare)}: XeLaTeX and LuaLaTeX set them in the document's font, "
            "where it has them; pdfLaTeX shows empty boxes."
        )
    if kind == "svg":  # readers take any font, of coloured pictures too
        return notice(
            (letter for letter in letters if fonts.face(letter, outlines=False) is None),
            "the file keeps them as text, for readers whose machine has one.",
        )
    if kind in ("pdf", "png"):
        return notice(letters, "empty boxes stand for them.")
    return ""


def notice(letters: Iterable[str], then: str) -> str:
    """Return a line that names the letters that no font of this machine has, their treatment (`then`), and the
    package to install. The line is empty if there are no such letters.
    """
    every = [*dict.fromkeys(letters)]
    if not every:
        return ""
    kinds = ", ".join(dict.fromkeys(_script_name(letter) for letter in every))
    wanted = [pair for pair in dict.fromkeys(map(_find_package, every)) if pair is not None]
    if wanted:
        packages = " and ".join(package for package, _ in wanted)
        families = " and ".join(family for _, family in wanted)
        install = f"Install {packages} (Debian, Ubuntu; elsewhere {families})"
    else:
        install = "Install a font that has them"
    return f"No font on this machine has {_list_letters(every)} ({kinds}): {then} {install} and start qfusion again."


def _list_letters(letters: list[str]) -> str:
    words = " ".join(letters[:_SHOWN])
    if len(letters) > _SHOWN:
        words += f" and {len(letters) - _SHOWN} more"
    return words


def _script_name(letter: str) -> str:
    script = _find_script(letter)
    return "symbols" if script == "Zyyy" else scripts.script_name(script)


def _find_script(letter: str) -> str:
    """Return the script of a letter as ISO 15924 code: "Zyyy" for symbols, "Hani" for wide East Asian ones."""
    script = scripts.script(letter)
    is_wide = unicodedata.east_asian_width(letter) in "WF"
    if script == "Zyyy" and is_wide and ord(letter) < 0x1F000:
        return "Hani"
    if script in ("Zinh", "Zzzz"):
        return "Zyyy"
    return script


def _find_package(letter: str) -> tuple[str, str] | None:
    """Return a package that provides a font with a letter, and the family of the font. Only packages whose font is
    not installed are considered; the result is None if there is none.
    """
    kind = _package_kind(_find_script(letter))
    families = {face.family for face in fonts.installed() if face.scales}
    for package, family in _PACKAGES[kind]:
        if kind:
            is_installed = any(name.startswith(family) for name in families)
        else:
            is_installed = family in families
        if not is_installed:
            return package, family
    return None


def _package_kind(script: str) -> str:
    """Return the key of the packages for a script."""
    if script in ("Hani", "Hira", "Kana", "Hang", "Bopo"):
        return "east"
    if script == "Zyyy":
        return "symbols"
    return script if script in _PACKAGES else ""
