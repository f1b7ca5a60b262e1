"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from qfusion.errors import InvalidInput


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; it takes that place when the block ends, and goes when it fails.

    Raises:
        InvalidInput: when the folder does not exist or cannot be written to, or the disk is full.
    """
    target = Path(path)
    part = target.with_name(f".{target.name[-200:]}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _check_place(target)
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written ({error.strerror or error}). Give the path of a file in a "
                           "folder that exists and that you may write to.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _check_place(target: Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(None, f"there is no folder {target.parent}")
