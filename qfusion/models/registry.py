"""Models by kind, for checkpoints and the command line."""

import math
from collections import ChainMap, UserDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from qfusion import plugin
from qfusion._checks import choose
from qfusion._settings import Settings
from qfusion.models import base, baselines, cross_modal_attention, live_model
from qfusion.models.jump import kets, quantum_jump
from qfusion.models.network import entangled_qcnn, network_model

Kinds = dict[str, type[base.FusionModel]]


SYSTEMS = ("quantum-jump", "entangled-qcnn")  # pages list them first


def _register_kinds(*models: type[base.FusionModel]) -> Kinds:
    return {model.kind: model for model in models}


class _ModelsByKind(UserDict[str, Any]):
    """Classes of models by kind. Those of plugins are set as "MODULE:CLASS" and imported when they are first used."""

    def __getitem__(self, kind: str) -> Any:
        model = self.data[kind]
        if isinstance(model, str):
            model = self.data[kind] = plugin.load_name(model)
        return model


BASELINES: Kinds = _register_kinds(
    baselines.LateFusion,
    baselines.Concatenation,
    baselines.TensorFusion,
    baselines.LowRankFusion,
    cross_modal_attention.CrossModalAttention,
    baselines.Linear,
)
# The two quantum systems first: pages list models in this order.
FUSION = _ModelsByKind(
    _register_kinds(
        quantum_jump.QuantumJump,
        entangled_qcnn.EntangledQCNN,
        kets.StateLinear,
        network_model.ProductQCNN,
    )
)
FUSION.update(BASELINES)
FUSION.update(plugin.entries("models"))
# Models that live in a Python process: they are not trained here, nor kept.
LIVE: Kinds = _register_kinds(live_model.LiveModel, live_model.LiveCircuit)
# Kinds of systems that are given, not trained
GIVEN = _ModelsByKind(plugin.entries("given"))
KINDS = ChainMap(GIVEN, FUSION)  # those of FUSION first, also those that are registered later


def names() -> list[str]:
    """Return the names of all models that can be trained, the two systems first.

    Example:
        >>> from qfusion.models.registry import names
        >>> names()[:2]
        ['quantum-jump', 'entangled-qcnn']
    """
    return list(FUSION)


def settings(name: str) -> dict[str, Any]:
    """Return the settings of a model with their defaults.

    Example:
        >>> from qfusion.models.registry import settings
        >>> settings("quantum-jump")["dims"]
        4
    """
    return settings_type(name)().model_dump()


def settings_type(name: str) -> type[Settings]:
    """Return the description of a model's settings.

    Raises:
        NotFound: when the model does not exist.
    """
    return KINDS[choose("Model", name, KINDS)].settings_type


def is_given(name: str) -> bool:
    """Return whether models of a kind are given, not trained."""
    return name in KINDS and KINDS[name].is_given


def build(
    name: str, inputs: Mapping[str, Any], outputs: Sequence[str], chosen: Mapping[str, Any]
) -> base.FusionModel:
    """Return a new model, initialised from torch's global random state.

    Args:
        name: see `names`.
        inputs: form of each modality's features.
        outputs: names of the scores.
        chosen: settings that differ from the defaults.

    Raises:
        NotFound: when the model or a setting does not exist.
        InvalidInput: when a setting has an impossible value.

    Example:
        >>> from qfusion.models import InputSpec
        >>> from qfusion.models.registry import build
        >>> inputs = {"text": InputSpec(3), "audio": InputSpec(2)}
        >>> build("quantum-jump", inputs, ["score"], {"dims": [2, 2]}).dims
        (2, 2)
    """
    return KINDS[choose("Model", name, KINDS)](inputs, outputs, **chosen)


def rebuild(
    name: str,
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    chosen: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor],
) -> Any:
    """Return a model with the given weights, as `build` makes it, but without drawing random numbers.

    A description that asks for more than these weights fill costs no memory.

    Args:
        name, inputs, outputs, chosen: see `build`.
        weights: of its `state_dict`, which become the model's own.

    Raises:
        NotFound, InvalidInput: see `build`.
        RuntimeError: when the weights are not those of such a model.
    """
    with _Unfilled(2 * sum(weight.numel() for weight in weights.values()) + 2**20):
        model = build(name, inputs, outputs, chosen)
    model.load_state_dict(weights, assign=True)
    return model


class _Unfilled(TorchFunctionMode):
    """Context manager that replaces uninitialised and random tensors by zeros, draws no random numbers, and limits the
    total size of new tensors.

    The device "meta" would do, but whatever is calculated there imports torch's compiler and SymPy: more than a second
    in every process.
    """

    def __init__(self, limit: int):
        super().__init__()
        self.left = limit

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Any = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name.endswith(("uniform_", "normal_")):
            return args[0] if args else kwargs["tensor"]
        if name in ("rand_like", "randn_like"):
            return torch.zeros_like(*args, **kwargs)
        if name in ("empty", "zeros", "ones", "full", "rand", "randn"):
            sizes = args[0] if args and isinstance(args[0], Sequence) else kwargs.get("size", args)
            self.left -= math.prod(sizes)
            if self.left < 0:
                raise RuntimeError("it would hold more numbers than the weights")
        return (torch.zeros if name in ("empty", "rand", "randn") else function)(*args, **kwargs)
