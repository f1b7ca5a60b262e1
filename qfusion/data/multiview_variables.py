"""The variables of a .mat or .npz file, and which of them holds the labels."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels, mat_files, variables, view_arrangement, view_layout
from qfusion.data.variables import Variable


class MultiviewFile:
    """The variables of a file, and its labels.

    Attributes:
        names: of all variables.
        variables: arrays by name, containers: the entries of cells and structs by name; both without the labels.
        label: name of the labels.
    """

    def __init__(self, path: Path, several: bool = False):
        """Read a file; `several`: whether a sample may have several labels, so that they are a matrix."""
        self.path = path
        content = _read_variables(path)
        self.names = list(content)
        self.label = _choose_label(path.name, content, several)
        shown = ", ".join(self.names[:8]) or "nothing"
        check(
            self.label != "" or not several,
            f"File `{path.name}` must hold `y` (N, L) of 0 and 1, a column a label, for --target labels, but holds "
            f"{shown}. Write it so.",
        )
        check(
            self.label != "",
            f"File `{path.name}` must hold labels `Y`, but holds {shown}. {describe_layout(path)}",
        )
        self.given = content.pop(self.label)
        self.variables: dict[str, Variable] = {}
        self.containers: dict[str, dict[str, Variable]] = {}
        for name, value in content.items():
            entries = _entries(value)
            if entries is None:
                self.variables[name] = _variable(path.name, name, value)
            else:
                self.containers[name] = {
                    key: _variable(path.name, key, entry) for key, entry in entries.items()
                }

    @property
    def shape_of_labels(self) -> tuple[int, ...]:
        """The shape that the labels have in the file."""
        return tuple(self.given.shape)

    def labels(self, several: bool = False) -> np.ndarray:
        """Labels (N,), or (N, L) where a sample may have several."""
        what = f"Labels in `{self.path.name}`"
        values = _variable(self.path.name, self.label, self.given).whole()
        if several:
            return values
        remedy = "Give one label a sample, or import the set with --target labels if it may have several."
        return class_labels.flat(what, values, remedy)

    def arrange(self, codes: np.ndarray) -> view_layout.Layout:
        """Return the roles of the variables, for targets (N,)."""
        layout = view_arrangement.arrange(
            self.path.name,
            self.label,
            codes,
            self.variables,
            self.containers,
            columns=is_npz(self.path),
        )
        place = {name: at for at, name in enumerate(self.names)}
        layout.left_out.sort(key=lambda entry: place.get(entry.name, 0))
        return layout


def is_npz(path: Path) -> bool:
    """Whether a file is a .npz file by its ending."""
    return path.suffix.lower() == ".npz"


def describe_layout(path: Path) -> str:
    """Return the expected layout of a file with that ending, in a sentence."""
    if is_npz(path):
        return "Save one array a view, a row a sample, and the labels as `y`."
    return "Save the views as cell `X` and the labels as `Y`."


def _read_variables(path: Path) -> dict[str, Any]:
    """The variables of a file by name: of a .npz file each a `Variable`, else as `read_mat` gives them."""
    if is_npz(path):
        return dict(variables.npz_variables(path))
    return _open_struct(mat_files.read_mat(path))


def _variable(file: str, name: str, value: Any) -> Variable:
    return value if isinstance(value, Variable) else variables.memory_variable(file, name, value)


def _open_struct(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a struct in place of the struct, when it is the only variable with labels."""
    if class_labels.find_label_names(list(content)):
        return content
    for value in content.values():
        names = getattr(getattr(value, "dtype", None), "names", None) or ()
        if class_labels.find_label_names(list(names)) and value.size == 1:
            return {key: value[key].ravel()[0] for key in names}
    return content


def _entries(value: Any) -> dict[str, Any] | None:
    """Return the entries of a cell or struct array of one field by number, of a struct by field; None for an array."""
    if not (value.dtype == object or value.dtype.names):
        return None
    fields = value.dtype.names or ()
    if len(fields) > 1:
        return {key: value[key].ravel()[0] for key in fields} if value.size == 1 else {}
    cells = value[fields[0]] if fields else value
    inner = cells.ravel()
    if len(inner) == 1 and getattr(inner[0], "dtype", np.dtype(float)).hasobject:
        inner = inner[0].ravel()  # a cell whose only entry is the cell of the views
    return {f"view{number}": view for number, view in enumerate(inner, 1)}


def _choose_label(file: str, content: dict[str, Any], several: bool) -> str:
    """The name of the labels; empty where there are none."""
    if several:
        known = class_labels.find_label_names(list(content))
        return next((name for name in known if len(content[name].shape) == 2), "")
    matrices = [
        tuple(entry.shape)
        for name, value in content.items()
        for entry in (_entries(value) or {name: value}).values()
        if hasattr(entry, "shape") and prod(entry.shape) > max(entry.shape, default=0)
    ]

    def fits(count: int) -> bool:
        return any(view_layout.has_samples(shape, count) for shape in matrices)

    lengths = {name: _label_count(value) for name, value in content.items()}
    return view_arrangement.choose_label(list(content), lengths, fits)


def _label_count(value: Any) -> int:
    """Return the number of labels that a variable may hold: the length of a list, or of a cell; else 0."""
    longest = max(value.shape, default=0)
    if value.dtype == object:
        first = np.asarray(value.ravel()[0]) if prod(value.shape) else np.zeros(0)
        return first.size if first.size > 1 else prod(value.shape)
    is_list = not value.dtype.names and prod(value.shape) == longest
    return longest if is_list else 0
