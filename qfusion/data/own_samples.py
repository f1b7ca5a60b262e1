"""A visitor's own sample: its inputs are checked, then converted to features as the training data were.

    inputs = {"image": OwnInput("drawing", png), "audio": OwnInput("recording", wav)}
    sample = make_sample(dataset, inputs, like="pair-0001")
    study = study.with_user_samples(append_samples(dataset, [sample]))

Inputs are untrusted: sizes are checked before anything is decoded, and only the `feature_transforms` of the data set
compute features.
"""

import base64
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._limits import MIB
from qfusion._memory_cache import CACHE
from qfusion.data import media_files, media_pictures
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Audio, Clip, Content, no_clip
from qfusion.errors import InvalidInput, NotFound, QFusionError, translate_errors

MAX_BYTES = {
    "drawing": 4 * MIB,
    "recording": 8 * MIB,
    "sentence": 4_000,
    "clip": 64 * MIB,
}  # by kind
MAX_SIDE = 2_000  # pixels; larger pictures are scaled down
MAX_SECONDS = 30.0  # of a recording
_DEFAULT_ENDINGS = {"drawing": ".png", "recording": ".wav", "clip": ".mp4"}
ENDINGS = {
    "drawing": (".png", ".jpg", ".jpeg"),
    "recording": (".wav", ".flac", ".ogg", ".mp3", ".m4a"),
    "clip": (".mp4", ".m4v", ".mov", ".webm", ".avi", ".wav", ".flac", ".ogg", ".mp3", ".m4a"),
}
CANVAS = 280  # pixels of a side of the canvas in the browser, see `canvas.js`
_PNG = b"\x89PNG\r\n\x1a\n"  # first bytes of a file
_JPEG = b"\xff\xd8"


class OwnInput(NamedTuple):
    """An input of a visitor: a `kind` of `FeatureTransform`, its bytes (a sentence in UTF-8), and the ending of its
    file."""

    kind: str
    data: bytes
    ending: str = ""


def read_canvas(address: str) -> OwnInput:
    """Return the drawing on the canvas of a page from its address `data:image/png;base64,...`.

    Raises:
        InvalidInput: when the address is not that of a PNG of CANVAS x CANVAS pixels.
    """
    begin = "data:image/png;base64,"
    with translate_errors(
        "What the canvas sent is no picture of it",
        "Clear it and draw again.",
        ValueError,
        why="{words:.80}",
    ):
        if not isinstance(address, str) or not address.startswith(begin):
            raise ValueError("no address of a PNG")
        data = base64.b64decode(address.removeprefix(begin), validate=True)
        sides = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
        if data[:8] != _PNG or data[12:16] != b"IHDR" or sides != [CANVAS, CANVAS]:
            raise ValueError(f"no PNG of {CANVAS} x {CANVAS} pixels")
    return OwnInput("drawing", data)


def make_features(make: Any, piece: OwnInput) -> tuple[Any, Content]:
    """Return features and content that a transform computes from an input, which is checked first."""
    most = MAX_BYTES[choose("Kind of what is given", piece.kind, MAX_BYTES)]
    check(
        0 < len(piece.data) <= most,
        f"A {piece.kind} must have 1 to {most:,} bytes, but has {len(piece.data):,}. Give a smaller one.",
    )
    if piece.kind == "sentence":
        return make(read_sentence(piece.data))
    ending = piece.ending or _DEFAULT_ENDINGS[piece.kind]
    endings = ENDINGS[piece.kind]
    check(
        ending in endings,
        f"A {piece.kind} must not end in {ending[:20]!r}. Convert it to one of {', '.join(endings)}.",
    )
    check(
        piece.kind != "drawing" or bool(piece.ending) or not piece.data.startswith(_JPEG),
        "A drawing whose ending is not told must be a PNG, but is a JPEG. Upload it as a file.",
    )
    with tempfile.TemporaryDirectory(prefix="qfusion-") as folder:
        path = Path(folder) / f"given{ending}"
        path.write_bytes(piece.data)
        if piece.kind == "drawing":
            return make(media_pictures.read_picture(path, MAX_SIDE))
        if piece.kind == "recording":
            return make(read_recording(path))
        return make(path)


def read_recording(path: Path) -> Audio:
    """Return the sound of a file at its own rate.

    Raises:
        InvalidInput: when it is no sound, is damaged, or takes more than `MAX_SECONDS`.
    """
    with media_files.open_media(path) as container:
        seconds = media_files.read_duration(container, path)
        rate = next((int(stream.rate) for stream in container.streams.audio), 0)
    check(
        seconds <= MAX_SECONDS,
        f"A recording must take at most {MAX_SECONDS:g} s, but takes {seconds:,.1f} s. "
        "Give the relevant part.",
    )
    return media_files.read_sound(path, rate=rate or 16_000)


def read_sentence(data: bytes) -> str:
    """Return a sentence with single spaces between its words.

    Raises:
        InvalidInput: when the bytes are no text in UTF-8, or empty.
    """
    with translate_errors(
        "The sentence is no text in UTF-8", "Write it again.", UnicodeDecodeError
    ):
        words = " ".join(data.decode().split())
    check(
        words != "" and words.isprintable(),
        "The sentence is empty, or holds signs that cannot be seen. Write it again.",
    )
    return words


PREFIX = "own-"  # of the ids of these samples
KEPT = 64  # latest samples and errors of all visitors, so that a page that runs again decodes nothing again


@dataclass(frozen=True, eq=False)
class OwnSample:
    """A sample that a visitor made.

    Attributes:
        data: name of the data set.
        given: inputs, by the first of the modalities that are computed from each, see `input_groups`.
        like: id of the sample of the set that supplies the other modalities; empty if there are none.
        features: by modality, (F,) or (T, F).
        content: by modality, to show.
        taken: names of the modalities that are copied from the sample `like`.
    """

    data: str
    given: Mapping[str, OwnInput]
    like: str
    features: Mapping[str, np.ndarray] = field(repr=False)
    content: Mapping[str, Content] = field(repr=False)
    taken: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its features, in hex."""
        features = (
            f"\0{name} {values.shape} ".encode() + values.tobytes()
            for name, values in self.features.items()
        )
        return hashlib.sha256(b"".join([self.data.encode(), *features])).hexdigest()

    @property
    def id(self) -> str:
        """The id of the sample, such as `own-3fa9c1`."""
        return PREFIX + self.digest[:6]

    def fits(self, dataset: DataSet) -> bool:
        """Whether the features fit a set, which may have been imported again since."""
        return self.data == dataset.name and all(
            m.name in self.features
            and self.features[m.name].shape[-1] == m.size
            and self.features[m.name].ndim == m.values.ndim - 1
            and len(self.features[m.name]) <= m.values.shape[1]
            for m in dataset.modalities
        )

    @property
    def nbytes(self) -> int:
        """Bytes in memory: of features, content and inputs."""
        size = sum(values.nbytes for values in self.features.values())
        for content in self.content.values():
            arrays = (value for value in vars(content).values() if isinstance(value, np.ndarray))
            size += sum(array.nbytes for array in arrays)
        return size + sum(len(piece.data) for piece in self.given.values())

    def memo_key(self, background: bool = True) -> str:
        """A key of the sample for caches."""
        return self.digest


def input_groups(dataset: DataSet) -> dict[str, tuple[str, ...]]:
    """Return the modalities that are computed from one input, by the first of them.

    Modalities whose transforms have the same kind and hint share an input, such as three views of a drawn digit.
    """
    result: dict[tuple[str, str], list[str]] = {}
    for name in (name for name in dataset.names if name in dataset.feature_transforms):
        transform = dataset.feature_transforms[name]
        result.setdefault((transform.kind, transform.hint), []).append(name)
    return {names[0]: tuple(names) for names in result.values()}


def _key(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> str:
    pieces = sorted(
        (first, piece.kind, piece.ending, hashlib.sha256(piece.data).hexdigest())
        for first, piece in given.items()
    )
    return hashlib.sha256(repr((dataset.name, dataset.digest, like, pieces)).encode()).hexdigest()


def find_sample(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample | None:
    """Return the result of `make_sample` if it is cached, else None; arguments and errors as there."""
    result = CACHE.get(make_sample, _key(dataset, given, like))
    if isinstance(result, QFusionError):
        raise type(result)(str(result))
    return cast("OwnSample | None", result)


def make_sample(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample:
    """Return a sample whose features are computed from inputs as those of the training data.

    The first call for an input is slow; `find_sample` returns a cached result.

    Args:
        dataset: the data set of the sample.
        given: inputs, by the first of the modalities that are computed from each.
        like: id of the sample of the set that supplies the other modalities.

    Raises:
        InvalidInput: when there is no input, or one is too large, empty, or cannot be decoded.
        NotFound: when no modality of that name can be computed, or no sample has the id `like`.
    """
    result = find_sample(dataset, given, like)
    if result is None:
        key = _key(dataset, given, like)
        try:
            result = _make_anew(dataset, given, like)
        except (InvalidInput, NotFound) as error:
            CACHE.put(make_sample, key, error, KEPT)
            raise
        CACHE.put(make_sample, key, result, KEPT)
    return result


def _make_anew(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample:
    """Return a sample, see `make_sample`."""
    check(bool(given), "Nothing is given. Draw, speak or write something first.")
    wanted = input_groups(dataset)
    features: dict[str, np.ndarray] = {}
    content: dict[str, Content] = {}
    for first, piece in given.items():
        names = wanted[choose("What can be given for", first, wanted)]
        kind = dataset.feature_transforms[first].kind
        check(
            piece.kind == kind,
            f"For {first} a {kind} is wanted, but a {piece.kind[:40]!r} is given. Give a {kind}.",
        )
        for name in names:
            values, content[name] = make_features(dataset.feature_transforms[name].make, piece)
            features[name] = _check_features(dataset, name, values)
    rest = [name for name in dataset.names if name not in features]
    row = dataset.row(like) if rest else 0
    check(not dataset.is_own(row), f"Sample {like!r} is a visitor's own. Name one of the data set.")
    for name in rest:
        values, lengths = dataset.features(name, row)
        features[name] = values[0] if lengths is None else values[0, : lengths[0]]
    for name, value in dataset.content(row).items():
        if name in rest:
            content[name] = value
    return OwnSample(
        data=dataset.name,
        given=dict(given),
        like=like if rest else "",
        features={name: features[name] for name in dataset.names},
        content=content,
        taken=tuple(rest),
    )


def _check_features(dataset: DataSet, name: str, values: Any) -> np.ndarray:
    """Return features as an array, checked against the shape of the modality."""
    m = dataset.modalities[dataset.names.index(name)]
    array = np.asarray(values, np.float32)
    shape = m.values.shape[1:]
    steps = "" if m.lengths is None else f" 1 to {shape[0]} steps of"
    fits = array.shape == shape if m.lengths is None else array.shape[1:] == shape[1:]
    check(
        fits and 0 < len(array) <= shape[0] and bool(np.isfinite(array).all()),
        f"What is given for {name} must come to{steps} {shape[-1]} finite numbers, but comes to "
        f"{' x '.join(map(str, array.shape))}. Give a shorter or a clearer one.",
    )
    return array


SPLIT = "own"  # entry in `split` of these rows


def append_samples(dataset: DataSet, samples: Sequence[OwnSample]) -> DataSet:
    """Return a data set with a visitor's samples in the rows after its last.

    The length of the set, its `rows` of every split and its `digest` do not change. The appended rows are in no split
    and have no target: NaN, or the class -1.

    Args:
        dataset: the data set.
        samples: at least one sample of the set.
    """
    modalities: list[Modality] = []
    for m in dataset.modalities:
        parts = [sample.features[m.name] for sample in samples]
        values = np.stack([_pad(part, m.values.shape[1:]) for part in parts])
        lengths = None if m.lengths is None else np.array([len(part) for part in parts])
        modalities.append(replace(m, values=values, lengths=lengths, checked=True))
    ids = np.array([sample.id for sample in samples])
    digests = "".join(sample.digest for sample in samples)
    no_target = np.nan if dataset.target.kind == "regression" else -1
    own = replace(
        dataset,
        modalities=tuple(modalities),
        y=np.full(len(ids), no_target),
        ids=ids,
        split=np.full(len(ids), SPLIT),
        table=pd.DataFrame(index=ids),
        truth=None,
        unimodal=None,
        clusters=None,
        content_of=lambda row: dict(samples[row].content),
        clip_of=no_clip,
        recorded=hashlib.sha256(digests.encode()).hexdigest(),
    )
    first = len(dataset)
    names = np.append(dataset.ids, ids)

    def content_of(row: int) -> dict[str, Content]:
        return dataset.content_of(row) if row < first else own.content_of(row - first)

    def clip_of(row: int) -> Clip | None:
        return dataset.clip_of(row) if row < first else None

    def append_empty_rows(table: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if table is None else table.reindex(names)

    return replace(
        dataset,
        y=np.append(dataset.y, own.y),
        ids=names,
        split=np.append(dataset.split, own.split),
        table=dataset.table.astype(object).reindex(names),
        truth=append_empty_rows(dataset.truth),
        unimodal=append_empty_rows(dataset.unimodal),
        content_of=content_of,
        clip_of=clip_of,
        clusters=None if dataset.clusters is None else dataset.clusters.append_samples(ids),
        own=own,
        recorded=dataset.digest,
    )


def _pad(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return values padded with zeros at the end of each axis."""
    return np.pad(values, [(0, size - n) for size, n in zip(shape, values.shape, strict=True)])
