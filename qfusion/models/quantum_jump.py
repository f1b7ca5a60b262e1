"""QiNN-QJ: modality states, tensor product, learned Lindblad evolution, trainable measurements (arXiv 2510.27091);
the ways to its scores with what each costs; and the changes to its trained physics that a user can dial.
"""

from __future__ import annotations

import copy
import math
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number, require_whole
from qfusion.errors import InvalidInput
from qfusion.models import hermitian
from qfusion.models.base import Features, InputSpec, KetModel, Points, expectation
from qfusion.quantum import decomposition, lindblad, states

# Changes to a trained model's physics that a user can dial, as a value and as text: couplings, dissipation, duration.
#
#     H.text=0.5         the coupling H_S of these modalities times a factor between -10 and 10; 0 takes it away
#     H.text-audio=0     of several modalities, in the model's order
#     D.text-audio=0.5   their dissipation: the parts L_k^A of all jump operators times a factor between 0 and 4
#     T=1.2              the duration of the evolution, between 0 and 20
#     rate.1=2           of old links and recipes: the rate of one learned jump operator, counted from 1, times a factor
#                        between 0 and 10 (L_k times its square root, before anything else acts on it)
#
# Couplings and dissipation are those of the form that no choice of the L_k changes, see `quantum.decomposition`. Keys
# stand separated by commas, in any order; what is not named stays as learned. `Tweak.parse` is the only reader and
# `str` the only writer of such text; its keys are those of sliders and links. In the name of a modality, `-`, `,`, `=`
# and white space at the end stand after a `+`, which no name holds: `H.a+-b` is the coupling of modality `a-b`,
# `H.a-b` that of `a` and `b`. Text of before names were written so is read where it can mean one coupling only.

MAX_TEXT = 20_000  # letters of a tweak
MAX_FACTOR = 10.0
COUPLING, DISSIPATION, RATE, DURATION = "H.", "D.", "rate.", "T"  # how keys begin


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
        for name, kind in (("couplings", dict), ("dissipations", dict), ("rates", tuple)):
            object.__setattr__(self, name, kind(getattr(self, name)))

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
    def parse(cls, text: str, model: TimeModel) -> Tweak:
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
    def of(cls, lines: Iterable[tuple[str, object]], model: TimeModel) -> Tweak:
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

    def fit(self, model: TimeModel) -> Tweak:
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

    def scale(self, generator: lindblad.Generator, names: Sequence[str]) -> lindblad.Generator:
        """Returns a generator on modalities of these names with the factors on its couplings and its dissipation."""
        chosen = [
            {
                s: float(factors[name])
                for s in decomposition.subsets(len(names))
                if (name := decomposition.subset_name(s, names)) in factors
            }
            for factors in (self.couplings, self.dissipations)
        ]
        return decomposition.scaled(generator, *chosen)


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


def _range(key: str, model: TimeModel) -> tuple[float, float]:
    """Between what the number of a key must lie; the learned duration always does."""
    ranges = {
        COUPLING: (-MAX_FACTOR, MAX_FACTOR),
        DISSIPATION: (0.0, 4.0),  # its rates grow as the square
        RATE: (0.0, MAX_FACTOR),
        DURATION: (0.0, max(20.0, float(model.duration))),
    }
    return next(bounds for start, bounds in ranges.items() if key.startswith(start))


def learned(model: TimeModel) -> dict[str, float]:
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
    names = [
        decomposition.subset_name(s, modalities)
        for s in decomposition.subsets(len(modalities))
        if s
    ]
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


# How the scores of an evolution are worked out.
#
# observables   O_c(T) once, whatever the batch: Tr[O_c(T) rho_0]
# states        rho(T) of every sample, where there are fewer of them than observables
# trajectories  the mean over sampled quantum-jump trajectories of every sample, with its standard error, where a
#               D x D matrix costs too much

WAYS = ("observables", "states", "trajectories")
SAMPLED = 256  # trajectories of a sample that is predicted
_APPLICATIONS = 30  # of a generator, of the sizes that are learned, in one evolution


@dataclass(frozen=True)
class Choice:
    """How a batch is worked out.

    Attributes:
        way: of WAYS.
        why: one sentence.
    """

    way: str
    why: str


@dataclass(frozen=True)
class Estimate:
    """Scores of samples with how far off they may be.

    Attributes:
        scores: (B, C). errors: standard errors of them, (B, C); 0 where nothing was sampled.
        trajectories: of each sample; 0 where nothing was sampled.
    """

    scores: Tensor
    errors: Tensor
    trajectories: int


# QiNN-QJ: modality states, tensor product, learned Lindblad evolution, trainable measurements (arXiv 2510.27091).
#
#     psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||      modality states, d_m complex amplitudes
#     rho_0 = |psi_1 x ... x psi_M><...|                 product state, D = prod d_m
#     rho(T) = exp(T L) rho_0                            learned H and jump operators L_k, shared by all samples
#     y_c = sum_mj W_cmj <v_mj|rho_m(T)|v_mj> + b_c      trainable unit vectors v_mj of one modality each, linear head
#
# Only the paper's abstract is public to us; the reference amplitude e_0, the head and the parameterisation are our
# reading. Since the head is linear, y_c = Tr[O_c(T) rho_0] + b_c with O_c = sum_mj W_cmj |v_mj><v_mj| x 1 evolved once
# under the adjoint generator, whatever the batch: that is how `forward` computes it.
#
# Each vector acts on one modality, so at t = 0 the score is a sum over modalities, and every joint
# term is made by H and the L_k. With vectors in the joint space (`readout="joint"`) the read-out
# forms joint terms by itself: U^+|v> is merely another vector, and the evolution is redundant.

CHOICES = {
    "evolution": ("jump", "unitary", "dissipative", "none"),
    "dynamics": ("master", "jumps"),
    "coupling": ("dense", "local"),
    "readout": ("local", "single", "joint"),
}
MAX_DIMENSION = 4096
MAX_TRAINED = (
    1024  # with one dense generator: an epoch takes minutes, and eight times as long for twice that
)
MAX_SAMPLED = 65536  # with local terms, by trajectories alone


class TimeModel(KetModel):
    """What the ability "time" gives: the modalities' product state evolves under a generator for a duration, and each
    score is linear in probabilities of measurement vectors at its end, or at any time before.

    A subclass says the generator and the vectors.

    Attributes:
        duration: T, in units of 1 / energy (hbar = 1), tweaked or learned.
        tweak: what is changed of what was learned; None where nothing is.
        subsystems: the modalities of every term of the generator.
        A, L: parameters of every term's Hamiltonian and of its jump operators; empty where there are none. Of QiNN-QJ
            they are the real entries of H, see `models.hermitian`, and the L_k as (K, d, d, 2) reals.
        W: weights of the probabilities in the scores, (C, all vectors).
        still: whether nothing evolves.
        samples: whether scores are means over sampled trajectories while training; `settings` then say of how many
            `trajectories` in how many `steps`.
        way: how scores are worked out, of WAYS, or "auto".

    `settings` hold the learned `duration`.
    """

    abilities = frozenset({"states", "kets", "time", "circuit", "terms"})
    duration: float
    tweak: Tweak | None = None
    subsystems: list[decomposition.Subset]
    A: nn.ParameterList
    L: nn.ParameterList
    W: nn.Parameter
    still: bool = False
    samples: bool = False
    way: str = "auto"

    @abstractmethod
    def generator(self) -> lindblad.Generator:
        """Returns the generator with the learned (and tweaked) Hamiltonian and jump operators, differentiable."""

    @abstractmethod
    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Returns the unit vectors v_mj (J, d) of each state that is read, by its modalities: (m,) of one, all of the
        joint state."""

    def head_parameters(self) -> tuple[str, ...]:
        """Returns the names of the parameters with one row for each output."""
        return ("W", "bias")

    @property
    def learned_duration(self) -> float:
        """T as learned, whatever the tweak."""
        return float(self.settings["duration"])

    @property
    def jump_count(self) -> int:
        """Number of jump operators over all terms."""
        return sum(len(L) for L in self.L)

    def _whole(self) -> lindblad.Generator:
        """The generator where D x D matrices can be held."""
        D = math.prod(self.dims)
        check(
            D <= MAX_DIMENSION,
            f"This model has D = {D:,}: beyond {MAX_DIMENSION:,} there are no matrices of D x D "
            "to evolve, explain or draw. Use `estimate`, which samples trajectories, or a model of lower `dims`.",
        )
        return self.generator()

    def weighted_readout(self, weights: Tensor) -> Tensor:
        """Returns sum_j weights_cj |v_j><v_j| x 1, (C, D, D), for weights (C, all vectors in the order of
        `measurement_vectors`)."""
        vectors = self.measurement_vectors()
        parts = [
            states.embed(torch.einsum("cj,ja,jb->cab", w.to(v.dtype), v, v.conj()), self.dims, s)
            for (s, v), w in zip(vectors.items(), weights.chunk(len(vectors), 1), strict=True)
        ]
        return torch.stack(parts).sum(0)

    def readout(self) -> Tensor:
        """Returns O_c = sum_j W_cj |v_j><v_j| (times 1 on what is not read) before evolution, (C, D, D)."""
        return self.weighted_readout(self.W)

    def observables(self, times: Sequence[float] | None = None) -> Tensor:
        """Returns O_c(T), (C, D, D), or O_c(t) at the given times, (nT, C, D, D): y_c = Tr[O_c rho_0] + b_c."""
        if times is None:
            return self.observables([self.duration])[0]
        return self._evolve(self._whole(), self.readout(), times, "observables")

    def evolve_states(self, rho: Tensor, times: Sequence[float]) -> Tensor:
        """Returns rho(t), (nT, ..., D, D), of operators (..., D, D)."""
        return self._evolve(self._whole(), rho, times, "states")

    def _evolve(
        self, generator: lindblad.Generator, operators: Tensor, times: Sequence[float], picture: str
    ) -> Tensor:
        return (
            operators.expand(len(times), *operators.shape)
            if self.still
            else lindblad.evolve(generator, operators, times, picture)
        )

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Returns the scores, (B, C)."""
        psi = self.product_state(self.encode(inputs))
        learning = torch.is_grad_enabled()
        way = self.choice(len(psi), learning).way
        if self.samples or (way == "trajectories" and learning):
            return self.sampled(psi, self.settings["trajectories"]) + self.bias
        if way == "trajectories":
            return self._estimated(psi, SAMPLED, 0).scores
        if way == "states":
            rho = self.evolve_states(states.density(psi), [self.duration])[0]
            return torch.einsum("cab,nba->nc", self.readout(), rho).real + self.bias
        return expectation(self.observables(), psi) + self.bias

    def by(self, way: str) -> Self:
        """Returns a model that shares this one's weights and works scores out in the way given, of WAYS, or by
        the cheapest ("auto"); this one stays as it is.

        Raises:
            NotFound: when there is no such way.
        """
        other = copy.copy(self)
        other.way = choose("Way", way, ("auto", *WAYS))
        return other

    def choice(self, rows: int, gradient: bool = False) -> Choice:
        """Returns how the scores of so many samples are worked out and why: in the way that is cheapest, or the one
        that is forced.

        Args:
            rows: number of samples.
            gradient: whether for training, where iterates are held.
        """
        if self.way != "auto":
            return Choice(self.way, f"{self.way.capitalize()}, as was asked for.")
        D, outputs = math.prod(self.dims), len(self.outputs)
        if D > MAX_DIMENSION:
            return Choice(
                "trajectories", f"Sampled trajectories: D = {D:,} is beyond matrices of D x D."
            )

        def packed(count: int) -> int:
            return count if D <= lindblad.SMALL or count == 1 else math.ceil(count / 2)

        # floating-point operations and bytes of one evolution
        sides = [math.prod(self.dims[m] for m in s) for s in self.subsystems]
        jumps = [len(L) for L in self.L] or [0] * len(sides)
        once = sum(8 * D**2 * d * (2 + 2 * K) for d, K in zip(sides, jumps, strict=True))
        way, count = ("states", rows) if 2 * rows < outputs else ("observables", outputs)
        operations = _APPLICATIONS * packed(count) * (2 * D**4 if D <= lindblad.SMALL else once)
        memory = 16 * D**2 * packed(count) * (_APPLICATIONS * gradient + 6)
        sampled = rows * SAMPLED * _APPLICATIONS * sum(8 * D * d for d in sides)
        # sampling is considered from minutes on a core on, or so much memory
        if (operations > 3e12 or memory > 8 * 2**30) and sampled < operations:
            return Choice(
                "trajectories",
                f"Sampled trajectories: at D = {D:,} an exact evolution takes about "
                f"{operations:.1g} operations and {memory / 2**30:.1g} GiB, {SAMPLED} trajectories of each of "
                f"{rows:,} samples about {sampled:.1g} operations.",
            )
        if way == "states":
            many = f"{rows} states of D = {D:,}, fewer than there are observables"
        else:
            many = f"{outputs} observable{'s' * (outputs != 1)} of D = {D:,}, evolved once for any number of samples"
            ratio = packed(rows) / packed(outputs)
            if ratio >= 1.5:
                many += f" ({rows:,} states would be {ratio:,.0f} times the work)"
        held = (
            "as one real matrix"
            if D <= lindblad.SMALL
            else "by products of matrices"
            if len(sides) == 1
            else "by products with each term"
        )
        return Choice(way, f"Exact: {many}, {held}.")

    @torch.no_grad()
    def estimate(
        self, inputs: Mapping[str, Features], trajectories: int = SAMPLED, seed: int = 0
    ) -> Estimate:
        """Returns scores as means over sampled trajectories without a time-step error, with their standard errors:
        for dimensions where the exact scores of `forward` cost too much.

        Args:
            inputs: as of `forward`.
            trajectories: of each sample, at least 2.
            seed: of the trajectories.

        Raises:
            InvalidInput: when `trajectories` is below 2 or inputs do not fit.
        """
        check(
            isinstance(trajectories, int) and trajectories >= 2,
            f"Argument `trajectories` must be a whole number from 2, but is {trajectories!r}. A standard error needs "
            "a spread.",
        )
        return self._estimated(self.product_state(self.encode(inputs)), trajectories, seed)

    def _estimated(self, psi: Tensor, count: int, seed: int) -> Estimate:
        generator, random = self.generator(), torch.Generator().manual_seed(seed)
        scores, errors = psi.real.new_empty(2, len(psi), len(self.outputs))
        for row, ket in enumerate(psi):  # one after the other: its kets are as many as fit
            read = self._read(
                lindblad.waiting_times(generator, ket.repeat(count, 1), self._until, random)
            )
            scores[row], errors[row] = read.mean(0) + self.bias, read.std(0) / count**0.5
        return Estimate(scores, errors, count)

    @property
    def _until(self) -> float:
        return 0.0 if self.still else self.duration

    def _read(self, psi: Tensor) -> Tensor:
        """sum_j W_cj <psi|v_j><v_j|psi> of kets (N, D), (N, C), without a D x D matrix."""
        vectors, parts = self.measurement_vectors(), []
        for (s, v), w in zip(vectors.items(), self.W.chunk(len(vectors), 1), strict=True):
            amplitudes = v.conj() @ states.apart(psi, self.dims, s)  # <v_j|psi> on what is not read
            parts.append(amplitudes.abs().square().sum(-1) @ w.to(psi.real.dtype).T)
        return torch.stack(parts).sum(0)

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores of given kets, (B, C): their states evolve, where `observables` evolves what is read."""
        psi = self.product_state(states).to(self.W.dtype.to_complex())
        rho = self.evolve_states(psi[:, :, None] * psi[:, None, :].conj(), [self.duration])[0]
        return torch.einsum("cab,nba->nc", self.readout(), rho).real + self.bias

    def points(self, count: int = 2) -> Points:
        """Returns so many times from 0 to T."""
        times = np.linspace(0.0, max(float(self.duration), 1e-6), count).tolist()
        return Points("time", tuple(times), tuple(f"t = {t:.2f}" for t in times))

    def sampled(self, psi: Tensor, count: int) -> Tensor:
        """Returns the scores without bias from the mean over `count` quantum-jump trajectories, (B, C); random,
        unbiased gradient."""
        final = lindblad.first_order(
            self.generator(), psi.repeat(count, 1), self._until, self.settings["steps"]
        )
        return self._read(final).view(count, len(psi), -1).mean(0)

    @torch.no_grad()
    def system(self) -> lindblad.System:
        """Returns the physics, detached, in double precision and in the form that no gauge of what was learned changes:
        H without trace that belongs to traceless L_k, which are orthogonal and ordered by their rates, see
        `quantum.gauge`."""
        dtype = torch.complex128
        terms = [
            lindblad.Term(t.subsystems, t.H.to(dtype), t.jumps.to(dtype))
            for t in self._whole().terms
        ]
        generator = decomposition.traceless(lindblad.Generator(self.dims, tuple(terms)))
        H = generator.hamiltonian()
        return lindblad.System(
            H - torch.diagonal(H).mean() * torch.eye(len(H), dtype=dtype, device=H.device),
            decomposition.unravelling(generator.jump_operators()),
            self.dims,
            self.modalities,
            self.duration,
        )

    def parse_tweak(self, tweak: Tweak | str) -> Tweak:
        """Returns a tweak of this model, given as text or not, in the one form that equal tweaks have; its `str` is its
        text.

        Raises:
            InvalidInput, NotFound: when it names a coupling, dissipation or jump operator that does not exist, or a
                number is out of range.
        """
        return Tweak.parse(tweak, self) if isinstance(tweak, str) else tweak.fit(self)

    def tweaked(self, tweak: Tweak | str) -> Self:
        """Returns a model that shares this one's weights, with couplings, dissipation or duration changed; this one
        stays as it is.

        Raises:
            InvalidInput, NotFound: as for `parse_tweak`.
        """
        other = copy.copy(self)
        other.tweak = self.parse_tweak(tweak)
        other.duration = self.duration if other.tweak.duration is None else other.tweak.duration
        return other


def physics_terms(
    model: TimeModel,
) -> tuple[tuple[decomposition.Subset, ...], tuple[decomposition.Subset, ...]]:
    """Returns which couplings H_S and which dissipation a model has, by subset of its modalities."""
    body = 0 if model.still else max(map(len, model.subsystems))
    terms = tuple(s for s in decomposition.subsets(len(model.dims)) if 0 < len(s) <= body)
    dissipations = terms if model.jump_count else ()
    # without learned H, traceless L_k still have one
    return terms if len(model.A) or dissipations else (), dissipations


class QuantumJump(TimeModel):
    """The QiNN-QJ model.

    Args:
        inputs: form of each modality's features, by name; the order is the order of the tensor product.
        outputs: names of the scores.
        dims: dimension d_m of every modality state, or one number for all.
        jumps: number K of jump operators (per term when the coupling is local).
        measurements: number J of measurement vectors of each state that is read; d_m^2 of them can span all observables
            of modality m.
        duration: evolution time T, in units of 1 / energy (hbar = 1).
        evolution: "jump" (H and L_k), "unitary" (no L_k), "dissipative" (no H) or "none".
        dynamics: "master" solves the master equation; "jumps" averages sampled quantum-jump trajectories.
        coupling: "dense" (H and L_k on the whole space) or "local" (a sum of terms on `body` modalities each, for large
            D).
        body: modalities per local term.
        trajectories, steps: with dynamics="jumps", trajectories per sample and first-order steps.
        encoder, hidden, dropout, pooling: of the encoders, see `Encoder`.
        input_dropout: of the encoders; below 0 it is as `dropout`.
        readout: which states are read: "local" (that of every modality, rho_m), "single" (that of one modality, so that
            all else must flow into it) or "joint" (the joint state, as models before this setting existed).
        read: with readout="single", the modality that is read; "" is the first.
        head_scale: deviation of the weights W at the start; 0 takes 2 d / D where a state of dimension d is read, so
            that scores start as small as those of joint vectors with 2: one of D populations is d / D of one of d.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "quantum-jump"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        dims: int | Sequence[int] = 4,
        jumps: int = 3,
        measurements: int = 16,
        duration: float = 1.0,
        evolution: str = "jump",
        dynamics: str = "master",
        coupling: str = "dense",
        body: int = 2,
        trajectories: int = 8,
        steps: int = 20,
        hidden: int = 32,
        dropout: float = 0.3,
        pooling: str = "gru",
        encoder: str = "mlp",
        input_dropout: float = -1.0,
        readout: str = "local",
        read: str = "",
        head_scale: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        most, held = (
            (MAX_SAMPLED, "kets of that many amplitudes are sampled")
            if coupling == "local"
            else (MAX_DIMENSION, "H and the L_k are held as D x D matrices")
        )
        self._lay_out(
            dims,
            most,
            held,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            lowest=-1.0,
            jumps=jumps,
            measurements=measurements,
            duration=duration,
            evolution=evolution,
            dynamics=dynamics,
            coupling=coupling,
            body=body,
            trajectories=trajectories,
            steps=steps,
            readout=readout,
            read=read,
            head_scale=head_scale,
        )
        for name, value, low, high in (
            ("jumps", jumps, 0, 256),
            ("measurements", measurements, 1, 4096),
            ("body", body, 1, 64),
            ("trajectories", trajectories, 1, 10**6),
            ("steps", steps, 1, 10**6),
        ):
            require_whole(name, value, low, high)
        check(
            math.isfinite(duration) and duration >= 0,
            f"Argument `duration` must be finite and not negative, but is {duration}.",
        )
        for title, name, word in (
            ("Evolution", "evolution", evolution),
            ("Dynamics", "dynamics", dynamics),
            ("Coupling", "coupling", coupling),
            ("Read-out", "readout", readout),
        ):
            choose(title, word, CHOICES[name])
        check(
            readout == "single" or read == "",
            f"Argument `read` must be empty unless `readout` is 'single', but is {read!r} with `readout` "
            f"{readout!r}. Leave it out or set `readout` to 'single'.",
        )
        require_number("head_scale", head_scale, 0, 1e3)
        if read:
            choose("Modality in `read`", read, self.modalities)
        self.duration = float(duration)
        self.still = evolution == "none"
        self.samples = dynamics == "jumps" and not self.still
        M, C = len(self.dims), len(self.outputs)
        self.subsystems = (
            [tuple(range(M))] if coupling == "dense" else list(combinations(range(M), min(body, M)))
        )
        sides = [math.prod(self.dims[m] for m in s) for s in self.subsystems]
        with_H, with_L = evolution in ("jump", "unitary"), evolution in ("jump", "dissipative")
        # so that the whole generator starts equally strong, dense or local
        share = len(self.subsystems) ** -0.5
        self.A = nn.ParameterList(
            [hermitian.draw(d, d, scale=share / math.sqrt(2 * d)) for d in sides if with_H]
        )
        hermitian.accept_complex(self, ["A"])
        self.L = nn.ParameterList(
            [
                _gaussian(jumps, d, d, scale=share / math.sqrt(8 * d))
                for d in sides
                if with_L and jumps
            ]
        )
        read_by: dict[str, list[decomposition.Subset]] = {
            "joint": [tuple(range(M))],
            "local": [(m,) for m in range(M)],
            "single": [(self.modalities.index(read) if read else 0,)],
        }
        self.read_states = read_by[readout]
        sizes = [math.prod(self.dims[m] for m in s) for s in self.read_states]
        for name, d in zip(self._vector_names, sizes, strict=True):
            self.register_parameter(
                name, nn.Parameter(_gaussian(measurements, d, scale=1 / math.sqrt(2 * d)))
            )
        read_sizes = torch.tensor(sizes).repeat_interleave(measurements)
        self.W = nn.Parameter(
            torch.randn(C, len(read_sizes)) * (head_scale or 2 * read_sizes / math.prod(self.dims))
        )
        self.bias = nn.Parameter(torch.zeros(C))

    def check_trainable(self) -> None:
        """Raises InvalidInput where one dense generator acts on a joint dimension D that is too large to train."""
        D = math.prod(self.dims)
        is_dense = self.settings["coupling"] == "dense" and not self.still
        check(
            not is_dense or D <= MAX_TRAINED,
            f"A {self.kind} model of {len(self.dims)} modalities with `dims` {self.dims} has a joint dimension of "
            f"{D:,}; at most {MAX_TRAINED:,} is trained: H and the L_k are matrices of that side. Lower `dims`, join "
            "modalities, or take a model that grows with their number, such as entangled-qcnn or late.",
        )

    def generator(self) -> lindblad.Generator:
        """Returns the generator with the learned (and tweaked) Hamiltonian and jump operators, differentiable."""
        dtype, device = self.W.dtype.to_complex(), self.W.device
        rates = () if self.tweak is None else self.tweak.rates
        terms, first = [], 0
        for n, s in enumerate(self.subsystems):
            d = math.prod(self.dims[m] for m in s)
            H = (
                hermitian.compose(self.A[n])
                if len(self.A)
                else torch.zeros(d, d, dtype=dtype, device=device)
            )
            L = (
                torch.view_as_complex(self.L[n])
                if len(self.L)
                else torch.zeros(0, d, d, dtype=dtype, device=device)
            )
            if rates:
                L = L * L.new_tensor(rates[first : first + len(L)])[:, None, None].sqrt()
                first += len(L)
            terms.append(lindblad.Term(s, H, L))
        generator = lindblad.Generator(self.dims, tuple(terms))
        return generator if self.tweak is None else self.tweak.scale(generator, self.modalities)

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns H's and the L_k's parameters; they do nothing at 0."""
        return [(parameter, 0.0) for parameter in (*self.A, *self.L)]

    @property
    def _vector_names(self) -> list[str]:
        """The parameters that hold the vectors, by state that is read; "V" alone is the name of old."""
        return (
            ["V"] if self.settings["readout"] == "joint" else [f"V{s[0]}" for s in self.read_states]
        )

    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Returns the unit vectors v_mj (J, d) of each state that is read, by its modalities: (m,) of one, all of the
        joint state."""
        vectors = {
            s: torch.view_as_complex(getattr(self, name))
            for name, s in zip(self._vector_names, self.read_states, strict=True)
        }
        return {
            s: V / torch.linalg.vector_norm(V, dim=-1, keepdim=True).clamp_min(1e-12)
            for s, V in vectors.items()
        }

    def baked(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns weights and settings in which the tweak is part of H, the L_k and the duration."""
        state, settings = dict(state), {**settings, "duration": self.duration}
        terms = self.generator().terms if words else ()
        # Of a model without H, traceless L_k have one: where a tweak changes either, it is kept as learned H is.
        with_H = len(self.A) or any(bool(term.H.any()) for term in terms)
        if with_H and settings["evolution"] == "dissipative":
            settings["evolution"] = "jump"
        for n, term in enumerate(terms):
            state |= {f"A.{n}": hermitian.entries_of(term.H)} if with_H else {}
            state |= (
                {f"L.{n}": torch.view_as_real(term.jumps.resolve_conj())} if len(self.L) else {}
            )
        return state, settings


def _gaussian(*shape: int, scale: float) -> Tensor:
    """Complex normal entries as (..., 2) reals; `scale` is the deviation of each part."""
    return torch.randn(*shape, 2) * scale
