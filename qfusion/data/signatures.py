"""File types by their first bytes, whatever the file's ending.

A download may be the pointer that Git LFS keeps in place of a file, a page that asks to log in, or packed once more.
Every reader of files asks here first, so that the message names that and not what the reader stumbles over.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from qfusion._checks import check
from qfusion.errors import InvalidInput, QFusionError

HEAD = 1024  # bytes that are looked at


@dataclass(frozen=True)
class Kind:
    """Kind of file: its name, the bytes that it begins with, its description in words, and the remedy."""

    name: str
    begins: tuple[bytes, ...]
    words: str
    remedy: str


KINDS = (
    Kind(
        "lfs",
        (b"version https://git-lfs.github.com/", b"version https://hawser.github.com/"),
        "is a Git LFS pointer of {size} bytes, not the data",
        "run `git lfs pull` in its repository, or download the file itself",
    ),
    Kind("gzip", (b"\x1f\x8b",), "is compressed by gzip", "unpack it"),
    Kind("bzip2", (b"BZh",), "is compressed by bzip2", "unpack it"),
    Kind("xz", (b"\xfd7zXZ\0",), "is compressed by xz", "unpack it"),
    Kind("zstd", (b"\x28\xb5\x2f\xfd",), "is compressed by Zstandard", "unpack it"),
    Kind("7z", (b"7z\xbc\xaf\x27\x1c",), "is a 7-Zip archive", "unpack it"),
    Kind("rar", (b"Rar!\x1a\x07",), "is a RAR archive", "unpack it"),
    Kind(
        "zip",
        (b"PK\x03\x04", b"PK\x05\x06"),
        "is a zip or torch.save file",
        "unpack it, or save its arrays by `numpy.savez` as .npz",
    ),
    Kind("pdf", (b"%PDF-",), "is a PDF document, not the data", "give the file of the data"),
    Kind(
        "picture",
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8"),
        "is a picture",
        "give the file of the data",
    ),
    Kind("parquet", (b"PAR1",), "is a Parquet file", "rename it to end in .parquet"),
    Kind(
        "npy",
        (b"\x93NUMPY",),
        "is a NumPy array",
        "rename it to end in .npy, or save it by `numpy.savez`",
    ),
    Kind(
        "hdf5",
        (b"\x89HDF\r\n\x1a\n",),
        "is an HDF5 file",
        "rename it to end in .mat, .h5 or .csd, as it is one",
    ),
    Kind("mat", (b"MATLAB ",), "is a .mat file", "rename it to end in .mat"),
    Kind(
        "pickle",
        tuple(bytes([0x80, protocol]) for protocol in range(2, 6)),
        "is a pickle",
        "rename it to end in .pkl",
    ),
    Kind(
        "sqlite",
        (b"SQLite format 3\0",),
        "is an SQLite database",
        "save its tables as CSV or Parquet",
    ),
)
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|script)\b",
    re.I | re.S,
)
_SAFETENSORS = re.compile(
    rb".{4}\0{4}\{\s*\"", re.S
)  # the length of a JSON object, and its beginning
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b")
_OTHERS = (
    Kind("empty", (), "is empty", "copy it again"),
    Kind("tar", (), "is a tar archive", "unpack it"),
    Kind(
        "page",
        (),
        "is a web page, not the data",
        "download the file itself, not the page that shows it",
    ),
    Kind(
        "xml",
        (),
        "is an XML document, such as a server's message, not the data",
        "download the file itself",
    ),
)


def detect_kind(head: bytes) -> str:
    """Return the name of the kind that a file's first bytes show; empty where they show none that is known here."""
    if not head:
        return "empty"
    if _SAFETENSORS.match(head):  # whose length may begin as a pickle does
        return ""
    for kind in KINDS:
        if head.startswith(kind.begins):
            return kind.name
    if head[257:262] == b"ustar":
        return "tar"
    if _PAGE.match(head):
        return "page"
    return "xml" if _XML.match(head) else ""


def require(path: Path, wanted: str, *own: str, error: type[QFusionError] = InvalidInput) -> None:
    """Raise InvalidInput, or another `error`, if a file is of a known kind that the reader does not read.

    Args:
        path: of the file, which is there.
        wanted: what it must be, in words: "an .npz file".
        own: names of the kinds that the reader reads.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    name = detect_kind(head)
    kind = next((kind for kind in (*KINDS, *_OTHERS) if kind.name == name), None)
    if kind is None or kind.name in own:
        return
    words = kind.words.format(size=path.stat().st_size)
    check(False, f"File `{path.name}` must be {wanted}, but {words}: {kind.remedy}.", error)
