"""File types by content: pointers, pages and archives under any suffix are recognised by every reader."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from qfusion import data
from qfusion.data import files, importing, own_samples
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput, QFusionError
from qfusion.training import checkpoint, checkpoint_cards
from tests.support import importable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path


def pointer(digest: str, size: int) -> bytes:
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()
    )


def archived() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data.csv", "a,b\n1,2\n")
    return out.getvalue()


def saved_by_torch() -> bytes:
    out = io.BytesIO()
    torch.save({"train": torch.zeros(3)}, out)
    return out.getvalue()


STRANGE: dict[str, tuple[bytes, str]] = {
    "pointer": (
        pointer("4d7a" * 16, 367_292_341),
        r"is a Git LFS pointer, not the data: run `git lfs pull`",
    ),
    "short pointer": (
        pointer("00ff" * 16, 7),
        r"is a Git LFS pointer, not the data: run `git lfs pull`",
    ),
    "page": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "is a web page, not the data"),
    "page of old": (
        b"\n  <HTML><head><title>404</title></head></HTML>",
        "is a web page, not the data",
    ),
    "page with a mark": (b"\xef\xbb\xbf<!-- x --><html></html>", "is a web page, not the data"),
    "message": (
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "is a web page, not the data",
    ),
    "gzip": (gzip.compress(b"data" * 9), "is compressed: unpack it"),
    "bzip2": (bz2.compress(b"data" * 9), "is compressed: unpack it"),
    "xz": (lzma.compress(b"data" * 9), "is compressed: unpack it"),
    "empty": (b"", "is empty"),
}


def imported(path: Path) -> Any:
    with manifest.staging_folder() as place:
        return importing.examine_files([path], place)


def in_a_table(name: str) -> Callable[[Path], Any]:
    """Reads a folder of tables in which the file stands under that name."""

    def read(path: Path) -> Any:
        place = importable.tables(path.parent / "tables")
        (place / name).write_bytes(path.read_bytes())
        if not name.startswith("labels"):
            (place / "audio.csv").unlink()
        return imported(place)

    return read


def as_weights(path: Path) -> Any:
    shipped = checkpoint_cards.folders()[0] / "qj-planted.json"
    (path.parent / "qj-planted.json").write_bytes(shipped.read_bytes())
    return checkpoint.load(path.rename(path.parent / "qj-planted.safetensors").with_suffix(".json"))


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "pickle": ("set.pkl", imported),
    "npz": ("views.npz", imported),
    "npz by path": ("views.npz", data.load),
    "mat": ("views.mat", imported),
    "mat by path": ("views.mat", data.load),
    "labels": ("x", in_a_table("labels.csv")),
    "csv": ("x", in_a_table("audio.tsv")),
    "parquet": ("x", in_a_table("audio.parquet")),
    "npy": ("x", in_a_table("audio.npy")),
    "weights": ("w.safetensors", as_weights),
    "sound": ("clip.wav", own_samples.read_recording),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_names_the_file_type(reader: str, kind: str, folder: Path) -> None:
    name, read = READERS[reader]
    content, message = STRANGE[kind]
    (folder / name).write_bytes(content)
    with pytest.raises(QFusionError, match=message):
        read(folder / name)


@pytest.mark.parametrize("content", [archived(), saved_by_torch()])
@pytest.mark.parametrize("reader", ["pickle", "mat", "labels", "csv", "parquet", "npy", "sound"])
def test_archives_and_torch_files_are_recognised(reader: str, content: bytes, folder: Path) -> None:
    name, read = READERS[reader]
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=r"is a zip or torch\.save file: unpack it"):
        read(folder / name)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickles_of_all_protocols_are_accepted(protocol: int, folder: Path) -> None:
    importable.write_mmsa(folder / "m.pkl", protocol=protocol)
    files.require_signature(folder / "m.pkl", "a pickle")


@pytest.mark.parametrize(
    "content", [b"id,label\n", b"BZ", b"version 2\n", b"htmlish,words\n", b"\0" * 300]
)
def test_unknown_types_are_left_to_the_reader(content: bytes, folder: Path) -> None:
    (folder / "x").write_bytes(content)
    files.require_signature(folder / "x", "a table")


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580, 0x1F8B])
def test_weights_with_an_ambiguous_header_are_accepted(length: int, folder: Path) -> None:
    header = b'{"A.0":{"dtype":"F32"}}'.ljust(length)
    content = length.to_bytes(8, "little") + header
    (folder / "m.safetensors").write_bytes(content)
    files.require_signature(folder / "m.safetensors", "a model's weights", "zip")
