"""A visitor's own sample: its input is checked, turned into features exactly like the training data, and appended to
its data set.

    mine = make(dataset, {"image": Given("drawing", png), "audio": Given("recording", wav)}, like="pair-0001")
    study = study.with_own(behind(dataset, [mine]))

What is given comes from anywhere: sizes are known before anything is decoded, and features are made by the `makers` of
the data set alone. A session file holds what was given, never features: they are made anew.
"""

import base64
import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._limits import MIB
from qfusion.data import media
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Audio, Content, no_clip
from qfusion.errors import InvalidInput, NotFound, QFusionError, translate_errors

PREFIX, SPLIT = "own-", "own"  # of their ids; what stands in the place of a part of the split
# bytes of what may be given, by kind, and what takes no more than a file of it has to
LARGEST = {"drawing": 4 * MIB, "recording": 8 * MIB, "sentence": 4_000, "clip": 64 * MIB}
LONGEST, SECONDS = (
    2_000,
    30.0,
)  # pixels of a side, to which larger pictures are made smaller; of a recording
_USUAL = {"drawing": ".png", "recording": ".wav", "clip": ".mp4"}  # endings, where none is told
# endings of what may be given, by kind
ENDINGS = {
    "drawing": (".png", ".jpg", ".jpeg"),
    "recording": (".wav", ".flac", ".ogg", ".mp3", ".m4a"),
    "clip": (".mp4", ".m4v", ".mov", ".webm", ".avi", ".wav", ".flac", ".ogg", ".mp3", ".m4a"),
}
CANVAS = 280  # pixels of a side of the canvas, see `canvas.js`
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"  # how these begin
_KEPT, _KEPT_BYTES = (
    64,
    64 * MIB,
)  # results that are remembered, and what those of them take that are samples


class Given(NamedTuple):
    """What a visitor gave: a `kind` of `Maker`, its bytes (a sentence in UTF-8), and how the name of its file ended."""

    kind: str
    data: bytes
    ending: str = ""


@dataclass(frozen=True, eq=False)
class Own:
    """A sample that a visitor made.

    Attributes:
        data: name of the data set. given: by the first of the modalities that are made of it, see `input_groups`.
        like: id of the sample of the set that has the other modalities, which are `taken` from it; empty where there
            are none.
        features: of every modality, (F,) or (T, F). content: what the model was given.
    """

    data: str
    given: Mapping[str, Given]
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
        """What it is called: `own-3fa9c1`."""
        return PREFIX + self.digest[:6]

    def fits(self, dataset: DataSet) -> bool:
        """Whether it is of a set, as that is now: one of its name may have been imported anew since."""
        return self.data == dataset.name and all(
            m.name in self.features
            and self.features[m.name].shape[-1] == m.size
            and self.features[m.name].ndim == m.values.ndim - 1
            and len(self.features[m.name]) <= m.values.shape[1]
            for m in dataset.modalities
        )

    def memo_key(self, background: bool = True) -> str:
        """What tells it from others, for results that are kept."""
        return self.digest


def input_groups(dataset: DataSet) -> dict[str, tuple[str, ...]]:
    """Returns what a visitor is asked for: by the first modality of it all that are made of it, which have makers of
    one kind and hint: the three views of one digit come from one drawing."""
    result: dict[tuple[str, str], list[str]] = {}
    for name in (name for name in dataset.names if name in dataset.makers):
        maker = dataset.makers[name]
        result.setdefault((maker.kind, maker.hint), []).append(name)
    return {names[0]: tuple(names) for names in result.values()}


def read_canvas(address: str) -> Given:
    """Returns what the canvas of a page sends, the address `data:image/png;base64,...` of a picture of its size.

    Raises:
        InvalidInput: when it is anything else, which no canvas sends.
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
    return Given("drawing", data)


class _Results:
    """What was made of what was given, the latest of all visitors: a page that is drawn again reads nothing again, and
    what was refused once is refused at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: OrderedDict[str, Own | QFusionError] = OrderedDict()

    def get(self, key: str) -> Own | None:
        """A sample that is remembered.

        Raises:
            QFusionError: that was raised then.
        """
        with self._lock:
            result = self._by_key.get(key)
            if result is not None:
                self._by_key.move_to_end(key)
        if isinstance(result, QFusionError):
            raise type(result)(str(result))
        return result

    def put(self, key: str, result: Own | QFusionError) -> None:
        """Remembers a result, and forgets the oldest where there are too many."""
        with self._lock:
            self._by_key[key] = result
            while (
                len(self._by_key) > _KEPT
                or sum(map(_memory_size, self._by_key.values())) > _KEPT_BYTES
            ):
                self._by_key.popitem(last=False)


_results = _Results()


def _memory_size(result: Own | QFusionError) -> int:
    """What a result takes in memory."""
    if isinstance(result, QFusionError):
        return 0
    contents = [vars(piece).values() for piece in result.content.values()]
    arrays = [
        *result.features.values(),
        *(value for values in contents for value in values if isinstance(value, np.ndarray)),
    ]
    return sum(array.nbytes for array in arrays) + sum(
        len(piece.data) for piece in result.given.values()
    )


def _key(dataset: DataSet, given: Mapping[str, Given], like: str) -> str:
    pieces = sorted(
        (first, piece.kind, piece.ending, hashlib.sha256(piece.data).hexdigest())
        for first, piece in given.items()
    )
    return hashlib.sha256(repr((dataset.name, dataset.digest, like, pieces)).encode()).hexdigest()


def find_made(dataset: DataSet, given: Mapping[str, Given], like: str) -> Own | None:
    """Returns what `make_sample` would, where that is remembered, else None; arguments and errors as there."""
    return _results.get(_key(dataset, given, like))


def make_sample(dataset: DataSet, given: Mapping[str, Given], like: str) -> Own:
    """Returns a sample of what was given, as the training data were made.

    It takes its time the first time: a page asks `find_made` first, and waits for its turn.

    Args:
        dataset: of which it becomes a sample.
        given: by the first of the modalities that are made of it.
        like: id of the sample of the set that other modalities are taken from.

    Raises:
        InvalidInput: when nothing is given, or what is given is too large, cannot be read, or has nothing in it.
        NotFound: when no modality of that name can be made, or there is no sample `like` it.
    """
    key = _key(dataset, given, like)
    result = _results.get(key)
    if result is None:
        try:
            result = _make_anew(dataset, given, like)
        except (InvalidInput, NotFound) as error:
            _results.put(key, error)
            raise
        _results.put(key, result)
    return result


def _make_anew(dataset: DataSet, given: Mapping[str, Given], like: str) -> Own:
    """A sample of what was given, as `make_sample`."""
    check(bool(given), "Nothing is given. Draw, speak or write something first.")
    wanted, features, content = input_groups(dataset), dict[str, np.ndarray](), dict[str, Content]()
    for first, piece in given.items():
        names = wanted[choose("What can be given for", first, wanted)]
        kind = dataset.makers[first].kind
        check(
            piece.kind == kind,
            f"For {first} a {kind} is wanted, but a {piece.kind[:40]!r} is given. Give a {kind}.",
        )
        for name in names:
            values, content[name] = _make_features(dataset.makers[name].make, piece)
            features[name] = _check_features(dataset, name, values)
    rest = [name for name in dataset.names if name not in features]
    row = dataset.row(like) if rest else 0
    check(not dataset.is_own(row), f"Sample {like!r} is a visitor's own. Name one of the data set.")
    for name in rest:
        values, lengths = dataset.features(name, row)
        features[name] = values[0] if lengths is None else values[0, : lengths[0]]
    return Own(
        dataset.name,
        dict(given),
        like if rest else "",
        {name: features[name] for name in dataset.names},
        content | {name: piece for name, piece in dataset.content(row).items() if name in rest},
        tuple(rest),
    )


def _make_features(make: Any, piece: Given) -> tuple[Any, Content]:
    """What a maker gives of what was given, once that is checked and read."""
    most = LARGEST[choose("Kind of what is given", piece.kind, LARGEST)]
    check(
        0 < len(piece.data) <= most,
        f"A {piece.kind} must have 1 to {most:,} bytes, but has {len(piece.data):,}. Give a smaller one.",
    )
    if piece.kind == "sentence":
        return make(read_sentence(piece.data))
    ending, endings = piece.ending or _USUAL[piece.kind], ENDINGS[piece.kind]
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
            return make(media.picture(path, LONGEST))
        return make(read_recording(path) if piece.kind == "recording" else path)


def _check_features(dataset: DataSet, name: str, values: Any) -> np.ndarray:
    """Features as the set has them."""
    m, array = dataset.modalities[dataset.names.index(name)], np.asarray(values, np.float32)
    shape = m.values.shape[1:]
    steps = "" if m.lengths is None else f" 1 to {shape[0]} steps of"
    fits = array.shape == shape if m.lengths is None else array.shape[1:] == shape[1:]
    check(
        fits and 0 < len(array) <= shape[0] and bool(np.isfinite(array).all()),
        f"What is given for {name} must come to{steps} {shape[-1]} finite numbers, but comes to "
        f"{' x '.join(map(str, array.shape))}. Give a shorter or a clearer one.",
    )
    return array


def read_recording(path: Path) -> Audio:
    """Returns the sound of a file at its own rate.

    Raises:
        InvalidInput: when it is no sound, is damaged, or takes more than `SECONDS`.
    """
    facts = media.probe(path)
    check(
        facts.seconds <= SECONDS,
        f"A recording must take at most {SECONDS:g} s, but takes {facts.seconds:,.1f} s. Give the part that is meant.",
    )
    return media.sound(path, rate=facts.sound or 16_000)


def read_sentence(data: bytes) -> str:
    """Returns a sentence, without what cannot be seen at its ends.

    Raises:
        InvalidInput: when it is no text in UTF-8, or empty.
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


def append_samples(dataset: DataSet, samples: Sequence[Own]) -> DataSet:
    """Returns a data set with a visitor's samples, at least one, in the rows after its last.

    The set stays what it is: its length, `rows` of every split, and `digest`. The rows behind it are in no split and
    have no truth: NaN, or the class -1.
    """
    modalities: list[Modality] = []
    for m in dataset.modalities:
        parts = [one.features[m.name] for one in samples]
        rooms = [np.subtract(m.values.shape[1:], part.shape) for part in parts]
        values = [
            np.pad(part, [(0, n) for n in room]) for part, room in zip(parts, rooms, strict=True)
        ]
        lengths = None if m.lengths is None else np.array([*map(len, parts)])
        modalities.append(replace(m, values=np.stack(values), lengths=lengths, checked=True))
    first, ids = len(dataset), np.array([one.id for one in samples])
    own = replace(
        dataset,
        modalities=tuple(modalities),
        y=np.full(len(ids), np.nan if dataset.target.kind == "regression" else -1),
        ids=ids,
        split=np.full(len(ids), SPLIT),
        table=pd.DataFrame(index=ids),
        truth=None,
        unimodal=None,
        clusters=None,
        content_of=lambda row: dict(samples[row].content),
        clip_of=no_clip,
        recorded=hashlib.sha256("".join(one.digest for one in samples).encode()).hexdigest(),
    )
    names = np.append(dataset.ids, ids)
    return replace(
        dataset,
        y=np.append(dataset.y, own.y),
        ids=names,
        split=np.append(dataset.split, own.split),
        table=dataset.table.astype(object).reindex(names),
        truth=None if dataset.truth is None else dataset.truth.reindex(names),
        unimodal=None if dataset.unimodal is None else dataset.unimodal.reindex(names),
        content_of=lambda row: (
            dataset.content_of(row) if row < first else own.content_of(row - first)
        ),
        clip_of=lambda row: dataset.clip_of(row) if row < first else None,
        clusters=None if dataset.clusters is None else dataset.clusters.append_samples(ids),
        own=own,
        recorded=dataset.digest,
    )
