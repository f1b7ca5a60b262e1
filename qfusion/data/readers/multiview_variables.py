"""The variables of a .mat or .npz file, and which of them are the labels and the views."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qfusion.data.parsing import LABEL_NAMES, normalize_name
from qfusion.data.readers import variables
from qfusion.data.readers.variables import Variable
from qfusion.errors import InvalidInput

CONTAINERS = ("x", "data", "fea", "feat", "feature", "features", "view", "views")
_SHOWN = 12  # variables in a sentence
_OFFERED = 4  # views in an example of a command


class MultiviewFile:
    """The variables of a file by address: `X`, entry `X{1}` of a cell, field `X.text` of a struct.

    Attributes:
        path: of the file.
        entries: of the file, with the entries of cells and structs: variables of a .npz file, else as `read_mat` gives
            them.
    """

    def __init__(self, path: Path):
        self.path = path
        self._content = variables.npz_variables(path) if is_npz(path) else variables.read_mat(path)
        self.entries = dict(_walk(self._content))

    def variable(self, address: str, option: str) -> Variable:
        """Return one array.

        Args:
            address: of it. option: that names it, for messages.

        Raises:
            InvalidInput: when there is no such variable.
        """
        if address not in self.entries:
            raise self.refusal(f"{option} names `{address[:60]}`, which is not there.")
        return self._variable(address)

    def find_label(self, several: bool = False) -> str:
        """Return the address of the labels by its name, see `column_names.LABEL_NAMES`.

        Args:
            several: whether a sample may have several labels, so that they are a matrix.

        Raises:
            InvalidInput: when no variable has such a name.
        """
        for name in _label_names(self._content):
            if not several or len(self._content[name].shape) == 2:
                return name
        raise self.refusal(
            "It must hold `y` (N, L) of 0 and 1, a column a label, for --target labels."
            if several
            else "It must hold labels called `y`, `Y`, `labels` or alike."
        )

    def find_views(self, count: int, taken: Sequence[str]) -> dict[str, Variable]:
        """Return the views by name: the entries of the cell or struct of views, or else every matrix of numbers.

        Args:
            count: number of samples. taken: addresses of labels and other known variables.

        Raises:
            InvalidInput: when a matrix may be something else than a view.
        """
        for name, value in self._content.items():
            if normalize_name(name) in CONTAINERS and _is_container(value):
                return self._contained(name, value)
        views = {
            name: self._variable(name)
            for name, value in self._content.items()
            if name not in taken and not _is_container(value)
        }
        views = {name: view for name, view in views.items() if self._is_matrix(view, count)}
        for name, view in views.items():
            others = len(views) - 1
            if others > 0 and view.shape == (count, count):
                raise self.refusal(f"`{name}` may be a view or a graph of the samples.")
            if others > 1 and _is_mask(view, count, others):
                raise self.refusal(f"`{name}` may be a view or a mask.")
        return views

    def refusal(self, why: str) -> InvalidInput:
        """Return an error that names the variables of the file and prints the command to give."""
        named = [
            name
            for name, value in self.entries.items()
            if name in self._content or np.prod(value.shape) > 1  # not each word of a cell
        ]
        return InvalidInput(
            f"What is what in `{self.path.name}` is not clear. {why} In it: {self.shown(named)}. Name the variables: "
            f"{self._command()}"
        )

    def shown(self, addresses: Sequence[str]) -> str:
        """Return the first variables of a list with their shapes, as text."""
        words = [f"{name} {_shape(self.entries[name])}" for name in addresses[:_SHOWN]]
        more = f" and {len(addresses) - _SHOWN:,} more" if len(addresses) > _SHOWN else ""
        return f"{', '.join(words) or 'nothing'}{more}"

    def left_out(self, used: Sequence[str]) -> list[str]:
        """Return the names of variables of which nothing is used."""
        return [
            name
            for name in self._content
            if not any(
                address == name or address.startswith((f"{name}{{", f"{name}.")) for address in used
            )
        ]

    def _variable(self, address: str) -> Variable:
        value = self.entries[address]
        if isinstance(value, Variable):
            return value
        return variables.memory_variable(self.path.name, address, value)

    def _contained(self, name: str, value: Any) -> dict[str, Variable]:
        fields = value.dtype.names
        if fields:
            return {field: self._variable(f"{name}.{field}") for field in fields if value.size == 1}
        return {
            f"view{number}": self._variable(f"{name}{{{number}}}")
            for number in range(1, value.size + 1)
        }

    def _is_matrix(self, view: Variable, count: int) -> bool:
        """Whether a variable is a matrix of numbers with a row or column per sample; a column only in a .npz file."""
        shape = view.shape
        if not view.is_numeric or len(shape) < 2 or not has_samples(shape, count):
            return False
        return (is_npz(self.path) and shape[0] == count) or sorted(shape)[-2] > 1

    def _command(self) -> str:
        """Return a command that names labels and views, of this file where its variables allow."""
        arrays = {name: value for name, value in self.entries.items() if not _is_container(value)}
        lists = [
            name
            for name, value in arrays.items()
            if max(value.shape, default=0) > 1 and _is_list(value.shape)
        ]
        label = next(iter([*_label_names(self.entries), *lists]), "VARIABLE")
        matrices = [
            name
            for name, value in arrays.items()
            if value.dtype.kind in "biuf" and len(value.shape) > 1 and not _is_list(value.shape)
        ]
        views = [f"view{number}={name}" for number, name in enumerate(matrices[:_OFFERED], 1)] or [
            "NAME=VARIABLE"
        ]
        words = ["--label", label, *(word for view in views for word in ("--view", view))]
        return f"qfusion data import {shlex.join([self.path.name])} --name NAME {shlex.join(words)}"


def _label_names(names: Iterable[str]) -> list[str]:
    """Return the names that are names of labels, in order of preference."""
    known = [name for name in names if normalize_name(name) in LABEL_NAMES]
    return sorted(known, key=lambda name: LABEL_NAMES.index(normalize_name(name)))


def is_npz(path: Path) -> bool:
    """Whether a file is a .npz file by its ending."""
    return path.suffix.lower() == ".npz"


def has_samples(shape: Sequence[int], count: int) -> bool:
    """Whether the first or the last axis of a shape has so many entries."""
    return len(shape) > 0 and min(shape) > 0 and count in (shape[0], shape[-1])


def _walk(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield all values by address, those of cells and structs after these."""
    for address, value in content.items():
        yield address, value
        if not _is_container(value):
            continue
        if value.dtype.names:
            fields = value.dtype.names if value.size == 1 else ()
            inner = {f"{address}.{field}": value[field].ravel()[0] for field in fields}
        else:
            inner = {f"{address}{{{n}}}": entry for n, entry in enumerate(value.ravel(), 1)}
        yield from _walk({key: _array(entry) for key, entry in inner.items()})


def _array(value: Any) -> Any:
    return value if hasattr(value, "shape") else np.asarray(value)


def _is_container(value: Any) -> bool:
    """Whether a value is a cell or a struct."""
    return bool(value.dtype == object or value.dtype.names)


def _is_list(shape: Sequence[int]) -> bool:
    return int(np.prod(shape)) == max(shape, default=0)


def _is_mask(view: Variable, count: int, others: int) -> bool:
    """Whether a matrix of 0 and 1 has a column for each of the others."""
    if view.dtype.kind not in "biuf" or view.shape not in ((count, others), (others, count)):
        return False
    return bool(np.isin(view.whole(), (0, 1)).all())


def _shape(value: Any) -> str:
    if value.dtype == object:
        return f"(cell of {value.size})"
    return "(struct)" if value.dtype.names else str(tuple(value.shape))
