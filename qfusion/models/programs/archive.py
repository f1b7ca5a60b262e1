"""The contents of a `.pt2` file that anybody may have made, read without torch's loader.

`torch.export.load` unpickles (the example inputs, and any weight or constant that says so), evaluates the text of
symbolic sizes, takes any attribute of torch as an operator, and loads compiled libraries that lie in the archive.
Nothing of that is needed to run a program: its graph is JSON and its weights are bytes. Here the members are checked
before any is read, weights are made of their bytes, and pickles are left unread. The graph is run by `graph`, whose
operators are named one by one in `operators`.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import InvalidInput

MAX_SIZE = 1 << 30  # bytes of a file
_MAX_MEMBERS, _MAX_JSON = 20_000, 64 << 20
SCHEMA = 8  # of the graph: torch 2.5 and later
_KNOWN = ("archive_format", "archive_version", "byteorder", ".data/", ".format_version", ".storage_alignment",
          "version", "models/model.json", "data/weights/", "data/constants/", "data/sample_inputs/", "extra/")
DTYPES = {1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16,
          7: torch.float32, 8: torch.float64, 10: torch.complex64, 11: torch.complex128, 12: torch.bool,
          13: torch.bfloat16}
_AGAIN = "Export it again with `torch.export.save(torch.export.export(model.eval(), example), 'model.pt2')`."


@dataclass(frozen=True, eq=False)
class Archive:
    """What a .pt2 file holds.

    Attributes:
        file: its name, for messages.
        program: the JSON of the program.
        weights, constants: tensors by their full names.
        torch_version: that it was written with.
    """

    file: str
    program: dict[str, Any]
    weights: dict[str, Tensor]
    constants: dict[str, Tensor]
    torch_version: str


def is_archive(data: bytes) -> bool:
    """Returns whether these bytes are a zip file, as programs of torch.export are."""
    return data[:4] == b"PK\x03\x04"


def read(data: bytes, file: str) -> Archive:
    """Returns the contents of a .pt2 file; nothing in it is run.

    Raises:
        InvalidInput: when it is damaged, too large, of another version of torch, or holds anything but a graph with its
            tensors.
    """
    check(len(data) <= MAX_SIZE, f"Program `{file}` has {len(data) / 2**30:.1f} GiB, but at most "
                                 f"{MAX_SIZE / 2**30:.0f} are read. Export a smaller model.")
    # Where the end is cut off, zipfile would take an archive that lies inside for the whole.
    check(data[-22:-18] == b"PK\x05\x06",
          f"Program `{file}` is damaged: its end is missing. Copy it again, or e{_AGAIN[1:]}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            return _read(opened, len(data), file)
    except (zipfile.BadZipFile, LookupError, TypeError, ArithmeticError, AttributeError, ValueError, RuntimeError,
            NotImplementedError, EOFError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"Program `{file}` is damaged "
                           f"({' '.join(str(error).split())[:120] or type(error).__name__}). {_AGAIN}") from error


def _read(opened: zipfile.ZipFile, size: int, file: str) -> Archive:
    members = _members(opened, size, file)
    check("serialized_exported_program.json" not in members, f"Program `{file}` was written by torch 2.7 or before, "
                                                             f"whose files differ. With torch 2.8 or later: {_AGAIN}")
    check("constants.pkl" not in members and "data.pkl" not in members,
          f"Program `{file}` is a pickle of weights or a TorchScript, not a program of torch.export. {_AGAIN}")
    for name in members:
        check(not name.startswith("data/aotinductor"), f"Program `{file}` holds compiled code ({name[:60]}), which is "
                                                       f"not run here. {_AGAIN}")
        check(name.startswith(_KNOWN), f"Program `{file}` holds {name[:60]!r}, which programs of torch.export do not. "
                                       f"{_AGAIN}")
    check("models/model.json" in members, f"Program `{file}` is not a program of torch.export: it has no "
                                          f"models/model.json. {_AGAIN}")
    if "byteorder" in members:
        check(opened.read(members["byteorder"]).strip() == b"little", f"Program `{file}` has its bytes in big-endian "
                                                                      f"order. {_AGAIN}")
    program = _json(opened, members["models/model.json"], file)
    said = str(program.get("torch_version", "unknown"))
    version = re.sub(r"[^\w.+-]", "?", said)[:30]
    major = program["schema_version"]["major"]
    check(major == SCHEMA, f"Program `{file}` was written by torch {version} (schema {major}), but programs of schema "
                           f"{SCHEMA} are read here. With torch {torch.__version__.partition('+')[0]}: {_AGAIN}")
    stores = [_tensors(opened, members, place, file) for place in ("weights", "constants")]
    return Archive(file, program, stores[0], stores[1], version)


def _members(opened: zipfile.ZipFile, size: int, file: str) -> dict[str, zipfile.ZipInfo]:
    """The members by their names within the archive's one folder, none of which takes more memory than the file."""
    listed = opened.infolist()
    check(len(listed) <= _MAX_MEMBERS, f"Program `{file}` has {len(listed):,} members, but at most {_MAX_MEMBERS:,} "
                                       f"are read. {_AGAIN}")
    check(all(each.compress_type == zipfile.ZIP_STORED for each in listed) and sum(each.file_size for each in listed)
          <= size,
          f"Program `{file}` is compressed or says it holds more than it does; torch writes members as they are. "
          f"{_AGAIN}")
    found: dict[str, zipfile.ZipInfo] = {}
    roots = set()
    for each in listed:
        root, _, rest = each.filename.partition("/")
        check(".." not in each.filename.split("/") and "\\" not in each.filename and root != "" and rest not in found,
              f"Program `{file}` has a member of an impossible name ({each.filename[:60]!r}). {_AGAIN}")
        roots.add(root)
        found[rest or root] = each
    if len(roots) > 1:  # without a folder, as before torch 2.8
        return {each.filename: each for each in listed}
    return found


def _json(opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> dict[str, Any]:
    check(member.file_size <= _MAX_JSON, f"Program `{file}` has a graph of {member.file_size / 2**20:.0f} MiB, but at "
                                         f"most {_MAX_JSON / 2**20:.0f} are read. Export a smaller model.")
    found = json.loads(opened.read(member))
    if not isinstance(found, dict):
        raise ValueError(f"{member.filename} is no JSON object")
    return found


def _tensors(opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], place: str, file: str) -> dict[str, Tensor]:
    """Tensors of the archive's weights or constants, made of their bytes."""
    check(f"data/{place}/model.pt" not in members, f"Program `{file}` holds its {place} as a pickle. With torch 2.9 or "
                                                   f"later: {_AGAIN}")
    said = members.get(f"data/{place}/model_{place}_config.json")
    if said is None:
        return {}
    stored: dict[str, bytearray] = {}
    found = {}
    for name, about in _json(opened, said, file)["config"].items():
        path = str(about["path_name"])
        check(not about["use_pickle"] and not path.startswith(("custom_obj", "opaque_obj")),
              f"Program `{file}` holds `{name[:60]}` as a pickle, which could run anything. Give the model plain "
              f"tensors. {_AGAIN}")
        if path not in stored:
            stored[path] = bytearray(opened.read(members[f"data/{place}/{path}"]))
        found[name] = _tensor(stored[path], about["tensor_meta"])
    return found


def _tensor(stored: bytearray, about: dict[str, Any]) -> Tensor:
    sizes, strides = ([int(each["as_int"]) for each in about[key]] for key in ("sizes", "strides"))
    dtype, offset = DTYPES[about["dtype"]], int(about["storage_offset"]["as_int"])
    if about["layout"] != 7 or min([*sizes, *strides, offset, 0]) < 0:
        raise ValueError("a tensor is not a plain array")
    if not stored:
        return torch.zeros(sizes, dtype=dtype) if 0 in sizes else _short()
    # Bounds are checked by torch: no view may reach beyond what is stored.
    return torch.as_strided(torch.frombuffer(stored, dtype=dtype), sizes, strides, offset)


def _short() -> Tensor:
    raise ValueError("a tensor has no bytes")
