"""Choices of a new training: the settings of a kind of model on a data set."""

from collections.abc import Iterable
from typing import Any

from qfusion._settings import bounds, choices
from qfusion.models import FUSION
from qfusion.panels import page_state, params, pickers
from qfusion.runs import plans


def data_choice(key: str) -> params.SelectParam:
    """Return the choice of the data set to train on."""
    return params.SelectParam(
        key,
        "Data",
        "The first is taken.",
        values=lambda _: pickers.sources_with_features(),
        titles=pickers.data_names,
    )


def kind_choice(key: str) -> params.SelectParam:
    """Return the choice of the kind of model to train."""
    return params.SelectParam(key, "Kind of model", "The first is taken.", values=FUSION)


NEW_DATA, NEW_KIND = data_choice("new.data"), kind_choice("new.kind")


def setting_choices(view: page_state.PageState, _: Any = None) -> list[params.Param]:
    """Return the choices of a new training's settings, of the data set and kind of model that an address says."""
    name = view.option(NEW_DATA.key, pickers.sources_with_features())
    kind = view.option(NEW_KIND.key, list(FUSION))
    return [
        setting_choice(name, kind, key, default)
        for key, default in plans.default_settings(name, kind).items()
    ]


# The settings that the form shows first, after epochs and learning rate.
MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}


def setting_choice(
    name: str, kind: str, key: str, begin: Any, values: Iterable[str] = ()
) -> params.Param:
    """Return a setting of a new training. Each kind of model and data set has its own setting, since the default values
    differ.

    Args:
        name, kind: of data set and model. key: of the setting.
        begin: its value unless another is chosen. values: which words it may be, all of its own by default.
    """
    field = plans.setting_fields(kind)[key]
    words = (
        f"new.{kind}.{name}.{key}",
        field.title or key,
        "The usual is taken.",
        field.description or "",
    )
    if choices(field):
        return params.SelectParam(*words, values=values or choices(field), default=str(begin))
    if isinstance(begin, bool):
        return params.SwitchParam(*words, default=begin, look="box")
    if field.annotation not in (int, float):
        return params.TextParam(*words, most=60, style={"value": setting_text(begin)})
    low, high = bounds(field)
    whole = field.annotation is int
    start = begin
    step = 1 if whole else min(abs(start) / 4, (high - start) / 2) or 0.05
    return params.NumberParam(
        *words,
        low,
        high,
        start,
        step,
        whole,
        look="box",
        style={} if whole else {"format": "%g"},
    )


def setting_text(value: Any) -> str:
    """Return a setting as it is typed: several numbers with commas between them."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
