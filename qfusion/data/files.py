"""Checks of every file before it is read: existence, size, and digest."""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from qfusion._checks import check
from qfusion.errors import InvalidInput, NotFound, QFusionError, translate_errors


def file_size(path: Path) -> int:
    """Return the size of a file in bytes.

    Raises:
        NotFound: when there is no such file.
    """
    with contextlib.suppress(OSError):  # too long for a name
        if path.is_file():
            return path.stat().st_size
    raise NotFound(f"File {str(path)[:200]} does not exist. Check the path.")


def available_memory() -> int:
    """Return the bytes of memory that this machine has left, or a huge number if it does not tell."""
    with contextlib.suppress(OSError):
        entry = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text())
        if entry:
            return 1024 * int(entry[1])
    return sys.maxsize


def check_size(
    name: str,
    size: int,
    remedy: str = "Keep fewer samples or features, or use single precision.",
) -> None:
    """Raise InvalidInput, with a remedy, when a file called `name` needs more bytes of memory than are available."""
    most = available_memory()
    check(
        size <= most,
        f"File `{name}` needs at least {size / 1e6:,.0f} MB of memory, but {most / 1e6:,.0f} MB are available. "
        f"{remedy}",
    )


@contextlib.contextmanager
def misread(
    what: str, remedy: str, *causes: type[Exception], why: str = "{words:.200}"
) -> Iterator[None]:
    """Translate errors of a reader, as `translate_errors` does; an error of the disk (an OSError with its number)
    passes."""
    try:
        with translate_errors(what, remedy, *causes, why=why, passing=(InvalidInput, OSError)):
            yield
    except OSError as error:
        if error.errno is not None:
            raise
        with translate_errors(what, remedy, why=why):
            raise


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_folder() -> Path:
    """Return where data sets are looked for and downloaded to: QFUSION_DATA, else the user's data folder."""
    return Path(os.environ.get("QFUSION_DATA") or platformdirs.user_data_dir("qfusion"))


_HEAD = 1024  # bytes that are looked at
_POINTER = re.compile(rb"version https://(?:git-lfs\.github|hawser\.github)\.com/")
_PACKED = re.compile(rb"\x1f\x8b|BZh\d|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07")
_ZIP = re.compile(rb"PK(?:\x03\x04|\x05\x06)")
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|script|\?xml)\b",
    re.I | re.S,
)
# Name, form of the first bytes, and what a message says.
_KINDS = (
    ("empty", re.compile(rb"\Z"), "is empty: copy it again"),
    (
        "pointer",
        _POINTER,
        "is a Git LFS pointer, not the data: run `git lfs pull` in its repository, or download the file itself",
    ),
    ("packed", _PACKED, "is compressed: unpack it"),
    ("zip", _ZIP, "is a zip or torch.save file: unpack it"),
    ("page", _PAGE, "is a web page, not the data: download the file itself"),
)


def require_signature(
    path: Path, wanted: str, *own: str, error: type[QFusionError] = InvalidInput
) -> None:
    """Raise InvalidInput, or another `error`, if a file is empty, a pointer, a web page or an archive.

    Args:
        path: of the file, which is there.
        wanted: what it must be, in words: "an .npz file".
        own: what the reader does read of "empty" and "zip".
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for name, form, words in _KINDS:
        check(
            name in own or form.match(head) is None,
            f"File `{path.name}` must be {wanted}, but {words}.",
            error,
        )
