"""Changes to a trained model's physics that a user can dial, as a value and as text: couplings H_S, jump rates,
duration.

    H.text=0.5         the coupling of these modalities times a factor between -10 and 10; 0 takes it away
    H.text-audio=0     of several modalities, in the model's order
    rate.1=2           the rate of a jump operator, counted from 1, times a factor between 0 and 10
    T=1.2              the duration of the evolution, between 0 and 20

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
from qfusion.quantum.decomposition import rescale, subset_name, subsets

MAX_TEXT = 20_000  # letters of a tweak
MAX_FACTOR = 10.0
MAX_DURATION = 20.0
COUPLING, RATE, DURATION = "H.", "rate.", "T"  # how keys begin


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
        rates: factor on the rate of each jump operator (L_k is scaled by its square root); between 0 and 10. Empty: all
            1.
        duration: evolution time T, between 0 and 20; None keeps the model's own.
    """

    couplings: Mapping[str, float] = field(default_factory=dict)
    rates: Sequence[float] = ()
    duration: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "couplings", dict(self.couplings))
        object.__setattr__(self, "rates", tuple(self.rates))

    def __hash__(self) -> int:
        return hash((frozenset(self.couplings.items()), self.rates, self.duration))

    @classmethod
    def parse(cls, text: str, model: Physics) -> Tweak:
        """Returns the tweak of a text, in the form of `fit`.

        Raises:
            InvalidInput, NotFound: when a part is no assignment, the model has nothing of that name, or a number is out
                of range.
        """
        check(len(text) <= MAX_TEXT,
              f"The tweak must have at most {MAX_TEXT:,} letters, but has {len(text):,}. Shorten it.")
        return cls.of((_assignment(part) for part in re.findall(r"(?:\+.?|[^,+])+", text, re.DOTALL) if part.strip()),
                      model)

    @classmethod
    def of(cls, said: Iterable[tuple[str, object]], model: Physics) -> Tweak:
        """Returns the tweak of numbers by key, as an address holds them, in the form of `fit`; of a key that is
        repeated the last counts.

        Raises:
            InvalidInput, NotFound: when the model has nothing of that name, or a number is out of range.
        """
        terms, known = couplings(tuple(model.modalities)), learned(model)
        found = {(key := choose("Tweak", current_key(named, model.modalities),
                                known)): require_number(key, value, *_range(key, model))
                 for named, value in said}
        return cls({terms[key]: value for key, value in found.items() if key in terms},
                   [found.get(rate_key(k), 1.0) for k in range(model.jump_count)], found.get(DURATION)).fit(model)

    def fit(self, model: Physics) -> Tweak:
        """Returns the same tweak in the one form that equal tweaks of a model have: factors of 1 left out, couplings in
        the model's order, no duration where it is the learned one.

        Raises:
            InvalidInput, NotFound: when the model has no such coupling or jump operator, or a number is out of range.
        """
        names, count = list(couplings(tuple(model.modalities)).values()), model.jump_count
        for name in self.couplings:
            choose("Coupling", name, names)
        check(len(self.rates) in (0, count),
              f"Argument `rates` must hold one factor for each of the {count} jump operators, but holds "
              f"{len(self.rates)}.")
        factors = {name: require_number(f"couplings[{name}]", self.couplings[name], *_range(COUPLING, model))
                   for name in names if name in self.couplings}
        rates = tuple(require_number(f"rates[{k}]", factor, *_range(RATE, model))
                      for k, factor in enumerate(self.rates))
        T = None if self.duration is None else require_number("duration", self.duration, *_range(DURATION, model))
        return Tweak({name: factor for name, factor in factors.items() if factor != 1}, rates if set(rates) - {1.0}
                     else (), None if model.duration == T else T)

    def numbers(self) -> dict[str, float]:
        """Returns what is changed, by key."""
        found = {coupling_key(name): factor for name, factor in self.couplings.items()}
        found |= {rate_key(k): factor for k, factor in enumerate(self.rates)}
        changed = {key: float(factor) for key, factor in found.items() if factor != 1}
        return changed | ({} if self.duration is None else {DURATION: float(self.duration)})

    def __str__(self) -> str:
        return ",".join(f"{key}={value:g}" if float(f"{value:g}") == value else f"{key}={value}"
                        for key, value in self.numbers().items())

    def rate_factors(self, jump_count: int) -> Tensor:
        """Returns the factor of every jump operator's rate, (K,)."""
        return torch.tensor(list(self.rates) or [1.0] * jump_count, dtype=torch.float64)


LEARNED = Tweak()  # nothing is changed


def coupling_key(term: str) -> str:
    """Returns the key of a coupling: `"text+audio"` -> `"H.text-audio"`."""
    return COUPLING + "-".join(re.sub(r"[-,=]|\s(?=\s*\Z)", r"+\g<0>", name) for name in term.split("+"))


def rate_key(operator: int) -> str:
    """Returns the key of a jump operator's rate, counted from 0 here and from 1 in the key."""
    return f"{RATE}{operator + 1}"


def _range(key: str, model: Physics) -> tuple[float, float]:
    """Between what the number of a key must lie; the learned duration always does."""
    if key.startswith(COUPLING):
        return -MAX_FACTOR, MAX_FACTOR
    return 0.0, MAX_FACTOR if key.startswith(RATE) else max(MAX_DURATION, float(model.duration))


def learned(model: Physics) -> dict[str, float]:
    """Returns all numbers that a tweak can change, by key, as the model has them: every factor 1, and its duration."""
    keys = [*couplings(tuple(model.modalities)), *map(rate_key, range(model.jump_count))]
    return dict.fromkeys(keys, 1.0) | {DURATION: float(model.duration)}


def current_key(key: str, modalities: Sequence[str]) -> str:
    """Returns how a key of a coupling is written today, where names stood in it as they are; any other key as it is.

    Raises:
        InvalidInput: when it could mean several couplings.
    """
    terms = couplings(tuple(modalities))
    meant = [] if key in terms else [now for now, term in terms.items() if COUPLING + term.replace("+", "-") == key]
    check(len(meant) < 2,
          f"Tweak `{key[:60]}` can mean several couplings. Write {' or '.join(f'`{each}`' for each in meant[:4])} "
          "instead.")
    return meant[0] if meant else key


@lru_cache(maxsize=64)
def couplings(modalities: tuple[str, ...]) -> dict[str, str]:
    """Returns the names of all couplings, by key, smaller ones first."""
    names = [subset_name(s, modalities) for s in subsets(len(modalities)) if s]
    return {coupling_key(name): name for name in names}


def _assignment(part: str) -> tuple[str, str]:
    """Key and number of one part of a text."""
    found = re.fullmatch(r"((?:\+.|[^=+])*)=(.*)", part.strip(), re.DOTALL)  # linear: no two ways to match
    if found is None:
        raise InvalidInput(
            f"Tweak `{part.strip()[:60]}` must look like `H.text=0.5`, `rate.1=2` or `T=1`. Remove or mend it.")
    letters = re.findall(r"\+.|.", found[1], re.DOTALL)
    while letters and letters[-1].isspace():  # but for one that is escaped
        letters.pop()
    return "".join(letters), found[2].strip()


def scale_couplings(H: Tensor, dims: Sequence[int], names: Sequence[str], tweak: Tweak) -> Tensor:
    """Returns sum_S f_S H_S for the factors of `tweak` (1 where it names none), (d, d)."""
    factors = {s: float(tweak.couplings[name]) for s in subsets(len(dims))
               if (name := subset_name(s, names)) in tweak.couplings}
    return rescale(H, dims, factors)
