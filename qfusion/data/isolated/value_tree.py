"""Values that one process hands another in files: plain containers as JSON, arrays and bytes in one file beside it.

Unlike a pickle, such files name nothing that could be run. Arrays are read as views of the file, so that a large one
takes no memory before it is used.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

TREE = "tree.json"
BLOCKS = "blocks.bin"
ALIGNMENT = 64  # bytes at which a block begins


@contextmanager
def open_files(folder: Path) -> Iterator[tuple[TextIO, BinaryIO]]:
    """Open the two files in a folder that `write_value` writes."""
    with (
        (folder / TREE).open("w", encoding="ascii") as tree,
        (folder / BLOCKS).open("wb") as blocks,
    ):
        yield tree, blocks


def write_value(value: Any, tree: TextIO, blocks: BinaryIO) -> None:
    """Write a value to two files.

    Args:
        value: None, numbers, text, bytes, arrays without objects inside, and lists, tuples, sets, dictionaries and
            arrays of objects that hold such values.
        tree, blocks: of `open_files`.

    Raises:
        TypeError: for any other value.
        RecursionError: for containers that lie too deep inside one another.
    """
    tree.write(json.dumps(_Writer(blocks).encode(value)))


def read_value(folder: Path) -> Any:
    """Return the value that `write_value` has written to a folder; its arrays are read-only views of the file."""
    import numpy as np

    path = folder / BLOCKS
    blocks = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    return _decode(json.loads((folder / TREE).read_text(encoding="ascii")), blocks)


class _Writer:
    """Encodes values as JSON's types; the blocks of arrays and bytes go to a file."""

    def __init__(self, blocks: BinaryIO):
        self.blocks = blocks
        self.offsets: dict[int, int] = {}  # of arrays that have been written, by their ids

    def encode(self, value: Any) -> Any:
        """Return a value as JSON's types; a container other than a list is a dictionary of one entry, its kind."""
        import numpy as np

        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, list):
            return [self.encode(entry) for entry in value]
        if isinstance(value, tuple):
            return {"tuple": [self.encode(entry) for entry in value]}
        if isinstance(value, (set, frozenset)):
            return {"set": [self.encode(entry) for entry in value]}
        if isinstance(value, dict):
            return {
                "dict": [[self.encode(key), self.encode(entry)] for key, entry in value.items()]
            }
        if isinstance(value, (bytes, bytearray)):
            return {"bytes": [self.write_block(value), len(value)]}
        if isinstance(value, np.ndarray) and value.dtype == object:
            return {"objects": [list(value.shape), [self.encode(entry) for entry in value.flat]]}
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return {"array": [value.dtype.str, list(value.shape), self.write_array(value)]}
        raise TypeError(f"{type(value).__name__} is not a plain value")

    def write_array(self, array: Any) -> int:
        """Write an array's numbers in C order, once, and return the offset of their first byte."""
        import numpy as np

        if id(array) not in self.offsets:
            contiguous = np.ascontiguousarray(array)
            self.offsets[id(array)] = self.write_block(
                contiguous.reshape(-1).view(np.uint8).data if contiguous.nbytes else b""
            )
        return self.offsets[id(array)]

    def write_block(self, content: Any) -> int:
        """Write bytes and return the offset of the first."""
        self.blocks.write(bytes(-self.blocks.tell() % ALIGNMENT))
        offset = self.blocks.tell()
        self.blocks.write(content)
        return offset


def _decode(node: Any, blocks: Any) -> Any:
    """Return the value that `_Writer.encode` has encoded."""
    import numpy as np

    if isinstance(node, list):
        return [_decode(entry, blocks) for entry in node]
    if not isinstance(node, dict):
        return node
    [(kind, content)] = node.items()
    if kind == "tuple":
        return tuple(_decode(entry, blocks) for entry in content)
    if kind == "set":
        return {_decode(entry, blocks) for entry in content}
    if kind == "dict":
        return {_decode(key, blocks): _decode(entry, blocks) for key, entry in content}
    if kind == "bytes":
        offset, size = content
        return blocks[offset : offset + size].tobytes()
    if kind == "objects":
        shape, entries = content
        decoded = (_decode(entry, blocks) for entry in entries)
        return np.fromiter(decoded, object, len(entries)).reshape(shape)
    dtype, shape, offset = content
    if np.dtype(dtype).itemsize * int(np.prod(shape, dtype=object)) == 0:
        return np.zeros(shape, dtype)
    return np.ndarray(shape, dtype, buffer=blocks, offset=offset)
