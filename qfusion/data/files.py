"""What all readers ask of a file: that it is there, and not too large; and its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from qfusion._checks import check
from qfusion.errors import NotFound

MAX_SIZE = 2 * 1024**3  # bytes of a file that is read into memory, also after unpacking
MAX_RATIO, HARMLESS = (
    100,
    2**28,
)  # a file may unpack to so many times its size, and to so many bytes in any case


def size_of(path: Path) -> int:
    """Returns the size of a file in bytes.

    Raises:
        NotFound: when there is no such file.
    """
    try:
        if path.is_file():
            return path.stat().st_size
    except OSError:  # too long for a name
        pass
    raise NotFound(f"File {str(path)[:200]} does not exist. Check the path.")


def check_size(name: str, size: int) -> None:
    """Raises InvalidInput when a file called `name` has, or unpacks to, more bytes than MAX_SIZE."""
    check(
        size <= MAX_SIZE,
        f"File `{name}` must have at most {MAX_SIZE / 1024**3:.0f} GiB, also when unpacked, but has more. Keep fewer "
        "samples or features, or use single precision.",
    )


def check_unpacked(name: str, size: int, packed: int) -> None:
    """Raises InvalidInput when a file unpacks to so much more than it is that nobody has measured that.

    Args:
        name: of the file.
        size: bytes of what is in it.
        packed: bytes that it has.
    """
    check(
        size <= max(HARMLESS, MAX_RATIO * packed),
        f"File `{name}` must not unpack to more than {MAX_RATIO} times its size, but its {packed / 1e6:.1f} MB would "
        f"become {size / 1e6:,.0f} MB. If it is meant to, save it without compression.",
    )


def sha256(path: Path) -> str:
    """Returns a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
