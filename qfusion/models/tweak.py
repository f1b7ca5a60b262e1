"""Changes to a trained model's physics that a user can dial, as a value and as text: couplings, dissipation, duration.

    H.text=0.5         the coupling H_S of these modalities times a factor between -10 and 10; 0 takes it away
    H.text-audio=0     of several modalities, in the model's order
    D.text-audio=0.5   their dissipation: the parts L_k^A of all jump operators times a factor between 0 and 4
    T=1.2              the duration of the evolution, between 0 and 20
    rate.1=2           of old links and recipes: the rate of one learned jump operator, counted from 1, times a factor
                       between 0 and 10 (L_k times its square root, before anything else acts on it)

Couplings and dissipation are those of the form that no choice of the L_k changes, see `quantum.gauge`. Keys stand
separated by commas, in any order; what is not named stays as learned. `Tweak.parse` is the only reader and `str` the
only writer of such text; its keys are those of sliders and links. In the name of a modality, `-`, `,`, `=` and white
space at the end stand after a `+`, which no name holds: `H.a+-b` is the coupling of modality `a-b`, `H.a-b` that of `a`
and `b`. Text of before names were written so is read where it can mean one coupling only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from qfusion._checks import check, choose, require_number
from qfusion.errors import InvalidInput
from qfusion.quantum.decomposition import scaled, subset_name, subsets
from qfusion.quantum.lindblad import Generator

MAX_TEXT = 20_000  # letters of a tweak
MAX_FACTOR = 10.0
MAX_DISSIPATION = 4.0  # its rates grow as the square
MAX_DURATION = 20.0
COUPLING, DISSIPATION, RATE, DURATION = "H.", "D.", "rate.", "T"  # how keys begin


class Physics(Protocol):
    """What of a model a tweak is about."""

    @property
    def modalities(self) -> Sequence[str]:
        """Names, in the order of fusion."""

    @property
    def jump_count(self) -> int:
        """Number of jump operators."""

    @property
    def duration(self) -> float:
        """Learned duration T."""


@dataclass(frozen=True)
class Tweak:
    """Factors on the learned physics; what is not named stays as learned. Hashable, so it keys caches.

    Attributes:
        couplings: factor on H_S by the name of S, such as {"text": 1.2, "text+audio": 0.0}; between -10 and 10.
        rates: factor on the rate of each learned jump operator (L_k is scaled by its square root, before anything
            else); between 0 and 10. Empty: all 1. What old links say; it depends on the gauge that training ended in.
        duration: evolution time T, between 0 and 20; None keeps the model's own.
        dissipations: factor on the parts L_k^A of all jump operators by the name of A; between 0 and 4.
    """

    couplings: Mapping[str, float] = field(default_factory=dict)
    rates: Sequence[float] = ()
    duration: float | None = None
    dissipations: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "couplings", dict(self.couplings))
        object.__setattr__(self, "dissipations", dict(self.dissipations))
        object.__setattr__(self, "rates", tuple(self.rates))

    def __hash__(self) -> int:
        return hash(
            (
                frozenset(self.couplings.items()),
                self.rates,
                self.duration,
                frozenset(self.dissipations.items()),
            )
        )

    @classmethod
    def parse(cls, text: str, model: Physics) -> Tweak:
        """Returns the tweak of a text, in the form of `fit`.

        Raises:
            InvalidInput, NotFound: when a part is no assignment, the model has nothing of that name, or a number is out
                of range.
        """
        check(
            len(text) <= MAX_TEXT,
            f"The tweak must have at most {MAX_TEXT:,} letters, but has {len(text):,}. Shorten it.",
        )
        return cls.of(
            (
                _assignment(part)
                for part in re.findall(r"(?:\+.?|[^,+])+", text, re.DOTALL)
                if part.strip()
            ),
            model,
        )

    @classmethod
    def of(cls, lines: Iterable[tuple[str, object]], model: Physics) -> Tweak:
        """Returns the tweak of numbers by key, as an address holds them, in the form of `fit`; of a key that is
        repeated the last counts.

        Raises:
            InvalidInput, NotFound: when the model has nothing of that name, or a number is out of range.
        """
        names, known = tuple(model.modalities), learned(model)
        result = {
            (key := choose("Tweak", current_key(named, model.modalities), known)): require_number(
                key, value, *_range(key, model)
            )
            for named, value in lines
        }
        factors, weaker = (
            {term: result[key] for key, term in keys(names).items() if key in result}
            for keys in (couplings, dissipations)
        )
        return cls(
            factors,
            [result.get(rate_key(k), 1.0) for k in range(model.jump_count)],
            result.get(DURATION),
            weaker,
        ).fit(model)

    def fit(self, model: Physics) -> Tweak:
        """Returns the same tweak in the one form that equal tweaks of a model have: factors of 1 left out, couplings in
        the model's order, no duration where it is the learned one.

        Raises:
            InvalidInput, NotFound: when the model has no such coupling or jump operator, or a number is out of range.
        """
        names, count = list(couplings(tuple(model.modalities)).values()), model.jump_count
        for name in self.couplings:
            choose("Coupling", name, names)
        for name in self.dissipations:
            choose("Dissipation", name, names if count else ())
        check(
            len(self.rates) in (0, count),
            f"Argument `rates` must hold one factor for each of the {count} jump operators, but holds "
            f"{len(self.rates)}.",
        )
        factors, weaker = (
            {
                name: number
                for name in names
                if name in values
                and (
                    number := require_number(
                        f"{argument}[{name}]", values[name], *_range(start, model)
                    )
                )
                != 1
            }
            for argument, values, start in (
                ("couplings", self.couplings, COUPLING),
                ("dissipations", self.dissipations, DISSIPATION),
            )
        )
        rates = tuple(
            require_number(f"rates[{k}]", factor, *_range(RATE, model))
            for k, factor in enumerate(self.rates)
        )
        T = (
            None
            if self.duration is None
            else require_number("duration", self.duration, *_range(DURATION, model))
        )
        return Tweak(
            factors, rates if set(rates) - {1.0} else (), None if model.duration == T else T, weaker
        )

    def numbers(self) -> dict[str, float]:
        """Returns what is changed, by key."""
        factors = (
            {coupling_key(name): factor for name, factor in self.couplings.items()}
            | {dissipation_key(name): factor for name, factor in self.dissipations.items()}
            | {rate_key(k): factor for k, factor in enumerate(self.rates)}
        )
        changed = {key: float(factor) for key, factor in factors.items() if factor != 1}
        return changed | ({} if self.duration is None else {DURATION: float(self.duration)})

    def __str__(self) -> str:
        return ",".join(
            f"{key}={value:g}" if float(f"{value:g}") == value else f"{key}={value}"
            for key, value in self.numbers().items()
        )

    def rate_factors(self, jump_count: int) -> Tensor:
        """Returns the factor of every learned jump operator's rate, (K,)."""
        return torch.tensor(list(self.rates) or [1.0] * jump_count, dtype=torch.float64)

    def scale(self, generator: Generator, names: Sequence[str]) -> Generator:
        """Returns a generator on modalities of these names with the factors on its couplings and its dissipation."""
        chosen = [
            {
                s: float(factors[name])
                for s in subsets(len(names))
                if (name := subset_name(s, names)) in factors
            }
            for factors in (self.couplings, self.dissipations)
        ]
        return scaled(generator, *chosen)


LEARNED = Tweak()  # nothing is changed


def coupling_key(term: str) -> str:
    """Returns the key of a coupling: `"text+audio"` -> `"H.text-audio"`."""
    return COUPLING + "-".join(
        re.sub(r"[-,=]|\s(?=\s*\Z)", r"+\g<0>", name) for name in term.split("+")
    )


def dissipation_key(term: str) -> str:
    """Returns the key of a dissipation: `"text+audio"` -> `"D.text-audio"`."""
    return DISSIPATION + coupling_key(term).removeprefix(COUPLING)


def rate_key(operator: int) -> str:
    """Returns the key of a learned jump operator's rate, counted from 0 here and from 1 in the key."""
    return f"{RATE}{operator + 1}"


def _range(key: str, model: Physics) -> tuple[float, float]:
    """Between what the number of a key must lie; the learned duration always does."""
    if key.startswith(COUPLING):
        return -MAX_FACTOR, MAX_FACTOR
    if key.startswith(DISSIPATION):
        return 0.0, MAX_DISSIPATION
    return 0.0, MAX_FACTOR if key.startswith(RATE) else max(MAX_DURATION, float(model.duration))


def learned(model: Physics) -> dict[str, float]:
    """Returns all numbers that a tweak can change, by key, as the model has them: every factor 1, and its duration."""
    names = tuple(model.modalities)
    keys = [
        *couplings(names),
        *(dissipations(names) if model.jump_count else ()),
        *map(rate_key, range(model.jump_count)),
    ]
    return dict.fromkeys(keys, 1.0) | {DURATION: float(model.duration)}


def current_key(key: str, modalities: Sequence[str]) -> str:
    """Returns how a key of a coupling is written today, where names stood in it as they are; any other key as it is.

    Raises:
        InvalidInput: when it could mean several couplings.
    """
    terms = couplings(tuple(modalities))
    meant = (
        []
        if key in terms
        else [now for now, term in terms.items() if COUPLING + term.replace("+", "-") == key]
    )
    check(
        len(meant) < 2,
        f"Tweak `{key[:60]}` can mean several couplings. Write {' or '.join(f'`{entry}`' for entry in meant[:4])} "
        "instead.",
    )
    return meant[0] if meant else key


@lru_cache(maxsize=64)
def couplings(modalities: tuple[str, ...]) -> dict[str, str]:
    """Returns the names of all couplings, by key, smaller ones first."""
    names = [subset_name(s, modalities) for s in subsets(len(modalities)) if s]
    return {coupling_key(name): name for name in names}


@lru_cache(maxsize=64)
def dissipations(modalities: tuple[str, ...]) -> dict[str, str]:
    """Returns the names of all dissipations, by key, smaller ones first."""
    return {dissipation_key(name): name for name in couplings(modalities).values()}


def _assignment(part: str) -> tuple[str, str]:
    """Key and number of one part of a text."""
    match = re.fullmatch(
        r"((?:\+.|[^=+])*)=(.*)", part.strip(), re.DOTALL
    )  # linear: no two ways to match
    if match is None:
        raise InvalidInput(
            f"Tweak `{part.strip()[:60]}` must look like `H.text=0.5`, `D.text=0.5` or `T=1`. Remove or mend it."
        )
    letters = re.findall(r"\+.|.", match[1], re.DOTALL)
    while letters and letters[-1].isspace():  # but for one that is escaped
        letters.pop()
    return "".join(letters), match[2].strip()
