"""How the features of a data set become the arguments of a user's model.

names       by the names of its arguments: `text`, `audio`, with `text_mask`, `text_lengths` or, of the only sequence,
            `attention_mask`, `mask` or `lengths` where it takes them
order       in the order of the modalities
joined      with one argument, the features of all modalities side by side
dict        with one argument, a dictionary of modalities
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.data.given_forms import GivenForm, restore, round_whole

STYLES = ("names", "order", "joined", "dict")
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Arrange = Callable[[Mapping[str, Any]], Arguments]


@dataclass(frozen=True)
class Forms:
    """The forms in which a model takes the features of modalities; those of a data set unless named.

    Attributes:
        given: by modality, the form that a user gave it in.
        whole: modalities that the model takes as whole numbers, int64.
    """

    given: Mapping[str, GivenForm]
    whole: frozenset[str] = frozenset()

    def values(self, name: str, features: Any) -> Tensor:
        """Return the values of one modality as the model takes them."""
        values: Tensor = features[0] if isinstance(features, tuple) else features
        form = self.given.get(name)
        if form is not None:
            values = restore(values, form, isinstance(features, tuple))
        return round_whole(values) if name in self.whole else values


STORED = Forms({})


def likely_styles(model: Any, modalities: Sequence[str]) -> list[str]:
    """Return the styles by which a model may be called, the likeliest first."""
    parameters = parameters_of(model)
    names = {p.name for p in parameters}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if set(modalities) <= names:
        return ["names"]
    if takes_any and not required:
        return ["names", "order", "joined", "dict"]
    if len(required) == 1:
        return ["joined", "dict"]
    return ["order", "joined", "dict"]


def parameters_of(model: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function, a module's `forward`, or another callable; none where they are unknown."""
    called = model.forward if isinstance(model, nn.Module) else model
    if not isinstance(called, functools.partial) and not inspect.isroutine(called):
        called = getattr(called, "func", called)
    try:
        return list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        return []


def arrange_by(model: Any, style: str, modalities: Sequence[str], forms: Forms = STORED) -> Arrange:
    """Return how features by modality become the arguments of a call.

    Args:
        model: that is called. style: of `STYLES`.
        modalities: names, in their order.
        forms: in which the model takes them; side by side they are as stored.
    """
    if style == "names":
        return _by_names(model, modalities, forms)
    if style == "order":
        return lambda features: (
            tuple(forms.values(name, features[name]) for name in modalities),
            {},
        )
    if style == "dict":
        return lambda features: (
            ({name: _with_mask(name, features[name], forms) for name in modalities},),
            {},
        )
    return lambda features: ((joined_features(features, modalities),), {})


def _by_names(model: Any, modalities: Sequence[str], forms: Forms) -> Arrange:
    parameters = parameters_of(model)
    names = {p.name for p in parameters}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)

    def arrange(features: Mapping[str, Any]) -> Arguments:
        sequences = [name for name in modalities if isinstance(features[name], tuple)]
        named: dict[str, Any] = {}
        for name in modalities:
            if name in names or takes_any:
                named[name] = forms.values(name, features[name])
        for name in sequences:
            mask = features[name][1]
            own = (f"{name}_", "") if len(sequences) == 1 else (f"{name}_",)
            for start in own:
                extra = {
                    f"{start}mask": mask,
                    f"{start}attention_mask": mask.long(),
                    f"{start}lengths": mask.sum(1),
                }
                named |= {key: value for key, value in extra.items() if key in names}
        return (), named

    return arrange


def _with_mask(name: str, features: Any, forms: Forms) -> Any:
    values = forms.values(name, features)
    return (values, features[1]) if isinstance(features, tuple) else values


def joined_features(features: Mapping[str, Any], modalities: Sequence[str]) -> Tensor:
    """Return the features of all modalities side by side, (B, F), sequences by the means over their steps."""
    parts = []
    for name in modalities:
        values = features[name]
        if isinstance(values, tuple):
            steps, mask = values
            values = (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        parts.append(values)
    return torch.cat(parts, 1)
