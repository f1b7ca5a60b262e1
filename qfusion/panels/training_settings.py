"""Choices of a new training: the settings of a kind of model on a data set."""

from collections.abc import Iterable
from typing import Any

from qfusion.models import FUSION
from qfusion.panels import page_state, params, pickers
from qfusion.runs import plans
from qfusion.wording import setting_texts


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
        if key in setting_texts.SETTINGS
    ]


def setting_choice(
    name: str, kind: str, key: str, begin: Any, values: Iterable[str] = ()
) -> params.Param:
    """Return a setting of a new training. Each kind of model and data set has its own setting, since the default values
    differ.

    Args:
        name, kind: of data set and model. key: of the setting.
        begin: its value unless another is chosen. values: which words it may be, all of its own by default.
    """
    about = setting_texts.SETTINGS[key]
    words = (f"new.{kind}.{name}.{key}", about.title, "The usual is taken.", about.says)
    if about.choices:
        return params.SelectParam(*words, values=values or about.choices, default=str(begin))
    if isinstance(begin, bool):
        return params.SwitchParam(*words, default=begin, look="box")
    if key == "dims" or isinstance(begin, str):  # dims: one number or several, so typed as text
        value = ", ".join(map(str, begin)) if isinstance(begin, list) else str(begin)
        return params.TextParam(*words, most=60, style={"value": value})
    low = about.low
    high = about.high
    whole = isinstance(begin, int)
    start = min(max(begin, low), high)
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
