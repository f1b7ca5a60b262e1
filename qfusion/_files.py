"""Atomic writing of files, and removal of the partial files of killed processes."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from qfusion.errors import translate_errors

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
# hash of the host, process number, start time of the process (empty if unknown), random digits
PROCESS_MARK = re.compile(r"\..*[.-]([0-9a-f]{6})-(\d+)-([0-9a-f]*)[0-9a-f]{8}(\.part)?")


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Context manager that yields a path beside `path` to write to. The file replaces `path` when the block ends, and
    is removed when the block fails. Partial files that killed processes have left in the folder are removed too.

    Raises:
        InvalidInput: when the folder does not exist or cannot be written to, or the disk is full.
    """
    target = Path(path)
    part = target.with_name(f".{target.name[-200:]}.{process_suffix()}.part")
    try:
        with translate_errors(
            f"{target} cannot be written",
            "Give the path of a file in a folder that exists and that you may write to.",
        ):
            if target.is_dir():
                raise IsADirectoryError(None, "it is a folder")
            if not target.parent.is_dir():
                raise FileNotFoundError(None, f"there is no folder {target.parent}")
            clear(target.parent)
            yield part
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_file(path: str | Path, content: str | bytes | memoryview) -> None:
    """Write a file as `atomic` does, text as UTF-8; errors as there."""
    with atomic(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def clear(folder: Path) -> None:
    """Remove the files and folders in `folder` that belong to processes that have ended."""
    with contextlib.suppress(OSError):
        for path in filter(is_abandoned, map(folder.joinpath, os.listdir(folder))):
            remove = shutil.rmtree if path.is_dir() else os.unlink
            with contextlib.suppress(OSError):
                remove(path)


def process_suffix() -> str:
    """Return the suffix of the name of a hidden file or folder that only this process works on, see `is_abandoned`."""
    return f"{_HOST}-{os.getpid()}-{process_start(os.getpid())}{secrets.token_hex(4)}"


def is_abandoned(path: Path) -> bool:
    """Return whether a file or folder whose name has a `process_suffix` belongs to a process that has ended. For a
    process of another machine, return whether the file has not changed for a day.
    """
    match = PROCESS_MARK.fullmatch(path.name)
    if match and match[1] == _HOST:
        pid = int(match[2])
        began = match[3]
        if not is_running(pid):
            return True
        # In a container every server has process number 1, so the start time decides. Older names have no start time.
        is_comparable = began != "" or pid == os.getpid()
        return is_comparable and process_start(pid) not in ("", began)
    with contextlib.suppress(OSError):
        return match is not None and time.time() - path.stat().st_mtime > 24 * 3600.0
    return False


def process_start(pid: int) -> str:
    """Return the start time of a process, in ticks since the machine started, as hexadecimal digits, or "" if it is
    not available (not Linux).
    """
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return f"{int(fields[19]):x}"
    return ""


def is_running(pid: int) -> bool:
    """Return whether this machine runs a process of that number; always True on Windows, which offers no such query."""
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)  # signal 0 only checks that the process exists
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # the process of another user
        return True
    return True
