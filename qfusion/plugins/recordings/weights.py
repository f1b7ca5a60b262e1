"""Weights of extractors, which the user names: files and folders, their digests, and transformers loaded from them."""

import importlib.metadata
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _disk_cache
from qfusion._checks import check
from qfusion.data import files
from qfusion.errors import QFusionError, translate_errors


def load_transformer(folder: str, processor: str) -> tuple[Any, Callable[..., np.ndarray]]:
    """Return the processor of a model of transformers, and a function from its output to the last hidden states."""
    import torch

    lib: Any = importlib.import_module("transformers")
    safe = {"local_files_only": True, "trust_remote_code": False}
    with translate_weight_errors(folder):
        prepare = getattr(lib, processor).from_pretrained(folder, **safe)
        model = lib.AutoModel.from_pretrained(folder, use_safetensors=True, **safe).eval()

    @torch.inference_mode()
    def states(**inputs: Any) -> np.ndarray:
        return np.asarray(model(**inputs).last_hidden_state.float())

    return prepare, states


def translate_weight_errors(place: str) -> AbstractContextManager[None]:
    """Context manager that turns an error into a one-line message that the extractor cannot read the weights."""
    return translate_errors(
        f"{place} does not hold what this extractor reads",
        "Name the weights that it asks for; pickled programs are refused, save weights as safetensors.",
        Exception,  # a file that anybody may have made leads to whatever its bytes lead to
        why="{kind}: {words:.100}",
        passing=(QFusionError, ImportError),
    )


def list_weights(place: str) -> list[Path]:
    """Return the files that a setting names: itself, or those of its folder."""
    path = Path(place)
    return [path] if path.is_file() else sorted(p for p in path.glob("*") if p.is_file())


def digest_weights(place: str) -> str:
    """A digest of weights, a file or a folder of files; empty where there are none."""
    chosen = list_weights(place) if place else []
    check(
        bool(chosen) or not place,
        f"{place[:200]} does not exist or is empty. Name the file or folder of the weights.",
    )
    return (
        _disk_cache.cache_key(str(p) for path in chosen for p in (path.name, files.sha256(path)))
        if place
        else ""
    )
