"""Extractors: methods that turn a voice, pictures or words into features (T, F), with settings that can be recorded.

A method is begun with settings, and then computes the steps of a sample. The settings are recorded with the set
(`choose_method`); the record is enough to begin the method again (`begin_extractor`), for a folder of recordings and
later for a visitor's input. Nothing is ever downloaded: weights are files that the user names, checked against their
digest, and read as numbers, not as programs.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check, choose, require_number
from qfusion._memory_cache import memo
from qfusion.errors import (
    DataUnavailable,
    IntegrityError,
    QFusionError,
    translate_errors,
    translate_system_errors,
)
from qfusion.plugins.recordings.extractor_types import Extractor, Method
from qfusion.plugins.recordings.picture_features import (
    expressions,
    gradients,
    network,
    picture_transformer,
)
from qfusion.plugins.recordings.voice_features import egemaps, spectrum
from qfusion.plugins.recordings.weights import digest_weights
from qfusion.plugins.recordings.word_features import ngrams, word_transformer

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


def choose_method(modality: str, words: str) -> dict[str, Any]:
    """Return the record of a choice: method, version, all settings, packages with versions, digest of weights.

    Args:
        modality: one of METHODS. words: a method, and after a colon settings: "hog:rate=5,side=64".

    Raises:
        NotFound: when there is no such method or setting. InvalidInput: when a value is none.
        DataUnavailable: when a package is missing.
    """
    name, _, rest = words.partition(":")
    method = find_method(modality, name)
    pairs = [part.partition("=") for part in re.split(r",(?=\w+=)", rest) if part]
    given = {
        choose(f"Setting of {name}", key.strip(), method.settings): value for key, _, value in pairs
    }
    with translate_system_errors():
        packages = {package: importlib.metadata.version(package) for package in method.packages}
    chosen = {
        key: _parse_setting(f"{name}:{key}", method, key, given.get(key, "").strip())
        for key in method.settings
    }
    return {
        "method": name,
        "version": method.version,
        "settings": chosen,
        "packages": packages,
        "weights": digest_weights(chosen.get(method.weights, "")),
    }


def _parse_setting(name: str, method: Method, key: str, value: str) -> Any:
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


def find_method(modality: str, name: str) -> Method:
    """Return an extractor's method. Raise NotFound if there is none of that name."""
    return METHODS[modality][choose(f"Extractor of `{OPTIONS[modality]}`", name, METHODS[modality])]


def begin_extractor(modality: str, record: Mapping[str, Any]) -> Extractor:
    """Return the extractor of a record.

    Raises:
        InvalidInput: when this version of qfusion makes other numbers. IntegrityError: when weights are others.
        DataUnavailable: when a package is missing.
    """
    name = str(record["method"])
    chosen = dict(record["settings"])
    method = find_method(modality, name)
    check(
        record["version"] == method.version,
        f"The features of '{modality}' were made by version {record['version']} of `{name}`, and this is version "
        f"{method.version}, which makes others. Extract the set again.",
    )
    check(
        digest_weights(chosen.get(method.weights, "")) == record["weights"],
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


@memo(8)
def cached_extractor(modality: str, record: Mapping[str, Any]) -> Extractor:
    """Return `begin_extractor`, begun once for equal records."""
    return begin_extractor(modality, record)


def extract_features(extractor: Extractor, given: Any) -> np.ndarray:
    """Return the features that an extractor computes from an input, float32 (T, F), with T at least 1.

    Raises:
        InvalidInput: when that is not finite.
    """
    values = np.asarray(extractor.make(given), np.float32)
    check(
        values.ndim == 2 and len(values) > 0 and bool(np.isfinite(values).all()),
        "Features of it are not finite. Leave it out.",
    )
    return values
