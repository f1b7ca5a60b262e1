"""Read pickles of NumPy arrays, plain containers, text and numbers, such as those of MMSA."""

import pickle
from pathlib import Path
from typing import Any

from qfusion._checks import check
from qfusion.data import files
from qfusion.errors import InvalidInput, translate_errors

_BUILTINS = ("bytearray", "bytes", "complex", "dict", "frozenset", "list", "set")
_ARRAYS = ("_reconstruct", "scalar", "_frombuffer")
# All names that a pickle may ask for. A module has other names in Python 2 and in NumPy 1.
ALLOWED = frozenset(
    {
        *((module, name) for module in ("builtins", "__builtin__") for name in _BUILTINS),
        *(
            (f"numpy.{core}.{module}", name)
            for core in ("_core", "core")
            for module in ("multiarray", "numeric")
            for name in _ARRAYS
        ),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
    }
)


def read_pickle(path: Path) -> Any:
    """Return the object in a pickle: plain containers, text, numbers and NumPy arrays.

    Text of Python 2 is read as Latin-1.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it asks for any other class or function (the message says for which), is cut short, damaged
            or larger than the memory that is available.
    """
    files.check_size(path.name, files.file_size(path))
    files.require_signature(path, "a pickle")
    with (
        translate_errors(
            f"File `{path.name}` cannot be read as a pickle",
            "It may be cut short or damaged: copy or save it again.",
            Exception,  # a damaged file raises whatever its bytes lead to
            why="{kind}: {words:.160}",
            passing=(InvalidInput,),
        ),
        path.open("rb") as file,
    ):
        return _Unpickler(file, encoding="latin1").load()


class _Unpickler(pickle.Unpickler):
    """Unpickler that knows the names in ALLOWED and no others: a pickle may call whatever it can name."""

    def find_class(self, module: str, name: str) -> Any:
        check(
            (module, name) in ALLOWED,
            f"The pickle asks for `{module[:80]}.{name[:80]}`, which is refused: only NumPy arrays, plain containers, "
            "text and numbers are read. If you trust the file, save its arrays again with NumPy.",
        )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
