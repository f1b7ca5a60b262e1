"""Paths of the user's files and of shipped files, and writing that never leaves a file half written."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import platformdirs

from qfusion.errors import translate_errors

# Writing files so that nobody ever sees half of one, and what a writer leaves that was killed meanwhile goes.

_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
# of a host, a process, when it began where that is known, and a word
_MARK = re.compile(r"\..*[.-]([0-9a-f]{6})-(\d+)-([0-9a-f]*)[0-9a-f]{8}(\.part)?")


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Context manager that yields a path beside `path` to write to. The file replaces `path` when the block ends, and
    is removed when the block fails. Partial files that killed processes have left in the folder are removed too.

    Raises:
        InvalidInput: when the folder does not exist or cannot be written to, or the disk is full.
    """
    target = Path(path)
    part = target.with_name(f".{target.name[-200:]}.{mark()}.part")
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
    """Remove the files and folders here that belong to processes that are gone."""
    with contextlib.suppress(OSError):
        for path in filter(is_left, map(folder.joinpath, os.listdir(folder))):
            remove = shutil.rmtree if path.is_dir() else os.unlink
            with contextlib.suppress(OSError):
                remove(path)


def mark() -> str:
    """Return the suffix of the name of a hidden file or folder that only this process works on, see `is_left`."""
    return f"{_HOST}-{os.getpid()}-{_start(os.getpid())}{secrets.token_hex(4)}"


def is_left(path: Path) -> bool:
    """Return whether a file or folder whose name has a `mark` belongs to a process that is gone, whatever the clock
    says. For a process of another machine, return whether nobody has touched it for a day.
    """
    match = _MARK.fullmatch(path.name)
    if match and match[1] == _HOST:
        pid, began = int(match[2]), match[3]
        # In a container every server has the number 1; marks of before do not say when theirs began.
        return not is_running(pid) or (
            (began != "" or pid == os.getpid()) and _start(pid) not in ("", began)
        )
    with contextlib.suppress(OSError):
        return match is not None and time.time() - path.stat().st_mtime > 24 * 3600.0
    return False


def _start(pid: int) -> str:
    """Return the start time of a process, in ticks since the machine started, as hexadecimal digits, or "" if it is
    not available (not Linux).
    """
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return f"{int(fields[19]):x}"
    return ""


def is_running(pid: int) -> bool:
    """Return whether this machine has a process of that number; always where it cannot be asked (Windows)."""
    if os.name == "nt":  # where this would be Ctrl-C for it
        return True
    try:
        os.kill(pid, 0)  # asks, and does nothing
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True


# Where this user's files are kept: a variable each, else a folder of the user's own.

OPENED = "QFUSION_OPENED"


def own_folder(name: str) -> Path:
    """Return the user's folder of "runs" (and sweeps), "models" or "imported" data sets: QFUSION_RUNS, QFUSION_MODELS,
    QFUSION_IMPORTED."""
    return Path(
        os.environ.get(f"QFUSION_{name.upper()}")
        or Path(platformdirs.user_data_dir("qfusion")) / name
    )


def opened_places() -> list[Path]:
    """Models that are opened where they lie, folders or cards: QFUSION_OPENED, as PATH lists folders."""
    return [Path(place) for place in os.environ.get(OPENED, "").split(os.pathsep) if place]


def cache_root() -> Path:
    """Arrays that can be made again: QFUSION_CACHE."""
    return Path(os.environ.get("QFUSION_CACHE") or platformdirs.user_cache_dir("qfusion"))


# What ships with the package besides code: trained models, what was measured of them, words, scripts, page styles.
#
# The files are in `qfusion/assets`, in a checkout and in an installed package alike; nothing else says where they are.


def asset_path(*names: str) -> Path:
    """Return the path of a packaged file or folder.

    Args:
        names: of the folders on the way and of the file, from `qfusion/assets` on; none for that folder itself.
    """
    return Path(str(resources.files("qfusion"))).joinpath("assets", *names)


def asset_text(*names: str) -> str:
    """Return the text of a packaged file.

    Args:
        names: as for `path`.
    """
    return asset_path(*names).read_text(encoding="utf-8")
