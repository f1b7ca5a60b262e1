"""Settings of models and trainings: one description of each, a field of a class derived from `Settings`.

    epochs: int = Field(60, ge=1, le=2000, title="Max epochs", description="Maximum number of passes.")

From the field follow its check, `--set` and TOML, the form of the Train page, the table in the documentation, and its
place in the card of a trained model.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NoReturn, Self, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from qfusion._checks import choose
from qfusion.errors import InvalidInput


class Settings(BaseModel):
    """Settings, checked when they are made. A text is read as a value of its field, "30" as 30 and "4,4,2" as numbers.

    Raises:
        NotFound: when a setting or the value of a choice does not exist.
        InvalidInput: when a value is impossible.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            _refuse(type(self), error)

    @field_validator("*", mode="before")
    @classmethod
    def _read_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Return a number of NumPy as one of Python. A truth value is not a number."""
        value = value.item() if isinstance(value, np.generic) else value
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise InvalidInput(_impossible(str(info.field_name), field, value))
        return value

    def replace(self, **changes: Any) -> Self:
        """Return the settings with some changes; errors as of the class."""
        return type(self)(**{**self.model_dump(), **changes})


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the words that a setting can be; none for numbers and free text."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def bounds(field: FieldInfo) -> tuple[float, float]:
    """Return the smallest and the largest value of a number; a half-open range has its bound, too."""
    limits = _limits(field)
    return limits.get("ge", -math.inf), limits.get("le", limits.get("lt", math.inf))


def _limits(field: FieldInfo) -> dict[str, float]:
    """Return the limits of a number, by the names that pydantic gives them."""
    return {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("ge", "le", "lt")
        if hasattr(limit, name)
    }


def allowed_values(field: FieldInfo) -> str:
    """Return what a setting can be, as the end of a sentence on what it must do."""
    low, high = bounds(field)
    if choices(field):
        return f"be one of {', '.join(choices(field))}"
    if field.annotation is bool:
        return "be true or false"
    if field.annotation is int:
        return f"be a whole number from {low} to {high}"
    if field.annotation is float:
        is_open = "lt" in _limits(field)
        return f"lie in [{low:g}, {high:g})" if is_open else f"lie between {low:g} and {high:g}"
    if field.annotation is str:
        return "be text"
    return "be a whole number, or several such as 4,4,2"


def _impossible(name: str, field: FieldInfo, value: Any) -> str:
    return f"Argument `{name}` must {allowed_values(field)}, but is {repr(value)[:80]}."


def _refuse(kind: type[Settings], error: ValidationError) -> NoReturn:
    """Raise the first error that pydantic found as one of ours."""
    first = error.errors()[0]
    if "error" in first.get("ctx", {}):  # raised by one of our validators
        raise first["ctx"]["error"] from None
    name, value = str(first["loc"][0]), first["input"]
    field = kind.model_fields[choose("Setting", name, kind.model_fields)]
    if choices(field):
        choose(f"Value of `{name}`", value, choices(field))
    raise InvalidInput(_impossible(name, field, value)) from None
