"""Extractors: from a voice, pictures or words to features, the same way for a folder of recordings and, later, for what
a visitor gives.

An extractor is a class with a version, settings and names of features; what it is called with gives steps (T, F). What
it was is recorded with the set (`record_of`), which is all that it takes to make it again (`begun`). Nothing is ever
downloaded: weights are files that somebody names, checked against their digest, and read as numbers, not as programs.

A file is read in a process of its own (`serve`), which may be killed.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from qfusion._checks import check, choose, require_number
from qfusion.data import files, media, staged_set
from qfusion.data._mat_child import limit
from qfusion.data.modality import Audio, Content, Film, Image, Maker, Modality, Text
from qfusion.errors import DataUnavailable, IntegrityError, QFusionError, provided, refused

SAMPLES = 16_000  # a second, of every voice
HOP = 160  # samples between two looks at a voice: 10 ms
MAX_WORDS = 2_000  # of a sample
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet's colours, in 0..1
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_TOGETHER = 16  # pictures that a network sees at once
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # letters that are words
_WORD = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+")
# The expressions that MediaPipe's face landmarker measures, in its order.
_SIDED = (
    "browDown browOuterUp cheekSquint eyeBlink eyeLookDown eyeLookIn eyeLookOut eyeLookUp eyeSquint eyeWide "
    "mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch mouthUpperUp noseSneer"
)
_WHOLE = (
    "browInnerUp cheekPuff jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker "
    "mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper"
)
_EXPRESSIONS = (
    "neutral",  # the others by the alphabet
    *sorted(
        [f"{name}{side}" for name in _SIDED.split() for side in ("Left", "Right")] + _WHOLE.split()
    ),
)

Setting = (
    tuple[float, float, float] | str
)  # default, least and most; or a text, empty where it has to be given


class Extractor:
    """What makes the features of a modality.

    Attributes:
        version: is raised when the same settings begin to give other numbers.
        settings: what may be chosen.
        packages: that it needs, as they are installed.
        terms: of these, where they bind whoever uses the features.
        weights: the setting that is the path of a file or folder of weights; empty where there are none.
        names: of the F features.
    """

    version: ClassVar[int] = 1
    settings: ClassVar[Mapping[str, Setting]] = {}
    packages: ClassVar[tuple[str, ...]] = ()
    terms: ClassVar[str] = ""
    weights: ClassVar[str] = ""
    names: tuple[str, ...] = ()

    def __init__(self, chosen: Mapping[str, Any]):
        self.chosen = chosen

    def __call__(self, given: Any) -> np.ndarray:
        """Returns features (T, F) of an `Audio` at SAMPLES, a `Film` of pictures (T, h, w, 3), or of words."""
        raise NotImplementedError


# A voice. Steps are means over 1 / rate seconds of what is measured every 10 ms.


class Spectrum(Extractor):
    """Log-mel bands, MFCC, pitch by YIN (de Cheveigné and Kawahara 2002) and energy, by librosa."""

    settings: ClassVar = {
        "rate": (20.0, 1.0, 50.0),
        "bands": (40, 8, 128),
        "coefficients": (13, 1, 40),
    }
    packages: ClassVar = ("librosa",)

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        import librosa

        self._librosa = librosa
        self.names = (
            *(f"log-mel {k + 1}" for k in range(chosen["bands"])),
            *(f"MFCC {k + 1}" for k in range(chosen["coefficients"])),
            *("pitch (octaves over 100 Hz)", "pitch is heard", "energy (dB)"),
        )

    def __call__(self, given: Audio) -> np.ndarray:
        """Returns features (T, F)."""
        lib, y = self._librosa, np.pad(given.samples, (0, max(0, 1024 - len(given.samples))))
        power = lib.feature.melspectrogram(
            y=y, sr=SAMPLES, n_fft=512, hop_length=HOP, n_mels=self.chosen["bands"], fmin=50
        )
        mel = lib.power_to_db(power, amin=1e-10, top_db=None)
        cepstrum = lib.feature.mfcc(S=mel, n_mfcc=self.chosen["coefficients"])
        pitch = lib.yin(y, fmin=60, fmax=500, sr=SAMPLES, frame_length=1024, hop_length=HOP)
        loudness = lib.feature.rms(y=y, frame_length=512, hop_length=HOP)[0]
        energy = 20 * np.log10(loudness + 1e-5)
        # a place where YIN finds no period is given the highest or lowest pitch that was allowed
        heard = (energy > -60) & (pitch > 62) & (pitch < 480)
        octaves = np.where(heard, np.log2(pitch / 100), 0.0)
        measured = np.vstack([mel, cepstrum, octaves, heard, energy]).T
        seconds = max(len(given.samples), 1) / SAMPLES
        return averaged(
            measured, np.arange(len(measured)) * HOP / SAMPLES, self.chosen["rate"], seconds
        )


class Egemaps(Extractor):
    """The low-level descriptors of eGeMAPS v02 (Eyben and others 2016), by openSMILE."""

    settings: ClassVar = {"rate": (20.0, 1.0, 50.0)}
    packages: ClassVar = ("opensmile",)
    terms: ClassVar = "openSMILE is free for private, research and educational use only."

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        opensmile: Any = importlib.import_module("opensmile")
        self._smile = opensmile.Smile(
            opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
        )
        self.names = tuple(self._smile.feature_names)

    def __call__(self, given: Audio) -> np.ndarray:
        """Returns features (T, F)."""
        frame = self._smile.process_signal(given.samples, given.rate)
        times = frame.index.get_level_values("start").total_seconds().to_numpy()
        values = np.nan_to_num(frame.to_numpy(np.float64))
        return averaged(values, times, self.chosen["rate"], len(given.samples) / given.rate)


def averaged(values: np.ndarray, times: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """Returns means (T, F) over 1 / rate seconds each of values (n, F) at ascending times (n,) from 0 to `seconds`; a
    step that has none is as the one before."""
    steps = max(1, int(np.ceil(seconds * rate - 1e-6)))
    edges = np.searchsorted(times, np.arange(steps + 1) / rate - 1e-9)
    sums = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, 0, dtype=np.float64)])
    # with no value of its own, a step takes the last one
    low, high = np.minimum(edges[:-1], len(values) - 1), np.minimum(edges[1:], len(values))
    low = np.where(high > low, low, np.maximum(high - 1, 0))
    high = np.maximum(high, low + 1)
    return (sums[high] - sums[low]) / (high - low)[:, None]


# Pictures: a step a picture.


class Hog(Extractor):
    """Histograms of oriented gradients (Dalal and Triggs 2005), colours and how much changes, by scikit-image."""

    settings: ClassVar = {"rate": (5.0, 0.2, 30.0), "side": (64, 16, 256), "grid": (4, 1, 8)}
    packages: ClassVar = ("scikit-image",)

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        from skimage.feature import hog

        self._hog, grid = hog, range(chosen["grid"])
        self.names = (
            *(
                f"edges {r + 1},{c + 1} at {22.5 * o:g}°"
                for r in grid
                for c in grid
                for o in range(8)
            ),
            *(
                f"{colour} {r + 1},{c + 1}"
                for colour in ("red", "green", "blue")
                for r in (0, 1)
                for c in (0, 1)
            ),
            *("contrast", "saturation", "change"),
        )

    def __call__(self, given: Film) -> np.ndarray:
        """Returns features (T, F)."""
        side, grid = self.chosen["side"], self.chosen["grid"]
        pictures = scaled(given.frames, side).astype(np.float32) / 255
        greys = pictures.mean(-1)
        edges = [
            self._hog(
                grey,
                orientations=8,
                pixels_per_cell=(side // grid, side // grid),
                cells_per_block=(1, 1),
                feature_vector=False,
            )[:grid, :grid].ravel()
            for grey in greys
        ]
        half = side // 2
        quarters = pictures[:, : 2 * half, : 2 * half].reshape(-1, 2, half, 2, half, 3).mean((2, 4))
        change = np.abs(np.diff(greys, axis=0, prepend=greys[:1])).mean((1, 2))
        saturation = (pictures.max(-1) - pictures.min(-1)).mean((1, 2))
        return np.column_stack(
            [
                edges,
                quarters.transpose(0, 3, 1, 2).reshape(-1, 12),
                greys.std((1, 2)),
                saturation,
                change,
            ]
        )


class Expressions(Extractor):
    """The 52 expressions (blendshapes) of a face, by MediaPipe's face landmarker; zeros where it sees none."""

    settings: ClassVar = {"rate": (5.0, 0.2, 30.0), "side": (256, 64, 1024), "model": ""}
    packages: ClassVar = ("mediapipe",)
    weights: ClassVar = "model"
    names = ("a face is seen", *_EXPRESSIONS)

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        self._mediapipe: Any = importlib.import_module("mediapipe")
        mediapipe, vision = self._mediapipe, self._mediapipe.tasks.vision
        with unreadable(chosen["model"]):
            base = mediapipe.tasks.BaseOptions(
                model_asset_buffer=Path(chosen["model"]).read_bytes()
            )
            options = vision.FaceLandmarkerOptions(base_options=base, output_face_blendshapes=True)
            self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def __call__(self, given: Film) -> np.ndarray:
        """Returns features (T, F)."""
        values = np.zeros((len(given.frames), len(self.names)))
        for row, pixels in zip(values, given.frames, strict=True):
            image = self._mediapipe.Image(
                image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)
            )
            for face in self._landmarker.detect(image).face_blendshapes[:1]:
                row[:] = [1, *(shape.score for shape in face)]
        return values


class Network(Extractor):
    """What a network of torchvision makes of a picture before it decides, from a file of weights in a folder."""

    settings: ClassVar = {
        "rate": (2.0, 0.2, 30.0),
        "side": (224, 32, 512),
        "folder": "",
        "model": "",
    }
    packages: ClassVar = ("torchvision",)
    weights: ClassVar = "folder"

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        import torch
        from safetensors.torch import load_file

        models: Any = importlib.import_module("torchvision.models")
        torch.set_num_threads(1)
        with unreadable(chosen["folder"]):
            path = next(
                p
                for p in weights_of(chosen["folder"])
                if p.suffix in (".safetensors", ".pth", ".pt")
            )
            tensors = (
                load_file(path)
                if path.suffix == ".safetensors"
                else torch.load(path, map_location="cpu", weights_only=True)
            )
            self._torch, self._net = torch, models.get_model(chosen["model"], weights=None)
            self._net.load_state_dict(tensors)
        # what decides is called so in one or the other of its models
        for name in {"fc", "classifier", "heads", "head"} & {
            name for name, _ in self._net.named_children()
        }:
            setattr(self._net, name, torch.nn.Identity())
        self._net.eval()
        self.names = numbered(len(self._seen(np.zeros((1, 224, 224, 3), np.uint8))[0]))

    def __call__(self, given: Film) -> np.ndarray:
        """Returns features (T, F)."""
        return np.concatenate([self._seen(part) for part in _batches(given.frames)])

    def _seen(self, pictures: np.ndarray) -> np.ndarray:
        values = scaled(pictures, self.chosen["side"]).astype(np.float32) / 255
        # as those that are trained on ImageNet are given them
        values = (values - _MEAN) / _DEVIATION
        with self._torch.inference_mode():
            out = self._net(self._torch.from_numpy(values.transpose(0, 3, 1, 2).copy()))
        return np.asarray(out.flatten(1))


class PictureTransformer(Extractor):
    """The last hidden states of a vision model of transformers, averaged over a picture; from a folder."""

    settings: ClassVar = {"rate": (2.0, 0.2, 30.0), "side": (224, 32, 512), "folder": ""}
    packages: ClassVar = ("transformers",)
    weights: ClassVar = "folder"

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        transformers: Any = importlib.import_module("transformers")
        with unreadable(chosen["folder"]):
            self._prepare = transformers.AutoImageProcessor.from_pretrained(
                chosen["folder"], local_files_only=True, trust_remote_code=False
            )
        self._states = _hidden_states(chosen["folder"])
        self.names = numbered(self(Film(np.zeros((1, 64, 64, 3), np.uint8), 1.0)).shape[1])

    def __call__(self, given: Film) -> np.ndarray:
        """Returns features (T, F)."""
        return np.concatenate(
            [
                # (B, tokens, F), or (B, F, h, w) of convolutions
                states.mean(1) if states.ndim == 3 else states.mean((2, 3))
                for part in _batches(given.frames)
                for states in [self._states(**self._prepare(list(part), return_tensors="pt"))]
            ]
        )


# Words: a step a word.


class Ngrams(Extractor):
    """Words, where wanted several in a row, and characters in a row, hashed into so many numbers of length one."""

    settings: ClassVar = {"size": (128, 16, 4096), "words": (1, 1, 4), "letters": (4, 1, 8)}
    packages: ClassVar = ("scikit-learn",)

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        from sklearn.feature_extraction import FeatureHasher

        self._hasher = FeatureHasher(chosen["size"], input_type="string")
        self.names = tuple(f"hash {k + 1}" for k in range(chosen["size"]))

    def __call__(self, given: Sequence[str]) -> np.ndarray:
        """Returns features (T, F)."""
        plain = [re.sub(r"\W+", "", word.casefold()) or word for word in given]
        values = self._hasher.transform(
            self._grams(plain, at) for at in range(len(plain))
        ).toarray()
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)

    def _grams(self, words: Sequence[str], at: int) -> Iterator[str]:
        """What is hashed of a word: it with those before it, and its parts."""
        for count in range(1, min(self.chosen["words"], at + 1) + 1):
            yield f"words {' '.join(words[at + 1 - count : at + 1])}"
        framed = f"<{words[at]}>"
        for size in range(2, self.chosen["letters"] + 1):
            yield from (framed[place : place + size] for place in range(len(framed) - size + 1))


class WordTransformer(Extractor):
    """The last hidden states of a language model of transformers, averaged over the tokens of a word; from a folder."""

    settings: ClassVar = {"folder": ""}
    packages: ClassVar = ("transformers",)
    weights: ClassVar = "folder"

    def __init__(self, chosen: Mapping[str, Any]):
        super().__init__(chosen)
        transformers: Any = importlib.import_module("transformers")
        with unreadable(chosen["folder"]):
            self._tokens = transformers.AutoTokenizer.from_pretrained(
                chosen["folder"], local_files_only=True, trust_remote_code=False, use_fast=True
            )
        self._states = _hidden_states(chosen["folder"])
        self.names = numbered(self(["word"]).shape[1])

    def __call__(self, given: Sequence[str]) -> np.ndarray:
        """Returns features (T, F)."""
        tokens = self._tokens(
            list(given), is_split_into_words=True, truncation=True, return_tensors="pt"
        )
        states, owner = self._states(**tokens)[0], tokens.word_ids(0)
        words = [np.flatnonzero([own == place for own in owner]) for place in range(len(given))]
        check(
            all(map(len, words)),
            f"The language model takes no more than {len(owner):,} tokens, and not every word has one there. Shorten "
            "the text.",
        )
        return np.stack([states[places].mean(0) for places in words])


def _hidden_states(folder: str) -> Any:
    """A model of transformers: from what its processor gives to its last hidden states, an array."""
    import torch

    transformers: Any = importlib.import_module("transformers")
    torch.set_num_threads(1)
    with unreadable(folder):
        model = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
        ).eval()

    def states(**inputs: Any) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(model(**inputs).last_hidden_state.float())

    return states


def numbered(count: int) -> tuple[str, ...]:
    """Returns names of a network's numbers, which have none."""
    return tuple(f"unit {k + 1}" for k in range(count))


def scaled(frames: np.ndarray, side: int) -> np.ndarray:
    """Returns pictures (T, h, w, 3) as squares (T, side, side, 3), uint8."""
    from PIL import Image as Picture

    if frames.shape[1:3] == (side, side):
        return frames
    return np.stack([np.asarray(Picture.fromarray(one).resize((side, side))) for one in frames])


def _batches(frames: np.ndarray) -> Iterator[np.ndarray]:
    return (frames[at : at + _TOGETHER] for at in range(0, len(frames), _TOGETHER))


METHODS: dict[str, dict[str, type[Extractor]]] = {
    "text": {"ngrams": Ngrams, "transformers": WordTransformer},
    "audio": {"spectrum": Spectrum, "opensmile": Egemaps},
    "vision": {
        "hog": Hog,
        "mediapipe": Expressions,
        "torchvision": Network,
        "transformers": PictureTransformer,
    },
}
NONE = "none"
OPTIONS = {"text": "--words", "audio": "--voice", "vision": "--face"}  # of the command line


# What was chosen, as it is recorded with a set, and made again from there.


def unreadable(place: str) -> AbstractContextManager[None]:
    """Says in one line, while a block lasts, that weights are not what an extractor can read."""
    return refused(
        f"{place} does not hold what this extractor reads",
        "Name the weights that it asks for; pickled programs are refused, save weights as safetensors.",
        Exception,  # a file that anybody may have made leads to whatever its bytes lead to
        why="{kind}: {words:.100}",
        passing=(QFusionError, ImportError),
    )


def weights_of(place: str) -> list[Path]:
    """Returns the files that a setting names: itself, or those of its folder."""
    path = Path(place)
    return [path] if path.is_file() else sorted(p for p in path.glob("*") if p.is_file())


def _digest(place: str) -> str:
    """A digest of weights, a file or a folder of files; empty where there are none."""
    if not place:
        return ""
    chosen = weights_of(place)
    check(
        bool(chosen),
        f"{place[:200]} does not exist or is empty. Name the file or folder of the weights.",
    )
    return files.key_of(part for path in chosen for part in (path.name, files.sha256(path)))


def record_of(modality: str, words: str) -> dict[str, Any]:
    """Returns what is recorded of a choice: method, version, all settings, packages with versions, digest of weights.

    Args:
        modality: one of METHODS. words: a method, and after a colon settings: "hog:rate=5,side=64".

    Raises:
        NotFound: when there is no such method or setting. InvalidInput: when a value is none.
        DataUnavailable: when a package is missing.
    """
    method, _, rest = words.partition(":")
    kind = METHODS[modality][
        choose(f"Extractor of `{OPTIONS[modality]}`", method, METHODS[modality])
    ]
    given = {}
    for part in filter(None, re.split(r",(?=\w+=)", rest)):
        key, _, value = part.partition("=")
        given[choose(f"Setting of {method}", key.strip(), kind.settings)] = value.strip()
    with provided():
        packages = {name: metadata.version(name) for name in kind.packages}
    chosen = {
        key: _chosen(f"{method}:{key}", setting, given.get(key))
        for key, setting in kind.settings.items()
    }
    if kind.weights:
        chosen[kind.weights] = str(Path(chosen[kind.weights]).expanduser().absolute())
    return {
        "method": method,
        "version": kind.version,
        "settings": chosen,
        "packages": packages,
        "weights": _digest(chosen.get(kind.weights, "")),
    }


def _chosen(name: str, setting: Setting, value: str | None) -> Any:
    if isinstance(setting, str):
        check(bool(value), f"Setting `{name}` must be given, as in `{name}=...`, but is not.")
        return value
    default, low, high = setting
    number = require_number(name, default if value is None else value, low, high)
    check(
        isinstance(default, float) or number == int(number),
        f"Setting `{name}` must be a whole number, but is {number:g}.",
    )
    return number if isinstance(default, float) else int(number)


def kind_of(modality: str, record: Mapping[str, Any]) -> type[Extractor]:
    """Returns the class that a record names; NotFound when there is none."""
    return METHODS[modality][choose("Extractor", str(record["method"]), METHODS[modality])]


def begun(modality: str, record: Mapping[str, Any]) -> Extractor:
    """Returns the extractor that a record is of, ready to be called.

    Raises:
        InvalidInput: when this version of qfusion makes other numbers. IntegrityError: when weights are others.
        DataUnavailable: when a package is missing.
    """
    kind, chosen, method = kind_of(modality, record), dict(record["settings"]), record["method"]
    check(
        record["version"] == kind.version,
        f"The features of '{modality}' were made by version {record['version']} of `{method}`, and this is version "
        f"{kind.version}, which makes others. Extract the set again.",
    )
    check(
        _digest(chosen.get(kind.weights, "")) == record["weights"],
        f"The weights of `{method}` are not those that made the features of '{modality}'. Put them back, or extract "
        "the set again.",
        IntegrityError,
    )
    with (
        provided(),
        refused(
            f"Extractor `{method}` cannot be started",
            "Install its packages again.",
            Exception,  # packages that do not fit one another raise anything
            error=DataUnavailable,
            why="{kind}: {words:.200}",
            passing=(QFusionError, ImportError),
        ),
    ):
        return kind(chosen)


def features(extractor: Extractor, given: Any) -> np.ndarray:
    """Returns what an extractor makes of something, float32 (T, F), with T at least 1.

    Raises:
        InvalidInput: when that is not finite.
    """
    values = np.asarray(extractor(given), np.float32)
    check(
        values.ndim == 2 and len(values) > 0 and bool(np.isfinite(values).all()),
        f"{type(extractor).__name__} makes numbers of it that are not finite. Leave it out.",
    )
    return values


def spoken(text: str) -> tuple[str, ...]:
    """Returns the words of a text, each a step; a character of Chinese or Japanese is a word."""
    return tuple(_WORD.findall(staged_set.clean(text)))


# One sample of a folder, in a process of its own.


@dataclass(frozen=True)
class Take:
    """A part of a recording that is a sample.

    Attributes:
        path: of the file. start, end: seconds; to the file's end where None.
        subtitles: path of a file of words with their times; empty where there is none.
        text: what is said, where there is no such file.
    """

    path: str
    start: float = 0.0
    end: float | None = None
    subtitles: str = ""
    text: str = ""


def measure(
    extractors: Mapping[str, Extractor], take: Take, longest: float
) -> dict[str, np.ndarray]:
    """Returns features (T, F) by modality, of those that a sample has, and its `words`.

    Args:
        longest: seconds that a sample may last.

    Raises:
        QFusionError: when the file cannot be read, or the sample is not in it or longer.
    """
    path = Path(take.path)
    facts, result = media.probe(path), dict[str, np.ndarray]()
    end = facts.seconds if take.end is None else min(take.end, facts.seconds)
    check(
        facts.kind == "image" or (0 <= take.start < end and (take.end or end) <= end + 1),
        f"The sample is to last from {take.start:g} s to {take.end or end:g} s of `{path.name}`, which has "
        f"{facts.seconds:.1f} s. Correct `start` and `end`.",
    )
    check(
        facts.kind == "image" or end - take.start <= longest,
        f"The sample lasts {end - take.start:,.0f} s of `{path.name}`, and at most {longest:g} s are taken. Name a "
        "part by `start` and `end`, or allow more by --longest.",
    )
    if "audio" in extractors and facts.sound:
        heard = media.sound(path, take.start, end, SAMPLES)
        result["audio"] = features(extractors["audio"], heard)
    if "vision" in extractors and facts.size:
        chosen = extractors["vision"].chosen
        if facts.kind == "image":
            seen = Film(media.picture(path)[None], 1.0)
        else:
            seen = media.frames(path, take.start, end, rate=chosen["rate"], side=chosen["side"])
        result["vision"] = features(extractors["vision"], seen)
    if "text" in extractors:
        timed = media.words(Path(take.subtitles)) if take.subtitles else ()
        inside = (
            word.text for word in timed if word.end > take.start and (not end or word.start < end)
        )
        said = spoken(" ".join(inside) if take.subtitles else take.text)
        check(
            len(said) <= MAX_WORDS,
            f"The text has {len(said):,} words, and at most {MAX_WORDS:,} are taken.",
        )
        if said:
            result |= {"text": features(extractors["text"], said), "words": np.array(said)}
    return result


def serve() -> None:
    """Answers, in lines of JSON, what is asked on standard input: which extractors to begin, then takes to measure,
    each with the path of the file that its arrays go to. Ends with its input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes elsewhere

    def answer(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    begin = json.loads(sys.stdin.readline())
    try:
        extractors = {name: begun(name, record) for name, record in begin["methods"].items()}
    except QFusionError as error:
        answer(refused=str(error))
        return
    answer(names={name: extractor.names for name, extractor in extractors.items()})
    if Path("/proc/self/statm").exists():  # where it is known how much is taken already
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        limit(taken + begin["memory"], 10**8)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            arrays = measure(extractors, Take(**order["take"]), begin["longest"])
            files.write_arrays(Path(order["out"]), arrays)
            answer(why="" if arrays else "It has nothing that was asked for.")
        except QFusionError as error:
            answer(why=str(error))
        except Exception as error:  # a damaged file raises whatever its bytes lead to
            answer(
                why=f"It cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:160]})."
            )


# What a visitor gives, made into features the same way.

_GIVEN = {
    "audio": ("recording", "a voice"),
    "vision": ("clip", "a video"),
    "text": ("sentence", "a sentence"),
}


def makers(extracted: Mapping[str, Any], modalities: Sequence[Modality]) -> dict[str, Maker]:
    """Returns how features of an extracted set are made of what a visitor gives, by modality.

    Args:
        extracted: what is recorded with the set: `methods`, a record each, and `longest`, in seconds.
        modalities: of the set.
    """
    methods, result = extracted.get("methods", {}), dict[str, Maker]()
    for one in modalities:
        if one.name in methods and one.name in METHODS:
            kind, hint = (
                ("drawing", "a picture")
                if one.name == "vision" and not one.is_sequence
                else _GIVEN[one.name]
            )
            words = json.dumps(methods[one.name], sort_keys=True)
            longest = float(extracted["longest"])
            make = partial(_made, one.name, words, one.feature_names, one.is_sequence, longest)
            result[one.name] = Maker(kind, hint, make)
    return result


@lru_cache(maxsize=8)
def _begun(modality: str, words: str) -> Extractor:
    return begun(modality, json.loads(words))


def _made(
    modality: str, words: str, names: tuple[str, ...], sequence: bool, longest: float, given: Any
) -> tuple[np.ndarray, Content]:
    extractor = _begun(modality, words)
    shown: Content
    if modality == "text":
        check(bool(spoken(given)), "The sentence must hold a word, but holds none. Write one.")
        shown = Text(given, spoken(given))
        check(
            len(shown.words or ()) <= MAX_WORDS,
            f"The sentence must have at most {MAX_WORDS:,} words. Shorten it.",
        )
        values = features(extractor, shown.words)
    elif modality == "audio":
        seconds = len(given.samples) / given.rate
        check(
            0 < seconds <= longest,
            f"The recording must last at most {longest:g} s, but lasts {seconds:.1f} s. Give a shorter one.",
        )
        shown = resampled(given, SAMPLES)
        values = features(extractor, shown)
    elif sequence:
        path, chosen = Path(given), extractor.chosen
        facts = media.probe(path)
        check(
            facts.seconds <= longest,
            f"The clip must last at most {longest:g} s, but lasts {facts.seconds:.1f} s. Give a shorter one.",
        )
        shown = media.frames(path, rate=chosen["rate"], side=chosen["side"])
        values = features(extractor, shown)
    else:
        shown = Image(np.asarray(given, np.uint8))
        values = features(extractor, Film(shown.pixels[None], 1.0))
    own = values[:, [extractor.names.index(name) for name in names]]
    return (own if sequence else own[0]), shown


def resampled(audio: Audio, rate: int) -> Audio:
    """Returns a recording at another rate, by the filter that files are read with."""
    if audio.rate == rate:
        return audio
    with provided():
        import av
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(audio.samples[None], np.float32), "flt", "mono"
    )
    frame.sample_rate = audio.rate
    filter_ = av.AudioResampler(format="flt", layout="mono", rate=rate)
    pieces = [part.to_ndarray()[0] for entry in (frame, None) for part in filter_.resample(entry)]
    wanted = round(len(audio.samples) / audio.rate * rate)
    return Audio(np.concatenate([*pieces, np.zeros(wanted, np.float32)])[:wanted], rate)
