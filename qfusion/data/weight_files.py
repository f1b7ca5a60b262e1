"""Weights named by the user: files and folders, their digests, and the transformers loaded from them."""

import importlib.metadata
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion._sentences import count
from qfusion.data import array_cache, files
from qfusion.errors import QFusionError, translate_errors

# of names of weights: what torch.compile and data-parallel training add
_WRAPPER = re.compile(r"^(?:(?:module|_orig_mod)\.)+|(?<=\.)_orig_mod\.")
_NAMED = 5  # weights in a message


def load_state(module: Any, state: Mapping[str, Any], what: str) -> None:
    """Load weights into a module by their names.

    Args:
        module: of torch. state: weights by name, with or without the prefixes that `torch.compile` ("_orig_mod.") and
            data-parallel training ("module.") add. A weight that the module has under several names is needed once.
        what: file of the weights, for messages.

    Raises:
        InvalidInput: when the weights are not those of the module. It names what is missing, unknown or of another
            shape.
    """
    own = module.state_dict(keep_vars=True)
    plain = {_WRAPPER.sub("", name): name for name in own}
    given = {
        name if name in own else plain.get(_WRAPPER.sub("", name), name): values
        for name, values in state.items()
    }
    tied = {id(own[name]): values for name, values in given.items() if name in own}
    given |= {
        name: tied[id(weight)]
        for name, weight in own.items()
        if name not in given and id(weight) in tied
    }
    missing, unknown = own.keys() - given.keys(), given.keys() - own.keys()
    causes = [
        f"{count(len(names), *words)} ({', '.join(sorted(names)[:_NAMED])}{', ...' * (len(names) > _NAMED)})"
        for names, words in (
            (missing, ("weight of it is missing", "weights of it are missing")),
            (unknown, ("weight is unknown to it", "weights are unknown to it")),
        )
        if names
    ]
    remedy = "Save the state_dict of the same model."
    check(not causes, f"{what} are not those of this model: {' and '.join(causes)}. {remedy}")
    with translate_errors(
        f"{what} are not those of this model", remedy, RuntimeError, why="{words:.400}"
    ):
        module.load_state_dict(given)


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
        array_cache.cache_key(str(p) for path in chosen for p in (path.name, files.sha256(path)))
        if place
        else ""
    )
