"""What qfusion builds on, for reports, docs and BibTeX: one entry a source, with nothing in it that is not known for certain.

>>> text("harsanyi1963")
'J. C. Harsanyi. A simplified bargaining model for the n-person cooperative game. International Economic Review 4(2), 194-220, 1963.'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qfusion._checks import choose

_SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
            "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}


@dataclass(frozen=True)
class Source:
    """One source.

    Attributes:
        kind: of the BibTeX entry. authors: "First Last" each; empty for software that names none.
        title: as printed. year: of publication. where: journal, book or publisher with volume and pages, as a reader sees it.
        fields: the same for BibTeX, such as journal, volume, pages, doi, eprint.
    """

    kind: str
    authors: tuple[str, ...]
    title: str
    year: int
    where: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is found, or an empty text."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['eprint']}" if "eprint" in self.fields else self.fields.get("url", "")


def _arxiv(number: str) -> dict[str, str]:
    return {"eprint": number, "archiveprefix": "arXiv"}


def _article(journal: str, volume: str, pages: str, doi: str = "", number: str = "") -> dict[str, str]:
    found = {"journal": journal, "volume": volume, "number": number, "pages": pages, "doi": doi}
    return {name: value for name, value in found.items() if value}


SOURCES: dict[str, Source] = {
    "qinnqj2025": Source(
        "misc", ("Yiwei Chen", "Kehuan Yan", "Yu Pan", "Daoyi Dong"),
        "QiNN-QJ: A Quantum-inspired Neural Network with Quantum Jump for Multimodal Sentiment Analysis", 2025, "arXiv:2510.27091",
        _arxiv("2510.27091")),
    "fusionqcnn2026": Source(
        "misc", ("Yu Wu", "Qianli Zhou", "Jie Geng", "Xinyang Deng", "Wen Jiang"),
        "Feature Entanglement-based Quantum Multimodal Fusion Neural Network", 2026, "arXiv:2601.07856", _arxiv("2601.07856")),
    "lindblad1976": Source(
        "article", ("G. Lindblad",), "On the generators of quantum dynamical semigroups", 1976,
        "Communications in Mathematical Physics 48, 119-130",
        _article("Communications in Mathematical Physics", "48", "119--130", "10.1007/BF01608499")),
    "gks1976": Source(
        "article", ("Vittorio Gorini", "Andrzej Kossakowski", "E. C. G. Sudarshan"),
        "Completely positive dynamical semigroups of N-level systems", 1976, "Journal of Mathematical Physics 17, 821-825",
        _article("Journal of Mathematical Physics", "17", "821--825", "10.1063/1.522979")),
    "dalibard1992": Source(
        "article", ("Jean Dalibard", "Yvan Castin", "Klaus Mølmer"),
        "Wave-function approach to dissipative processes in quantum optics", 1992, "Physical Review Letters 68, 580-583",
        _article("Physical Review Letters", "68", "580--583", "10.1103/PhysRevLett.68.580")),
    "talezer1984": Source(
        "article", ("H. Tal-Ezer", "R. Kosloff"),
        "An accurate and efficient scheme for propagating the time dependent Schrödinger equation", 1984,
        "The Journal of Chemical Physics 81, 3967-3971", _article("The Journal of Chemical Physics", "81", "3967--3971",
                                                                  "10.1063/1.448136")),
    "vidal2002": Source(
        "article", ("G. Vidal", "R. F. Werner"), "Computable measure of entanglement", 2002, "Physical Review A 65, 032314",
        _article("Physical Review A", "65", "032314", "10.1103/PhysRevA.65.032314")),
    "shapley1953": Source(
        "incollection", ("L. S. Shapley",), "A value for n-person games", 1953,
        "In Contributions to the Theory of Games II, Annals of Mathematics Studies 28, Princeton University Press, 307-317",
        {"booktitle": "Contributions to the Theory of Games II", "series": "Annals of Mathematics Studies", "volume": "28",
         "pages": "307--317", "publisher": "Princeton University Press"}),
    "harsanyi1963": Source(
        "article", ("J. C. Harsanyi",), "A simplified bargaining model for the n-person cooperative game", 1963,
        "International Economic Review 4(2), 194-220", _article("International Economic Review", "4", "194--220", number="2")),
    "grabisch1999": Source(
        "article", ("Michel Grabisch", "Marc Roubens"),
        "An axiomatic approach to the concept of interaction among players in cooperative games", 1999,
        "International Journal of Game Theory 28, 547-565", _article("International Journal of Game Theory", "28", "547--565",
                                                                     "10.1007/s001820050125")),
    "janzing2020": Source(
        "inproceedings", ("Dominik Janzing", "Lenon Minorics", "Patrick Blöbaum"),
        "Feature relevance quantification in explainable AI: A causal problem", 2020, "AISTATS, PMLR 108. arXiv:1910.13413",
        {"booktitle": "Proceedings of AISTATS", "series": "PMLR", "volume": "108"} | _arxiv("1910.13413")),
    "parcalabescu2023": Source(
        "inproceedings", ("Letitia Parcalabescu", "Anette Frank"),
        "MM-SHAP: A Performance-agnostic Metric for Measuring Multimodal Contributions in Vision and Language Models & Tasks", 2023,
        "ACL. arXiv:2212.08158", {"booktitle": "Proceedings of ACL"} | _arxiv("2212.08158")),
    "samek2017": Source(
        "article", ("Wojciech Samek", "Alexander Binder", "Grégoire Montavon", "Sebastian Lapuschkin", "Klaus-Robert Müller"),
        "Evaluating the visualization of what a deep neural network has learned", 2017,
        "IEEE Transactions on Neural Networks and Learning Systems 28(11), 2660-2673",
        _article("IEEE Transactions on Neural Networks and Learning Systems", "28", "2660--2673", "10.1109/TNNLS.2016.2599820", "11")),
    "petsiuk2018": Source(
        "inproceedings", ("Vitali Petsiuk", "Abir Das", "Kate Saenko"),
        "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018, "BMVC. arXiv:1806.07421",
        {"booktitle": "Proceedings of BMVC"} | _arxiv("1806.07421")),
    "cong2019": Source(
        "article", ("Iris Cong", "Soonwon Choi", "Mikhail D. Lukin"), "Quantum convolutional neural networks", 2019,
        "Nature Physics 15, 1273-1278", _article("Nature Physics", "15", "1273--1278", "10.1038/s41567-019-0648-8")),
    "hur2022": Source(
        "article", ("Tak Hur", "Leeseok Kim", "Daniel K. Park"),
        "Quantum convolutional neural network for classical data classification", 2022,
        "Quantum Machine Intelligence 4, 3. arXiv:2108.00661",
        {"journal": "Quantum Machine Intelligence", "volume": "4", "pages": "3"} | _arxiv("2108.00661")),
    "shafer1976": Source(
        "book", ("Glenn Shafer",), "A Mathematical Theory of Evidence", 1976, "Princeton University Press",
        {"publisher": "Princeton University Press"}),
    "efron1993": Source(
        "book", ("Bradley Efron", "Robert J. Tibshirani"), "An Introduction to the Bootstrap", 1993, "Chapman & Hall",
        {"publisher": "Chapman & Hall"}),
    "qutip5": Source(
        "misc", ("Neill Lambert", "others"), "QuTiP 5: The Quantum Toolbox in Python", 2024, "arXiv:2412.04705", _arxiv("2412.04705")),
    "pennylane": Source(
        "misc", ("Ville Bergholm", "others"), "PennyLane: Automatic differentiation of hybrid quantum-classical computations", 2018,
        "arXiv:1811.04968", _arxiv("1811.04968")),
    "okabeito2008": Source(
        "misc", ("Masataka Okabe", "Kei Ito"),
        "Color Universal Design (CUD): How to make figures and presentations that are friendly to colorblind people", 2008,
        "https://jfly.uni-koeln.de/color/", {"url": "https://jfly.uni-koeln.de/color/"}),
    "mosi2016": Source(
        "misc", ("Amir Zadeh", "Rowan Zellers", "Eli Pincus", "Louis-Philippe Morency"),
        "MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity Analysis in Online Opinion Videos", 2016, "arXiv:1606.06259",
        _arxiv("1606.06259")),
}


def source(key: str) -> Source:
    """Returns a source by its key.

    Raises:
        NotFound: when there is none.
    """
    return SOURCES[choose("Source", key, SOURCES)]


def text(key: str) -> str:
    """Returns a source as a line of a reference list."""
    found = source(key)
    *first, last = found.authors
    who = f"{', '.join(first)} and {last}" if first else last
    return f"{who}. {found.title}. {found.where}, {found.year}."


def bibtex(keys: Iterable[str] | None = None) -> str:
    """Returns BibTeX entries, of all sources unless keys are given.

    >>> print(bibtex(["shafer1976"]))
    @book{shafer1976,
      author = {Glenn Shafer},
      title = {{A Mathematical Theory of Evidence}},
      year = {1976},
      publisher = {Princeton University Press},
    }
    """
    return "\n\n".join(_entry(key) for key in (SOURCES if keys is None else keys))


def _entry(key: str) -> str:
    found = source(key)
    values = {"author": " and ".join(map(_escaped, found.authors)), "title": f"{{{_escaped(found.title)}}}", "year": str(found.year)}
    values |= {name: value if name in ("url", "doi", "eprint") else _escaped(value) for name, value in found.fields.items()}
    return "\n".join([f"@{found.kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in values.items()), "}"])


def _escaped(value: str) -> str:
    return re.sub(r"[&%$#_{}~^\\]", lambda found: _SPECIAL[found[0]], value)
