"""Operators of a model in their gauge-free form (`decomposition.traceless`), and contributions of the features of a
modality.

Of operators: what the generator is made of, when which of its jump operators jumped, and decision operators with where
samples lie on them. Of features: attributions, what there is to draw them on, and which words their time steps are: by
the data set, by token numbers and their vocabulary, by equal counts, or not at all; never guessed where counts
differ. Of a recording: what it shows over its seconds, and where on them the steps of each modality stand."""

import math
import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion._sentences import count, listed
from qfusion.analysis import changes, text
from qfusion.analysis.memo import memo, written
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data import Audio, DataSet, Modality, Text, clips, media, mmsa, synthesis
from qfusion.data.coalition_terms import split_term
from qfusion.data.picture_arrays import pixel_names
from qfusion.data.sample_content import Clip, Film, Series, Word
from qfusion.data.sources import planted
from qfusion.errors import QFusionError, default_on_error
from qfusion.explain import attribution, operators
from qfusion.models import mass_forms
from qfusion.models.encoders import InputSpec
from qfusion.quantum import decomposition, generators, lindblad

MAX_MODES = 32  # dimension D up to which all D^2 eigenvalues of the generator are worked out
HAMILTONIAN, READOUT = "H", "read-out"


def strengths_of(system: lindblad.System) -> tuple[dict[str, float], dict[str, float]]:
    """Returns how strong the parts of all coalitions are but the empty one's, which moves all levels alike: energies
    sqrt(Tr[H_S^2] / D), the root mean square energy of H_S, whose squares add up, and rates sum_k Tr[L_k^A+ L_k^A] / D,
    their parts of the jumps per time in the completely mixed state, which add up."""
    D = len(system.H)
    return (
        {
            decomposition.subset_name(s, system.names): float(value) / D**0.5
            for s, value in decomposition.strengths(system.H, system.dims).items()
            if s
        },
        {
            decomposition.subset_name(s, system.names): float(value.square().sum()) / D
            for s, value in decomposition.strengths(system.jumps, system.dims).items()
            if s
        },
    )


def levels(system: lindblad.System) -> tuple[np.ndarray, np.ndarray]:
    """Returns the energies of H without and with its couplings, ascending, (D,) each."""
    parts = decomposition.decompose(system.H, system.dims)
    alone = torch.stack([part for subset, part in parts.items() if len(subset) <= 1]).sum(0)
    return torch.linalg.eigvalsh(alone).numpy(), torch.linalg.eigvalsh(system.H).numpy()


def operator_names(model: Any) -> dict[str, str]:
    """The operators of a model that can be read letter by letter, by name, and what each is."""
    return {
        HAMILTONIAN: "Hamiltonian",
        **{
            f"L{k + 1}": "jump operator, in the canonical unravelling,"
            for k in range(model.jump_count)
        },
        READOUT: "what is read at T",
    }


@torch.no_grad()
def operator(sample: Sample, system: lindblad.System, name: str) -> torch.Tensor:
    """Returns one of `operators`, (D, D), of a sample's model and its system."""
    if name == HAMILTONIAN:
        return system.H
    if name == READOUT:
        return sample.model.readout()[sample.output].to(system.H.dtype)
    return system.jumps[int(name[1:]) - 1]


@dataclass(frozen=True)
class Letter:
    """A term of an operator: the coalition on which it acts, its letters there, and its coefficient."""

    term: str
    letters: tuple[str, ...]
    value: complex

    @property
    def words(self) -> str:
        """For example "text XZ · audio IY"."""
        return " · ".join(
            f"{name} {entry}"
            for name, entry in zip(split_term(self.term), self.letters, strict=True)
        )


def largest(A: torch.Tensor, system: lindblad.System, count: int) -> tuple[list[Letter], float]:
    """Returns the largest terms of an operator without the identity, and which part of all their squares they hold."""
    names = [decomposition.basis(d)[0] for d in system.dims]
    values = decomposition.expand(A, system.dims).numpy()
    sizes = np.abs(values)
    sizes[(0,) * sizes.ndim] = 0
    terms = []
    for place in np.argsort(-sizes, axis=None, kind="stable")[:count]:
        at = np.unravel_index(place, sizes.shape)
        acts = [m for m, letter in enumerate(at) if letter]
        if sizes[at] > 0:
            terms.append(
                Letter(
                    "+".join(system.names[m] for m in acts),
                    tuple(names[m][at[m]] for m in acts),
                    complex(values[at]),
                )
            )
    part = float((np.abs([term.value for term in terms]) ** 2).sum())
    return terms, part / float((sizes**2).sum()) if terms else 0.0


def has_modes(sample: Any, **_: Any) -> bool:
    """Whether a sample's model has a generator that is small enough to be diagonalised."""
    return bool(sample.can("time")) and math.prod(sample.model.dims) <= MAX_MODES


def modes(system: lindblad.System) -> np.ndarray:
    """Returns all eigenvalues of the generator of the master equation, (D^2,) complex, the slowest first.

        L rho = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho} / 2)

    Real parts are decay rates, negative or zero; imaginary ones are frequencies.

    Raises:
        InvalidInput: when D is above MAX_MODES.
    """
    D = len(system.H)
    check(
        D <= MAX_MODES,
        f"All eigenvalues of the generator are worked out up to D = {MAX_MODES}, but D is {D}. Look "
        "at the spectral gap under Steady state.",
    )
    _, G, L = lindblad.form(lindblad.Term((0,), system.H, system.jumps), "states")
    values = np.linalg.eigvals(generators.superoperator(G, L).numpy())
    return values[np.lexsort((values.imag, -values.real))]


# When which operator of the canonical unravelling jumped in sampled trajectories, and how often it does by the master
# equation.

RUNS = 200  # trajectories whose jumps are shown
BINS = 10  # spans of time in which jumps are counted
UNRAVELLING = (
    "This is one unravelling of the master equation, chosen by convention: its jump operators are traceless "
    "and orthogonal, numbered by their rates. Another gauge has the same master equation, but other "
    "operators, jumps and single runs."
)


@dataclass(frozen=True, eq=False)
class Records:
    """The jumps of trajectories and their rates; K jump operators.

    Attributes:
        runs: of each trajectory, sorted by its first jump, its number among all (from 0 on), the times of its jumps,
            and which operators jumped (from 0 on).
        edges: of the spans of time in which jumps are counted, (B + 1,).
        counts: jumps per trajectory and time in each span, (K, B).
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
    """

    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    edges: np.ndarray
    counts: np.ndarray
    times: np.ndarray
    exact: np.ndarray

    @property
    def jumps(self) -> int:
        """How many there are in all trajectories."""
        return sum(len(times) for _, times, _ in self.runs)

    @property
    def expected(self) -> float:
        """Jumps per trajectory by the master equation: the integral of all rates."""
        return float(np.trapezoid(self.exact.sum(0), self.times))


def records(sample: Sample, runs: int = RUNS) -> Records:
    """Returns the jumps of so many trajectories of a sample of a model with time and jump operators, by the canonical
    ones."""
    track, L = sample.track(runs=runs), sample.model.system().jumps.numpy()
    every = [(i, run.jump_times, run.jump_operators) for i, run in enumerate(track.trajectories)]
    edges = np.linspace(0, float(track.times[-1]) or 1.0, BINS + 1)
    times = np.concatenate([run[1] for run in every])
    which = np.concatenate([run[2] for run in every])
    counts = np.array(
        [np.histogram(times[which == k], edges)[0] for k in range(len(L))], dtype=float
    )
    return Records(
        tuple(sorted(every, key=lambda run: (*run[1][:1], np.inf)[0])),
        edges,
        counts / (runs * (edges[1] - edges[0])),
        track.times,
        np.einsum("kba,kbc,tca->kt", L.conj(), L, track.rho, optimize=True).real,
    )


# What the page of decision operators works out of a study: an operator and where samples lie on it. Free of
# streamlit.

WITH = " with "  # between modalities in an address: a plus sign would be read as a space


def group_labels(study: Study) -> dict[str, str]:
    """The groups whose operator is offered: what a reader picks -> name of the coalition."""
    return {WITH.join(name.split("+")): name for name in operators.offered(study.model)}


@dataclass(frozen=True, eq=False)
class Votes:
    """An operator and many samples on it.

    Attributes:
        operator: of one group and output.
        rows: of the samples, (B,).
        scores: v(S), (B,).
        most_for, most_against: weight of each sample on the two extreme eigenvectors, (B,).
        weights: mean weight on every eigenvector, (K,).
    """

    operator: operators.Operator
    rows: np.ndarray
    scores: np.ndarray
    most_for: np.ndarray
    most_against: np.ndarray
    weights: np.ndarray

    def nearest(self, side: str, count: int = 3) -> list[int]:
        """Rows of the samples with the most weight on one extreme, "for" or "against"."""
        weight = self.most_for if side == "for" else self.most_against
        return [int(row) for row in self.rows[np.argsort(-weight, kind="stable")[:count]]]


@memo(16, says="Finding what votes for and against …")
def decision_operator(study: Study, group: str, output: int) -> operators.Operator:
    """The operator of a group of modalities."""
    return operators.operator(study.model, study.background, group, output)


@memo(16, says="Finding what votes for and against …")
def votes(study: Study, group: str, output: int, split: str) -> Votes:
    """The operator of a group of modalities, and the samples of a split on it."""
    result = decision_operator(study, group, output)
    rows = study.dataset.rows(split)
    states = _states(study, group, rows)
    return Votes(
        result,
        rows,
        result.scores(states),
        result.overlap(states, len(result.values) - 1),
        result.overlap(states, 0),
        result.weights(states),
    )


def operator_of(sample: Sample, group: str = "") -> operators.Operator:
    """The operator of a group of modalities for a sample's score; of the first group that has one unless told."""
    return decision_operator(
        sample.study, group or operators.offered(sample.model)[0], sample.output
    )


@memo(32)
def votes_of(
    sample: Sample, group: str = "", split: str = "test"
) -> tuple[Votes, tuple[float, np.ndarray]]:
    """As `operator_of`, with the samples of a split on it, and the sample itself."""
    group = group or operators.offered(sample.model)[0]
    result = votes(sample.study, group, sample.output, split)
    states = _states(sample.study, group, np.array([sample.row]))
    return result, (float(result.operator.scores(states)[0]), result.operator.weights(states))


def _states(study: Study, group: str, rows: np.ndarray) -> Any:
    return operators.states_of(study.model, study.inputs(rows), group)


# Attribution inside a modality for the pages: which words the steps of a sequence are.

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")  # Han
FIRST, LAST = "[CLS]", "[SEP]"


@dataclass(frozen=True)
class Spoken:
    """Names of what was said at the steps of a sequence.

    Attributes:
        units: the words, in order; None where steps have only numbers. groups: the steps of each, from 0.
        how: a sentence: by what steps were matched, or why they are not.
    """

    units: tuple[str, ...] | None
    groups: tuple[tuple[int, ...], ...]
    how: str


def match(content: Text | None, steps: int) -> Spoken:
    """What was said at each of `steps` real steps of a sequence."""
    groups: tuple[tuple[int, ...], ...] = tuple((place,) for place in range(steps))
    if content is None:
        return Spoken(None, groups, "")
    if content.words is not None and len(content.words) == steps:
        return Spoken(tuple(content.words), groups, "")
    letters, words = _letters(content.text), content.text.split()
    if content.numbers is not None:
        return _by_tokens(content, content.numbers, letters, groups)
    if len(words) == steps > 1:
        return Spoken(
            tuple(words),
            groups,
            "The data do not say which word a step is; the sentence has as many words as the sequence "
            "has steps, and they were matched in their order.",
        )
    if letters and len(letters) in (steps, steps - 2):
        return _characters(letters, groups, "The data do not say which character a step is;")
    known = f"{len(letters):,} characters" if letters else count(len(words), "word")
    how = f"The sentence has {known} and the sequence {steps:,} steps, so steps have numbers only."
    return Spoken(None, groups, how if words else "")


def _by_tokens(
    content: Text,
    numbers: Sequence[int],
    letters: tuple[str, ...],
    steps: tuple[tuple[int, ...], ...],
) -> Spoken:
    if len(numbers) != len(steps):
        return Spoken(
            None,
            steps,
            f"There are {len(numbers):,} token numbers for {len(steps):,} steps, so steps have "
            "numbers only.",
        )
    if content.tokens is not None:
        groups = mmsa.word_groups(content.tokens)
        several = sum(len(group) > 1 for group in groups)
        merged = {0: "", 1: " One word is made of several tokens, whose shares are added up."}.get(
            several, f" {several:,} words are made of several tokens, whose shares are added up."
        )
        return Spoken(
            tuple(mmsa.joined_pieces([content.tokens[i] for i in group]) for group in groups),
            groups,
            f"Steps are tokens of the language model, named by its tokenizer's vocabulary.{merged}",
        )
    are = f"Steps are token numbers {content.why or 'without a vocabulary'}"
    if letters and len(letters) == len(steps) - 2:
        # equal characters must have equal numbers, and others other ones
        pairs = set(zip(letters, numbers[1:-1], strict=True))
        if len(pairs) == len(set(letters)) == len(set(numbers[1:-1])):
            return _characters(letters, steps, f"{are};")
    return Spoken(
        None,
        steps,
        f"{are}, so they have numbers only: "
        f"name the tokenizer's folder in {mmsa.VOCABULARY}, or at import by --vocabulary.",
    )


def _characters(letters: tuple[str, ...], groups: tuple[tuple[int, ...], ...], why: str) -> Spoken:
    framed = len(letters) == len(groups) - 2
    between = f" between {FIRST} and {LAST}" if framed else ""
    return Spoken(
        (FIRST, *letters, LAST) if framed else letters,
        groups,
        f"{why} the sentence has as many characters as there are steps{between}, and they were matched in "
        "their order.",
    )


def _letters(text: str) -> tuple[str, ...]:
    """The characters of a Chinese sentence, each a token of its own; none where some of it is written in words of
    letters, which tokenizers part in ways of their own."""
    result = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in result
    )
    return result if plain and any(map(_WIDE.match, result)) else ()


# Attribution inside a modality for the pages, and what there is to draw it on. Free of streamlit.

_CELL = re.compile(r"(?:pixel|band, frame) (\d+),(\d+)")


@memo(64, says="Following the term through the encoder …")
def attribute(
    study: Study,
    row: int,
    modality: str,
    term: str,
    output: int,
    baseline: str,
    other: str = "",
    method: str = attribution.INTEGRATED,
) -> attribution.Attribution:
    """The attribution of a term of one output; `other` is the id of the sample that is the baseline, where one is."""
    rows = [row, study.dataset.row(other)] if other else [row]
    inputs, *others = (study.dataset.inputs([at], dtype=torch.float64) for at in rows)
    start = others[0][modality] if others else None
    model = changes.fixed(study)
    return attribution.attribute(
        model, inputs, study.background, modality, term, output, baseline, start, method
    )


def terms(study: Study, modality: str) -> tuple[str, ...]:
    """What can be attributed: the explained output, and the modality's dividends unless these would take minutes."""
    every = attribution.terms_of(study.model, modality)
    return (
        every
        if not study.can("masses")
        or 2 ** (study.model.elements + len(study.modalities)) <= mass_forms.MAX_COALITIONS
        else every[:1]
    )


def title(term: str, quantity: str = "score") -> str:
    """A term as an option and in links: `text+audio` -> "text and audio"; the whole of them is "the log-odds" or "the
    score"."""
    return f"the {quantity}" if term == attribution.SCORE else term.replace("+", " and ")


def named(title: str) -> str:
    """The term that an option or a link calls by its `title`."""
    whole = ("the log-odds", "the score")
    return attribution.SCORE if title in whole else title.replace(" and ", "+")


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the values of a modality are drawn on.

    Attributes:
        kind: "words", "waveform", "picture", "curve", or "features" where there is nothing but features.
        parts: what the figure takes besides the values. names: of the units (words, frames, pixels, features).
        groups: the steps that each word is made of; None where a unit is one step. how: a sentence on how steps were
            matched to what was said, or why not.
    """

    kind: str
    parts: dict[str, Any]
    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...] | None = None
    how: str = ""

    def added(self, units: np.ndarray) -> np.ndarray:
        """The values of the units, (U,), from those of the steps."""
        return (
            units
            if self.groups is None
            else np.array([units[list(group)].sum() for group in self.groups])
        )

    def step_names(self, steps: int) -> tuple[str, ...]:
        """Of each step of a sequence the word that was said there, else its number."""
        words = zip(self.groups or (), self.names, strict=False) if self.kind == "words" else ()
        named = {step: word for group, word in words for step in group}
        return tuple(named.get(step, f"step {step + 1}") for step in range(steps))


def canvas(study: Study, row: int, modality: str, steps: int | None) -> Canvas:
    """What to draw the attribution of a modality on; `steps` of a sequence are real, None of a vector."""
    result = next(m for m in study.dataset.modalities if m.name == modality)
    content = study.dataset.content(row).get(modality)
    if steps is not None:
        steps_said = match(content if isinstance(content, Text) else None, steps)
        if steps_said.units is not None:
            return Canvas(
                "words",
                {"spoken": steps_said.units},
                steps_said.units,
                steps_said.groups,
                steps_said.how,
            )
        if isinstance(content, Audio):
            step = (
                len(content.samples) / content.rate / steps
                if planted.recipe_of(study.dataset) is None
                else synthesis.FRAME / synthesis.PROSODY_RATE
            )
            return Canvas(
                "waveform",
                {"samples": content.samples, "rate": content.rate, "step": step},
                tuple(f"the frame at {(t + 0.5) * step:.2f} s" for t in range(steps)),
            )
        return Canvas(
            "features", {}, tuple(f"step {t + 1}" for t in range(steps)), how=steps_said.how
        )
    values = study.dataset.features(modality, row)[0][0].astype(float)
    if (shape := grid(result)) is not None:
        spectrogram = result.feature_names[0].startswith("band, frame")
        names = (
            tuple(f"band {i // shape[1]}, frame {i % shape[1]}" for i in range(result.size))
            if spectrogram
            else result.feature_names
        )
        pixels = values.reshape(*shape, -1)
        if (colours := pixels.shape[2]) == 1:
            return Canvas("picture", {"pixels": pixels[..., 0], "spectrogram": spectrogram}, names)
        return Canvas(
            "picture",
            {"pixels": pixels.mean(2), "seen": "what the model sees, without its colours"},
            pixel_names(shape),
            tuple(map(tuple, np.arange(result.size).reshape(-1, colours).tolist())),
        )
    if isinstance(content, Series) and len(content.values) == result.size:
        return Canvas(
            "curve",
            {
                "x": content.x,
                "y": content.values,
                "x_label": content.x_label,
                "y_label": content.y_label,
            },
            result.feature_names,
        )
    return Canvas("features", {}, result.feature_names)


@dataclass(frozen=True, eq=False)
class Lane:
    """The steps of a modality on an axis that all modalities share.

    Attributes:
        modality: whose. values: what each step added (T,). width: of a step on the axis. names: of what was said, or
            of the steps, (T,). how: as of `Canvas`.
    """

    modality: str
    values: np.ndarray
    width: float
    names: tuple[str, ...]
    how: str = ""


def sequences(study: Study, term: str = attribution.SCORE) -> tuple[str, ...]:
    """The modalities that are sequences and that a term is of."""
    return tuple(
        modality.name
        for modality in study.dataset.modalities
        if modality.is_sequence and (term == attribution.SCORE or modality.name in split_term(term))
    )


def rates(study: Study, modalities: Sequence[str]) -> dict[str, float]:
    """Steps a second, of those modalities whose rate is known."""
    return {
        modality.name: modality.rate
        for modality in study.dataset.modalities
        if modality.name in modalities and modality.rate is not None
    }


def lanes(study: Study, row: int, attributions: Sequence[attribution.Attribution]) -> list[Lane]:
    """Attributions of sequences on one axis: seconds where the rates of all are known, else percent of each one's
    length."""
    names = [one.modality for one in attributions]
    known = rates(study, names)
    timed = len(known) == len(names)
    drawn = [canvas(study, row, one.modality, len(one.units)) for one in attributions]
    return [
        Lane(
            one.modality,
            one.units,
            1 / known[one.modality] if timed else 100 / len(one.units),
            place.step_names(len(one.units)),
            place.how,
        )
        for one, place in zip(attributions, drawn, strict=True)
    ]


def grid(modality: Modality) -> tuple[int, int] | None:
    """The (h, w) of features that are pixels, three numbers each where they are coloured, or cells of a spectrogram,
    told by shape or names; None of others."""
    if modality.shape is not None:
        spec = InputSpec(modality.size, modality.is_sequence, modality.shape)
        return (modality.shape[0], modality.shape[1]) if spec.pictured else None
    cells = [
        (int(place[1]), int(place[2]))
        for place in map(_CELL.fullmatch, modality.feature_names)
        if place
    ]
    if len(cells) < len(modality.feature_names):
        return None
    h, w = 1 + np.max(cells, 0)
    return (int(h), int(w)) if cells == list(np.ndindex(h, w)) else None


def frame(study: Study, row: int, result: attribution.Attribution) -> pd.DataFrame:
    """One row a feature, or a feature and step: its value and what it added."""
    modality = next(m for m in study.dataset.modalities if m.name == result.modality)
    values = study.dataset.features(result.modality, row)[0][0]
    names = np.array(modality.feature_names, dtype=object)
    about = {
        "sample": str(study.dataset.ids[row]),
        "modality": result.modality,
        "term": study.quantity if result.term == attribution.SCORE else result.term,
        "unit": study.unit_of(result.output),
        "baseline": result.baseline,
        "background": study.background.name,
        "method": result.method,
    }
    if result.values.ndim == 1:
        return pd.DataFrame(
            about | {"feature": names, "feature_value": values, "attribution": result.values}
        )
    T, F = result.values.shape
    return pd.DataFrame(
        about
        | {
            "step": np.repeat(np.arange(1, T + 1), F),
            "feature": np.tile(names, T),
            "feature_value": values[:T].ravel(),
            "attribution": result.values.ravel(),
        }
    )


# What a sample shows over its seconds: pictures, sound and words of its recording, and what the steps of each
# modality did at their places, on one axis of time.
#
# Steps stand where the data set says by their rates, where words with known times are said, or, where nothing says
# it, spread evenly over the sample; what is spread is called so.

MAX_STEPS = 240  # of a modality that are drawn: of longer ones neighbours are added up


@dataclass(frozen=True, eq=False)
class Source:
    """What there is to see and hear of a sample.

    Attributes:
        clip: its recording, where one is joined. film, audio: that the data set holds itself.
        problem: why its recording cannot be opened; empty where it can, or where there is none.
    """

    clip: Clip | None = None
    film: Film | None = None
    audio: Audio | None = None
    problem: str = ""

    @property
    def is_timed(self) -> bool:
        """Whether it has an axis of time."""
        return (
            self.film is not None
            or self.audio is not None
            or (self.clip is not None and self.clip.kind != "image")
        )


def source(dataset: DataSet, row: int) -> Source:
    """Returns what there is to see and hear of a row: its recording, else what the set holds."""
    try:
        clip, problem = dataset.clip_of(row), ""
    except QFusionError as error:
        clip, problem = None, str(error)
    if clip is not None:
        return Source(clip)
    pieces = list(dataset.content(row).values())
    return Source(
        None,
        next((piece for piece in pieces if isinstance(piece, Film)), None),
        next((piece for piece in pieces if isinstance(piece, Audio)), None),
        problem,
    )


@dataclass(frozen=True, eq=False)
class Steps:
    """What the steps of a modality added, at their places.

    Attributes:
        modality: whose.
        starts, ends: of the steps in seconds, (T,).
        terms: by term what each step added, (T,): the modality's own and its joint ones, or the output.
        names: of the steps, (T,). spread: whether they are spread evenly, since nothing says when they were.
        error: by which the terms miss what they share out, at most, in units of the output.
        by_words: whether they stand where the words do.
    """

    modality: str
    starts: np.ndarray
    ends: np.ndarray
    terms: dict[str, np.ndarray]
    names: tuple[str, ...]
    spread: bool
    error: float
    by_words: bool = False

    @property
    def total(self) -> np.ndarray:
        """All terms together, (T,)."""
        return np.asarray(sum(self.terms.values()))

    @property
    def peak(self) -> int:
        """The step that did most."""
        return int(np.abs(self.total).argmax())


@dataclass(frozen=True, eq=False)
class Strip:
    """A sample over its seconds.

    Attributes:
        preview: what is seen and heard.
        words: with their times. spread: whether these are spread evenly, as nobody says when each was said.
        lanes: of every modality with steps.
    """

    preview: clips.Preview
    words: tuple[Word, ...]
    spread: bool
    lanes: tuple[Steps, ...]


def preview_of(result: Source) -> clips.Preview:
    """Returns what is seen and heard of a sample.

    Raises:
        QFusionError: when its recording cannot be read.
    """
    if result.clip is not None:
        return clips.preview(result.clip)
    film, audio = result.film, result.audio
    seconds = max(
        0.0 if film is None else len(film.frames) / film.rate,
        0.0 if audio is None else len(audio.samples) / audio.rate,
    )
    return clips.Preview(seconds, **clips.strip_of(film, audio))


def words_of(dataset: DataSet, row: int, clip: Clip | None, seconds: float) -> tuple[Word, ...]:
    """Returns the words of a sample with their times, where they are known, else spread over its seconds by letters."""
    if clip is not None and clip.words:
        return clip.words
    pieces = dataset.content(row).values()
    return media.spread(
        next((piece.text for piece in pieces if isinstance(piece, Text)), ""), 0.0, seconds
    )


@default_on_error(None)
def _stamp(study: Study, row: int, *_: Any, **__: Any) -> Hashable:
    """What tells a recording that was changed: asked with every look at the strip, so without the set's own content."""
    clip = study.dataset.clip_of(row)
    return None if clip is None else (clip, written(clip.path))


@memo(24, says="Looking through the recording …", stamp=_stamp)
def strip(
    study: Study,
    row: int,
    output: int,
    baseline: str = "mean",
    other: str = "",
    method: str = attribution.INTEGRATED,
) -> Strip:
    """Returns a sample over its seconds; the options are those of `attribute`.

    Raises:
        QFusionError: when its recording cannot be read.
    """
    result = source(study.dataset, row)
    preview = preview_of(result)
    words = words_of(study.dataset, row, result.clip, preview.seconds)
    known = result.clip is not None and bool(result.clip.words)
    lanes = []
    for modality in study.dataset.modalities:
        shape = _bands(modality)
        if modality.name not in study.modalities or not (modality.is_sequence or shape):
            continue
        every = terms(study, modality.name)
        parts = {
            term: attribute(study, row, modality.name, term, output, baseline, other, method)
            for term in every[1:] or every
        }
        values = {
            term: part.values.reshape(shape).sum(0) if shape else part.units
            for term, part in parts.items()
        }
        error = max(part.error for part in parts.values())
        lanes.append(_placed(study, row, modality, values, preview.seconds, words, known, error))
    return Strip(preview, words, not known, tuple(lanes))


def _bands(modality: Modality) -> tuple[int, int] | None:
    """The (bands, frames) of a vector that is a spectrogram, which has steps too."""
    if modality.is_sequence or not modality.feature_names[0].startswith("band, frame"):
        return None
    return grid(modality)


def _placed(
    study: Study,
    row: int,
    modality: Modality,
    terms: dict[str, np.ndarray],
    seconds: float,
    words: tuple[Word, ...],
    known: bool,
    error: float,
) -> Steps:
    """The steps of a modality at their places; `known` is whether it is known when the words were."""
    count = len(next(iter(terms.values())))
    drawn = canvas(study, row, modality.name, count if modality.is_sequence else None)
    edges, spread, by_words = np.linspace(0, seconds, count + 1), True, False
    starts, ends = edges[:-1].copy(), edges[1:].copy()
    if drawn.kind == "words" and drawn.groups and len(drawn.groups) == len(words):
        spread, by_words = not known, True
        for word, group in zip(words, drawn.groups, strict=True):
            cuts = np.linspace(word.start, word.end, len(group) + 1)
            starts[list(group)], ends[list(group)] = cuts[:-1], cuts[1:]
    elif modality.rate is not None or planted.recipe_of(study.dataset) is not None:
        step = 1 / modality.rate if modality.rate else drawn.parts.get("step")
        if step:
            starts, spread = np.arange(count) * step, False
            ends = starts + step
    return _fewer(
        Steps(modality.name, starts, ends, terms, drawn.step_names(count), spread, error, by_words)
    )


def _fewer(steps: Steps) -> Steps:
    """At most MAX_STEPS steps: neighbours added up."""
    count = len(steps.starts)
    if count <= MAX_STEPS:
        return steps
    begins = np.arange(0, count, -(-count // MAX_STEPS))
    last = np.append(begins[1:], count) - 1
    return replace(
        steps,
        starts=steps.starts[begins],
        ends=steps.ends[last],
        terms={term: np.add.reduceat(values, begins) for term, values in steps.terms.items()},
        names=tuple(
            f"{steps.names[a]} to {steps.names[b]}" for a, b in zip(begins, last, strict=True)
        ),
    )


def peak_words(lane: Steps) -> str:
    """When the largest step of a modality was."""
    return f"at {'about ' if lane.spread else ''}{lane.starts[lane.peak]:.2f} s"


def placing(result: Strip) -> str:
    """What is spread evenly, in sentences that follow others."""
    spread = [text.plain(lane.modality) for lane in result.lanes if lane.spread]
    as_words = ", as its words are." if any(lane.by_words for lane in result.lanes) else "."
    sentences = (
        (
            spread,
            f" Nothing says when the steps of {listed(spread)} were: they are spread over the sample{as_words}",
        ),
        (
            result.words and result.spread,
            " Nothing says when each word was said: words are spread by their letters.",
        ),
        (
            result.preview.seconds >= media.MAX_SECONDS,
            f" Of a longer recording the first {media.MAX_SECONDS:g} s stand here.",
        ),
    )
    return "".join(words for holds, words in sentences if holds)
