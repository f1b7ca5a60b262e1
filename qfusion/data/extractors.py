"""Extractors: from a voice, pictures or words to features, the same way for a folder of recordings and, later, for what
a visitor gives.

A method is begun with settings, and then makes steps (T, F) of a sample. What was chosen is recorded with the set
(`record_of`), which is all that it takes to begin it again (`begun`). Nothing is ever downloaded: weights are files
that somebody names, checked against their digest, and read as numbers, not as programs.

A file is read in a process of its own (`serve`), which may be killed.
"""

import errno
import importlib.metadata
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock

from qfusion._checks import check, choose, require_number
from qfusion.data import array_cache, decoders, files, media
from qfusion.data.file_words import clean_text, numbered_features
from qfusion.data.isolated import process_limits
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Audio, Content, Film, Image, Maker, Text
from qfusion.errors import (
    DataUnavailable,
    IntegrityError,
    InvalidInput,
    QFusionError,
    translate_errors,
    translate_system_errors,
)

SAMPLES = 16_000  # a second, of every voice
HOP = 160  # samples between two looks at a voice: 10 ms
MAX_WORDS = 2_000  # of a sample
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet's colours, in 0..1
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
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

Chosen = Mapping[str, Any]  # settings, by name
Make = Callable[
    [Any], np.ndarray
]  # an `Audio` at SAMPLES, a `Film` (T, h, w, 3) or words -> (T, F)
Begun = tuple[Sequence[str], Make]  # names of the F features, and what makes them


@dataclass(frozen=True)
class Method:
    """A way to make the features of a modality.

    Attributes:
        begin: from settings to names of features and what makes them.
        settings: what may be chosen: default, least and most; or a text, empty where it has to be given.
        packages: that it needs, as they are installed.
        version: is raised when the same settings begin to give other numbers.
        terms: of the packages, where they bind whoever uses the features.
        weights: the setting that is the path of a file or folder of weights; empty where there are none.
    """

    begin: Callable[[Chosen], Begun]
    settings: Mapping[str, tuple[float, float, float] | str]
    packages: tuple[str, ...]
    version: int = 1
    terms: str = ""
    weights: str = ""


class Extractor(NamedTuple):
    """A method that was begun: its settings, the names of the F features, and what makes them."""

    chosen: Chosen
    names: tuple[str, ...]
    make: Make


# A voice. Steps are means over 1 / rate seconds of what is measured every 10 ms.


_YIN: Any = dict(fmin=60, fmax=500, sr=SAMPLES, frame_length=1024, hop_length=HOP)


@lru_cache(maxsize=1)
def _compile_pitch() -> None:
    """Has one process at a time compile what YIN takes, or read what another has compiled. Two that compile at once mix
    their parts up in Numba's files, and every process that reads these from then on ends by a segmentation fault."""
    import librosa

    user = getattr(os, "getuid", int)()
    with FileLock(Path(tempfile.gettempdir(), f"qfusion-numba-{user}.lock"), is_singleton=False):
        librosa.yin(np.zeros(1024, np.float32), **_YIN)


def spectrum(chosen: Chosen) -> Begun:
    """Log-mel bands, MFCC, pitch by YIN (de Cheveigné and Kawahara 2002) and energy, by librosa."""
    import librosa as lib

    bands, coefficients = chosen["bands"], chosen["coefficients"]

    def make(given: Audio) -> np.ndarray:
        _compile_pitch()
        y = np.pad(given.samples, (0, max(0, 1024 - len(given.samples))))
        power = lib.feature.melspectrogram(
            y=y, sr=SAMPLES, n_fft=512, hop_length=HOP, n_mels=bands, fmin=50
        )
        mel = lib.power_to_db(power, amin=1e-10, top_db=None)
        cepstrum = lib.feature.mfcc(S=mel, n_mfcc=coefficients)
        pitch = lib.yin(y, **_YIN)
        energy = 20 * np.log10(lib.feature.rms(y=y, frame_length=512, hop_length=HOP)[0] + 1e-5)
        # a place where YIN finds no period is given the highest or lowest pitch that was allowed
        heard = (energy > -60) & (pitch > 62) & (pitch < 480)
        octaves = np.where(heard, np.log2(pitch / 100), 0.0)
        values = np.vstack([mel, cepstrum, octaves, heard, energy]).T
        times = np.arange(len(values)) * HOP / SAMPLES
        return averaged(values, times, chosen["rate"], len(given.samples) / SAMPLES)

    return (
        *numbered_features("log-mel", bands),
        *numbered_features("MFCC", coefficients),
        *("pitch (octaves over 100 Hz)", "pitch is heard", "energy (dB)"),
    ), make


def egemaps(chosen: Chosen) -> Begun:
    """The low-level descriptors of eGeMAPS v02 (Eyben and others 2016), by openSMILE."""
    lib: Any = importlib.import_module("opensmile")
    smile = lib.Smile(lib.FeatureSet.eGeMAPSv02, lib.FeatureLevel.LowLevelDescriptors)

    def make(given: Audio) -> np.ndarray:
        frame = smile.process_signal(given.samples, given.rate)
        times = frame.index.get_level_values("start").total_seconds().to_numpy()
        values = np.nan_to_num(frame.to_numpy(np.float64))
        return averaged(values, times, chosen["rate"], len(given.samples) / given.rate)

    return smile.feature_names, make


def averaged(values: np.ndarray, times: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """Returns means (T, F) over 1 / rate seconds each of values (n, F) at ascending times (n,) from 0 to `seconds`; a
    step that has none is as the one before."""
    steps = max(1, int(np.ceil(seconds * rate - 1e-6)))
    places = np.minimum((times * rate + 1e-6).astype(int), steps - 1)
    means = pd.DataFrame(values.astype(np.float64)).groupby(places).mean()
    return means.reindex(range(steps), method="ffill").to_numpy()


# Pictures: a step a picture.


def gradients(chosen: Chosen) -> Begun:
    """Histograms of oriented gradients (Dalal and Triggs 2005), colours and how much changes, by scikit-image."""
    from skimage.feature import hog

    side, grid = chosen["side"], chosen["grid"]
    cells, half = range(1, grid + 1), side // 2
    cut = {"orientations": 8, "pixels_per_cell": (side // grid,) * 2, "cells_per_block": (1, 1)}

    def make(given: Film) -> np.ndarray:
        pictures = scaled(given.frames, side).astype(np.float32) / 255
        greys = pictures.mean(-1)
        edges = [hog(grey, feature_vector=False, **cut)[:grid, :grid].ravel() for grey in greys]
        quarters = pictures[:, : 2 * half, : 2 * half].reshape(-1, 2, half, 2, half, 3).mean((2, 4))
        colours = quarters.transpose(0, 3, 1, 2).reshape(-1, 12)
        change = np.abs(np.diff(greys, axis=0, prepend=greys[:1])).mean((1, 2))
        saturation = (pictures.max(-1) - pictures.min(-1)).mean((1, 2))
        return np.column_stack([edges, colours, greys.std((1, 2)), saturation, change])

    return (
        *(f"edges {r},{c} at {22.5 * o:g}°" for r in cells for c in cells for o in range(8)),
        *(f"{hue} {r},{c}" for hue in ("red", "green", "blue") for r in (1, 2) for c in (1, 2)),
        *("contrast", "saturation", "change"),
    ), make


def expressions(chosen: Chosen) -> Begun:
    """The 52 expressions (blendshapes) of a face, by MediaPipe's face landmarker; zeros where it sees none."""
    lib: Any = importlib.import_module("mediapipe")
    with unreadable(chosen["model"]):
        options = lib.tasks.vision.FaceLandmarkerOptions(
            base_options=lib.tasks.BaseOptions(
                model_asset_buffer=Path(chosen["model"]).read_bytes()
            ),
            output_face_blendshapes=True,
        )
        landmarker = lib.tasks.vision.FaceLandmarker.create_from_options(options)

    def seen(pixels: np.ndarray) -> list[float]:
        image = lib.Image(image_format=lib.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
        faces = landmarker.detect(image).face_blendshapes
        return [1, *(shape.score for shape in faces[0])] if faces else [0] * 53

    return ("a face is seen", *_EXPRESSIONS), lambda given: np.array([*map(seen, given.frames)])


def network(chosen: Chosen) -> Begun:
    """What a network of torchvision makes of a picture before it decides, from a file of weights in a folder."""
    import torch
    from safetensors.torch import load_file

    lib: Any = importlib.import_module("torchvision.models")
    with unreadable(chosen["folder"]):
        path = next(p for p in weights_of(chosen["folder"]) if p.suffix in (".safetensors", ".pth"))
        net = lib.get_model(chosen["model"], weights=None).eval()
        net.load_state_dict(
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    # what decides is called so in one or the other of its networks
    for name in {"fc", "classifier", "heads", "head"} & {name for name, _ in net.named_children()}:
        setattr(net, name, torch.nn.Identity())

    @torch.inference_mode()
    def seen(pixels: np.ndarray) -> np.ndarray:
        values = (scaled(pixels[None], chosen["side"]) / np.float32(255) - _MEAN) / _DEVIATION
        return np.asarray(net(torch.tensor(values.transpose(0, 3, 1, 2))).flatten())

    return _by_picture(seen)


def picture_transformer(chosen: Chosen) -> Begun:
    """The last hidden states of a vision model of transformers, averaged over a picture; from a folder."""
    prepare, states = _from_folder(chosen["folder"], "AutoImageProcessor")

    def seen(pixels: np.ndarray) -> np.ndarray:
        # (1, tokens, F), or (1, F, h, w) of convolutions
        values = states(**prepare(pixels, return_tensors="pt"))
        return (values.mean(1) if values.ndim == 3 else values.mean((2, 3)))[0]

    return _by_picture(seen)


def _by_picture(seen: Callable[[np.ndarray], np.ndarray]) -> Begun:
    """What sees pictures (h, w, 3) one by one, each as (F,)."""
    units = numbered_features("unit", len(seen(np.zeros((64, 64, 3), np.uint8))))
    return units, lambda given: np.stack([*map(seen, given.frames)])


# Words: a step a word.


def ngrams(chosen: Chosen) -> Begun:
    """Words, where wanted several in a row, and characters in a row, hashed into so many numbers of length one."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.preprocessing import normalize

    hasher = FeatureHasher(chosen["size"], input_type="string")

    def grams(words: Sequence[str], at: int) -> Iterator[str]:
        for count in range(1, min(chosen["words"], at + 1) + 1):
            yield f"words {' '.join(words[at + 1 - count : at + 1])}"
        framed = f"<{words[at]}>"
        for size in range(2, chosen["letters"] + 1):
            yield from (framed[place : place + size] for place in range(len(framed) - size + 1))

    def make(given: Sequence[str]) -> np.ndarray:
        plain = [re.sub(r"\W+", "", word.casefold()) or word for word in given]
        return normalize(hasher.transform(grams(plain, at) for at in range(len(plain)))).toarray()

    return numbered_features("hash", chosen["size"]), make


def word_transformer(chosen: Chosen) -> Begun:
    """The last hidden states of a language model of transformers, averaged over the tokens of a word; from a folder."""
    prepare, states = _from_folder(chosen["folder"], "AutoTokenizer")

    def make(given: Sequence[str]) -> np.ndarray:
        tokens = prepare(
            list(given), is_split_into_words=True, truncation=True, return_tensors="pt"
        )
        values, owner = states(**tokens)[0], tokens.word_ids(0)
        words = [np.flatnonzero([own == place for own in owner]) for place in range(len(given))]
        check(
            all(map(len, words)),
            f"The language model takes no more than {len(owner):,} tokens, and not every word has one there. Shorten "
            "the text.",
        )
        return np.stack([values[places].mean(0) for places in words])

    return numbered_features("unit", make(["word"]).shape[1]), make


def _from_folder(folder: str, processor: str) -> tuple[Any, Callable[..., np.ndarray]]:
    """What prepares inputs of a model of transformers, and from these to its last hidden states."""
    import torch

    lib: Any = importlib.import_module("transformers")
    safe = {"local_files_only": True, "trust_remote_code": False}
    with unreadable(folder):
        prepare = getattr(lib, processor).from_pretrained(folder, **safe)
        model = lib.AutoModel.from_pretrained(folder, use_safetensors=True, **safe).eval()

    @torch.inference_mode()
    def states(**inputs: Any) -> np.ndarray:
        return np.asarray(model(**inputs).last_hidden_state.float())

    return prepare, states


def scaled(frames: np.ndarray, side: int) -> np.ndarray:
    """Returns pictures (T, h, w, 3) as squares (T, side, side, 3), uint8."""
    from PIL import Image as Picture

    pictures = (Picture.fromarray(np.asarray(one, np.uint8)) for one in frames)
    return np.stack([np.asarray(one.resize((side, side))) for one in pictures])


_FAST, _SLOW = (5.0, 0.2, 30.0), (2.0, 0.2, 30.0)  # pictures a second
_LARGE = (224, 32, 512)  # pixels of a side
METHODS: dict[str, dict[str, Method]] = {
    "text": {
        "ngrams": Method(
            ngrams,
            {"size": (128, 16, 4096), "words": (1, 1, 4), "letters": (4, 1, 8)},
            ("scikit-learn",),
        ),
        "transformers": Method(
            word_transformer, {"folder": ""}, ("transformers",), weights="folder"
        ),
    },
    "audio": {
        "spectrum": Method(
            spectrum,
            {"rate": (20.0, 1.0, 50.0), "bands": (40, 8, 128), "coefficients": (13, 1, 40)},
            ("librosa",),
        ),
        "opensmile": Method(
            egemaps,
            {"rate": (20.0, 1.0, 50.0)},
            ("opensmile",),
            terms="openSMILE is free for private, research and educational use only.",
        ),
    },
    "vision": {
        "hog": Method(
            gradients, {"rate": _FAST, "side": (64, 16, 256), "grid": (4, 1, 8)}, ("scikit-image",)
        ),
        "mediapipe": Method(
            expressions,
            {"rate": _FAST, "side": (256, 64, 1024), "model": ""},
            ("mediapipe",),
            weights="model",
        ),
        "torchvision": Method(
            network,
            {"rate": _SLOW, "side": _LARGE, "folder": "", "model": ""},
            ("torchvision",),
            weights="folder",
        ),
        "transformers": Method(
            picture_transformer,
            {"rate": _SLOW, "side": _LARGE, "folder": ""},
            ("transformers",),
            weights="folder",
        ),
    },
}
NONE = "none"
OPTIONS = {"text": "--words", "audio": "--voice", "vision": "--face"}  # of the command line


# What was chosen, as it is recorded with a set, and begun again from there.


def unreadable(place: str) -> AbstractContextManager[None]:
    """Says in one line, while a block lasts, that weights are not what an extractor can read."""
    return translate_errors(
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
    chosen = weights_of(place) if place else []
    check(
        bool(chosen) or not place,
        f"{place[:200]} does not exist or is empty. Name the file or folder of the weights.",
    )
    return (
        array_cache.key_of(str(p) for path in chosen for p in (path.name, files.sha256(path)))
        if place
        else ""
    )


def record_of(modality: str, words: str) -> dict[str, Any]:
    """Returns what is recorded of a choice: method, version, all settings, packages with versions, digest of weights.

    Args:
        modality: one of METHODS. words: a method, and after a colon settings: "hog:rate=5,side=64".

    Raises:
        NotFound: when there is no such method or setting. InvalidInput: when a value is none.
        DataUnavailable: when a package is missing.
    """
    name, _, rest = words.partition(":")
    method = method_of(modality, name)
    pairs = [part.partition("=") for part in re.split(r",(?=\w+=)", rest) if part]
    given = {
        choose(f"Setting of {name}", key.strip(), method.settings): value for key, _, value in pairs
    }
    with translate_system_errors():
        packages = {package: importlib.metadata.version(package) for package in method.packages}
    chosen = {
        key: _chosen(f"{name}:{key}", method, key, given.get(key, "").strip())
        for key in method.settings
    }
    return {
        "method": name,
        "version": method.version,
        "settings": chosen,
        "packages": packages,
        "weights": _digest(chosen.get(method.weights, "")),
    }


def _chosen(name: str, method: Method, key: str, value: str) -> Any:
    setting = method.settings[key]
    if isinstance(setting, str):
        check(value != "", f"Setting `{name}` must be given, as in `{name}=...`, but is not.")
        return str(Path(value).expanduser().absolute()) if key == method.weights else value
    number = require_number(name, value or setting[0], *setting[1:])
    check(
        isinstance(setting[0], float) or number == int(number),
        f"Setting `{name}` must be a whole number, but is {number:g}.",
    )
    return type(setting[0])(number)


def method_of(modality: str, name: str) -> Method:
    """Returns an extractor's method; NotFound when there is none of that name."""
    return METHODS[modality][choose(f"Extractor of `{OPTIONS[modality]}`", name, METHODS[modality])]


def begun(modality: str, record: Mapping[str, Any]) -> Extractor:
    """Returns the extractor that a record is of.

    Raises:
        InvalidInput: when this version of qfusion makes other numbers. IntegrityError: when weights are others.
        DataUnavailable: when a package is missing.
    """
    name, chosen = str(record["method"]), dict(record["settings"])
    method = method_of(modality, name)
    check(
        record["version"] == method.version,
        f"The features of '{modality}' were made by version {record['version']} of `{name}`, and this is version "
        f"{method.version}, which makes others. Extract the set again.",
    )
    check(
        _digest(chosen.get(method.weights, "")) == record["weights"],
        f"The weights of `{name}` are not those that made the features of '{modality}'. Put them back, or extract "
        "the set again.",
        IntegrityError,
    )
    with (
        translate_system_errors(),
        translate_errors(
            f"Extractor `{name}` cannot be started",
            "Install its packages again.",
            Exception,  # packages that do not fit one another raise anything
            error=DataUnavailable,
            why="{kind}: {words:.200}",
            passing=(QFusionError, ImportError),
        ),
    ):
        names, make = method.begin(chosen)
        return Extractor(chosen, tuple(names), make)


def features(extractor: Extractor, given: Any) -> np.ndarray:
    """Returns what an extractor makes of something, float32 (T, F), with T at least 1.

    Raises:
        InvalidInput: when that is not finite.
    """
    values = np.asarray(extractor.make(given), np.float32)
    check(
        values.ndim == 2 and len(values) > 0 and bool(np.isfinite(values).all()),
        "Features of it are not finite. Leave it out.",
    )
    return values


def spoken(text: str) -> tuple[str, ...]:
    """Returns the words of a text, each a step; a character of Chinese or Japanese is a word.

    Raises:
        InvalidInput: when there are more than MAX_WORDS.
    """
    words = tuple(_WORD.findall(clean_text(text)))
    check(
        len(words) <= MAX_WORDS,
        f"The text has {len(words):,} words, and at most {MAX_WORDS:,} are taken. Shorten it.",
    )
    return words


# One sample of a folder, in a process of its own.


class Take(NamedTuple):
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


def part_of(
    modality: str, extractor: Extractor, path: Path, start: float = 0.0, end: float | None = None
) -> Audio | Film:
    """Returns what an extractor of voices ("audio") or pictures ("vision") is given of a part of a file.

    Raises:
        QFusionError: when the file cannot be read.
    """
    if modality == "audio":
        return media.sound(path, start, end, SAMPLES)
    if media.TYPES[path.suffix.lower()].startswith("image/"):
        return Film(media.picture(path)[None], 1.0)
    rate, side = (extractor.chosen[key] for key in ("rate", "side"))
    return media.frames(path, start, end, rate=rate, side=side)


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
    for name, there in (("audio", facts.sound), ("vision", facts.size)):
        if name in extractors and there:
            result[name] = features(
                extractors[name], part_of(name, extractors[name], path, take.start, end)
            )
    if "text" in extractors:
        timed = media.words(Path(take.subtitles)) if take.subtitles else ()
        inside = [w.text for w in timed if w.end > take.start and (not end or w.start < end)]
        words = spoken(" ".join(inside) if take.subtitles else take.text)
        if words:
            result |= {"text": features(extractors["text"], words), "words": np.array(words)}
    return result


def serve() -> None:
    """Answers, in lines of JSON, what is asked on standard input: which extractors to begin, then takes to measure,
    each with the path of the file that its arrays go to. Ends with its input."""
    decoders.stay()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print goes elsewhere
    begin = json.loads(sys.stdin.readline())
    try:
        extractors = {name: begun(name, record) for name, record in begin["methods"].items()}
    except QFusionError as error:
        print(json.dumps({"why": str(error)}), file=answers)
        return
    print(
        json.dumps({"names": {name: one.names for name, one in extractors.items()}}), file=answers
    )
    if used := process_limits.used_address_space():
        process_limits.limit_process(used + begin["memory"], 10**8)
    for order in map(json.loads, sys.stdin):
        why = disk = ""
        try:
            with translate_errors(
                "It cannot be read",
                "Leave it out.",
                Exception,  # a damaged file raises whatever its bytes lead to
                why="{kind}: {words:.160}",
                passing=(QFusionError,),
            ):
                arrays = measure(extractors, Take(*order["take"]), begin["longest"])
            check(bool(arrays), "It has nothing that was asked for.")
        except QFusionError as error:
            why = str(error)
            disk = why if _is_full(error.__cause__) else ""
        else:
            disk = _write(Path(order["out"]), arrays)
        print(json.dumps({"why": why, "disk": disk}), file=answers)


def _write(place: Path, arrays: dict[str, np.ndarray]) -> str:
    """Writes features; returns why they cannot be written, empty where they are."""
    try:
        array_cache.write_arrays(place, arrays)
    except (OSError, InvalidInput) as error:
        return str(error)
    return ""


def _is_full(error: BaseException | None) -> bool:
    """Whether a disk has no room, which is no fault of the file that was read."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


# What a visitor gives, made into features the same way.

_GIVEN = {
    ("audio", True): ("recording", "something"),
    ("vision", True): ("clip", "a video"),
    ("vision", False): ("drawing", "a picture"),
    ("text", True): ("sentence", "a sentence"),
}


def makers(extracted: Mapping[str, Any], modalities: Sequence[Modality]) -> dict[str, Maker]:
    """Returns how features of an extracted set are made of what a visitor gives, by modality.

    Args:
        extracted: what is recorded with the set: `methods`, a record each, and `longest`, in seconds.
        modalities: of the set.
    """
    methods = extracted.get("methods", {})
    given = {
        one.name: _GIVEN[one.name, one.is_sequence]
        for one in modalities
        if one.name in methods and (one.name, one.is_sequence) in _GIVEN
    }
    if "audio" in given and given.get("vision") == _GIVEN["vision", True]:
        given["audio"] = given["vision"]  # what is heard and seen in one video belongs together
    return {
        one.name: Maker(
            *given[one.name],
            partial(
                _made,
                one.name,
                json.dumps(methods[one.name], sort_keys=True),
                one.feature_names,
                float(extracted["longest"]),
            ),
        )
        for one in modalities
        if one.name in given
    }


@lru_cache(maxsize=8)
def _begun(modality: str, words: str) -> Extractor:
    return begun(modality, json.loads(words))


def _made(
    modality: str, record: str, names: tuple[str, ...], longest: float, given: Any
) -> tuple[np.ndarray, Content]:
    """The features of what is given, and what the extractor was given."""
    extractor = _begun(modality, record)
    columns = [extractor.names.index(name) for name in names]
    if modality == "text":
        words = spoken(given)
        check(bool(words), "The sentence must hold a word, but holds none. Write one.")
        return features(extractor, words)[:, columns], Text(given, words)
    if isinstance(given, np.ndarray):
        picture = Image(np.asarray(given, np.uint8))
        return features(extractor, Film(picture.pixels[None], 1.0))[0, columns], picture
    seconds = (
        len(given.samples) / given.rate
        if isinstance(given, Audio)
        else media.probe(Path(given)).seconds
    )
    check(
        0 < seconds <= longest,
        f"What is given must last at most {longest:g} s, but lasts {seconds:.1f} s. Give a shorter recording.",
    )
    shown = (
        media.resampled(given, SAMPLES)
        if isinstance(given, Audio)
        else part_of(modality, extractor, Path(given))
    )
    return features(extractor, shown)[:, columns], shown
