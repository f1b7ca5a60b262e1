"""Words for LaTeX: what is a command there becomes a letter, what its fonts lack becomes mathematics, or is left to
XeLaTeX and LuaLaTeX."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from qfusion.renderer import fonts
from qfusion.renderer.words import printable

_ESCAPES = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
            "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
            ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
            "\u00a0": "~", '"': "''", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\ldots{}",
            "•": r"\textbullet{}", "°": r"\textdegree{}"}
_GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
          "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega")
_CAPITALS = {"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
             "Ψ": "Psi", "Ω": "Omega"}
_MATHS = {"−": "-", "×": r"\times", "·": r"\cdot", "±": r"\pm", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq",
          "≈": r"\approx", "∞": r"\infty", "∑": r"\sum", "√": r"\surd", "∂": r"\partial", "⟨": r"\langle",
          "⟩": r"\rangle", "→": r"\rightarrow", "←": r"\leftarrow", "↑": r"\uparrow", "↓": r"\downarrow",
          "⊗": r"\otimes", "⊕": r"\oplus", "†": r"\dagger", "ℏ": r"\hbar", "ħ": r"\hbar", "ℳ": r"\mathcal{M}",
          "ℒ": r"\mathcal{L}", "∈": r"\in", "▸": r"\triangleright", "◂": r"\triangleleft", "◆": r"\diamond",
          "²": "^2", "³": "^3", "¹": "^1", "ε": r"\varepsilon", "φ": r"\varphi", "ϕ": r"\phi", "ο": "o",
          **{chr(ord("α") + i): f"\\{name}" for i, name in enumerate(_GREEK) if name not in ("epsilon", "phi",
                                                                                            "omicron")},
          **{letter: f"\\{name}" for letter, name in _CAPITALS.items()},
          **{chr(0x2070 + i): f"^{i}" for i in (0, *range(4, 10))}, "⁻": "^-", "⁺": "^+",
          **{chr(0x2080 + i): f"_{i}" for i in range(10)}}
# What LaTeX reads in UTF-8 with any of its encodings.
_LATIN, _ACCENTS = "æøåœßłÆØÅŒŁ", "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"
MISSING = r"\framebox[0.6em]{\rule{0pt}{0.4em}}"  # in the place of a letter that LaTeX's fonts do not have


def escape(text: str) -> str:
    """Returns words as LaTeX sets them, on one line: nothing in them is a command. Letters that LaTeX's usual fonts do
    not have are set by XeLaTeX and LuaLaTeX; for pdfLaTeX each is an empty box."""
    words = unicodedata.normalize("NFC", printable(" ".join(str(text).split())).replace("\u00a0", " "))
    return "".join(_beyond("".join(letters)) if beyond else "".join(map(_letter, letters))
                   for beyond, letters in groupby(words, lambda letter: _letter(letter) == MISSING))


def _beyond(letters: str) -> str:
    shown = fonts.IGNORED.sub("", letters)
    fonts.miss(shown, "latex")
    return rf"{{\ifdefined\Umathcode {letters}\else {MISSING * len(shown)}\fi}}"


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter in _MATHS:
        return f"${_MATHS[letter]}$"
    if letter.isascii():
        return letter
    parts = unicodedata.normalize("NFD", letter)
    return letter if letter in _LATIN or (len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS) else MISSING


def label(*parts: str) -> str:
    """Returns a label for `\\label`, of letters, digits and dashes."""
    return "-".join(found for part in parts if (found := re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-")[:60]))
