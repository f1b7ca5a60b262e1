"""A sample over its seconds: pictures, sound and words of its recording, and the attribution of each modality's steps,
on one time axis.

Steps are placed where the data set says by their rates, where words with known times are spoken, or, where neither is
known, spread evenly over the sample; what is spread is labelled so."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qfusion._memory_cache import file_stamp, memo
from qfusion.data import Audio, DataSet, Modality, Text, media_pictures
from qfusion.data.sample_content import Clip, Film, Preview, Word
from qfusion.data.synthetic import planted_editing
from qfusion.errors import QFusionError, default_on_error
from qfusion.explain import attribution
from qfusion.study.attribution import attribute, canvas, grid, terms
from qfusion.study.jobs import Task
from qfusion.study.study import Study

MAX_STEPS = 240  # of a modality that are drawn: of longer ones neighbours are added up


@dataclass(frozen=True, eq=False)
class Source:
    """Sources to see and hear a sample: recording, film and audio.

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
    """Return the sources to see and hear a row: its recording, or else the content of the data set."""
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
    """Contributions of the steps of a modality, with their times.

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
        """Sum of all terms, (T,)."""
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

    preview: Preview
    words: tuple[Word, ...]
    spread: bool
    lanes: tuple[Steps, ...]


def build_preview(result: Source) -> Preview:
    """Return the preview of a sample: its pictures and sound.

    Raises:
        QFusionError: when its recording cannot be read.
    """
    if result.clip is not None:
        return result.clip.preview()
    film, audio = result.film, result.audio
    seconds = 0.0
    if film is not None:
        seconds = max(seconds, len(film.frames) / film.rate)
    if audio is not None:
        seconds = max(seconds, len(audio.samples) / audio.rate)
    return Preview(seconds, **media_pictures.find_strip(film, audio))


def time_words(dataset: DataSet, row: int, clip: Clip | None, seconds: float) -> tuple[Word, ...]:
    """Return the words of a sample with their times, where they are known, else spread over its seconds by letters."""
    if clip is not None and clip.words:
        return clip.words
    pieces = dataset.content(row).values()
    return media_pictures.spread_words(
        next((piece.text for piece in pieces if isinstance(piece, Text)), ""), 0.0, seconds
    )


@default_on_error(None)
def _stamp(study: Study, row: int, *_: Any, **__: Any) -> Hashable:
    """Return a stamp that changes with the recording. It is computed at every look at the strip, so it leaves out
    the set's own content.
    """
    clip = study.dataset.clip_of(row)
    return None if clip is None else (clip, file_stamp(clip.path))


@memo(24, task=Task.READ_RECORDING, stamp=_stamp)
def strip(
    study: Study,
    row: int,
    output: int,
    baseline: str = "mean",
    other: str = "",
    method: str = attribution.INTEGRATED,
) -> Strip:
    """Return a sample over its seconds; the options are those of `attribute`.

    Raises:
        QFusionError: when its recording cannot be read.
    """
    result = source(study.dataset, row)
    preview = build_preview(result)
    words = time_words(study.dataset, row, result.clip, preview.seconds)
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
        lanes.append(
            _place_steps(study, row, modality, values, preview.seconds, words, known, error)
        )
    return Strip(preview, words, not known, tuple(lanes))


def _bands(modality: Modality) -> tuple[int, int] | None:
    """The (bands, frames) of a vector that is a spectrogram, which has steps too."""
    if modality.is_sequence or not modality.feature_names[0].startswith("band, frame"):
        return None
    return grid(modality)


def _place_steps(
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
    starts, ends = edges[:-1], edges[1:]
    if drawn.kind == "words" and len(drawn.names) == len(words):
        starts = np.array([word.start for word in words])
        ends = np.array([word.end for word in words])
        spread, by_words = not known, True
    elif modality.rate is not None or planted_editing.find_recipe(study.dataset) is not None:
        step = 1 / modality.rate if modality.rate else drawn.parts.get("step")
        if step:
            starts, spread = np.arange(count) * step, False
            ends = starts + step
    return merge_steps(
        Steps(modality.name, starts, ends, terms, drawn.step_names(count), spread, error, by_words)
    )


def merge_steps(steps: Steps) -> Steps:
    """At most MAX_STEPS steps: neighbours added up."""
    count = len(steps.starts)
    if count <= MAX_STEPS:
        return steps
    begins = np.arange(0, count, -(-count // MAX_STEPS))
    last = np.append(begins[1:], count) - 1
    terms = {term: np.add.reduceat(values, begins) for term, values in steps.terms.items()}
    names = []
    for a, b in zip(begins, last, strict=True):
        names.append(f"{steps.names[a]} to {steps.names[b]}")
    return replace(
        steps,
        starts=steps.starts[begins],
        ends=steps.ends[last],
        terms=terms,
        names=tuple(names),
    )
