"""Limits that a server sets for its visitors, one environment variable each.

Limits on writing hold only in a process that serves others: the server calls `enforce_limits` when it starts. They do
not hold on the command line of the owner.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from qfusion import _user_folders
from qfusion._checks import check

GIB, MIB = 2**30, 2**20


@dataclass(frozen=True)
class Limit:
    """Default value of a limit, at least 1, and a description of the quantity that it counts."""

    default: int
    description: str


_CORES = os.cpu_count() or 1
LIMITS = {
    "QFUSION_SESSIONS": Limit(64, "readers at once; every open tab counts"),
    "QFUSION_UPLOADS_MB": Limit(512, "megabytes of uploads that one session holds"),
    "QFUSION_ALL_UPLOADS_MB": Limit(2048, "megabytes of uploads that all sessions hold together"),
    "QFUSION_HEAVY": Limit(max(1, _CORES - 1), "long calculations at once"),
    "QFUSION_DISK_GB": Limit(
        50, "gigabytes that runs, imported sets, models and cache take together"
    ),
    "QFUSION_KEPT_MB": Limit(2048, "megabytes of encoded samples and explanations that are kept"),
    "QFUSION_PROGRAM_S": Limit(60, "seconds that one request to a Python process takes"),
}
_enforced = [False]


def limit(variable: str) -> int:
    """Return the value of a limit: that of the environment variable, or the default.

    Raises:
        InvalidInput: when the variable holds anything but a whole number from 1.
    """
    entry = LIMITS[variable]
    text = os.environ.get(variable, "").strip()
    if not text:
        return entry.default
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    check(
        is_number and int(text) >= 1,
        f"{variable} must be a whole number from 1 ({entry.description}), but is {text[:20]!r}.",
    )
    return int(text)


def check_variables() -> None:
    """Raise InvalidInput if a variable has an invalid value."""
    for variable in LIMITS:
        limit(variable)


def enforce_limits(on: bool = True) -> None:
    """Enforce the limits on writing in this process, which serves others."""
    _enforced[0] = on


def is_enforced() -> bool:
    """Return whether this process enforces the limits on writing."""
    return _enforced[0]


def serves_strangers() -> bool:
    """Return whether readers from elsewhere may bring files to this process."""
    return is_enforced() and os.environ.get("QFUSION_IMPORT") in ("upload", "path")


def check_disk(what: str, size: int = 0) -> None:
    """Raise InvalidInput if the server has no disk space left for its visitors. Call it before writing.

    Args:
        what: subject of the message, such as "The data".
        size: number of bytes to be written, as far as it is known.
    """
    if not _enforced[0]:
        return
    folders = {
        "runs": _user_folders.own_folder("runs"),
        "imported sets": _user_folders.own_folder("imported"),
        "models": _user_folders.own_folder("models"),
        "cache": _user_folders.cache_root(),
    }
    taken = {name: _bytes(folder) for name, folder in folders.items()}
    used = sum(taken.values())
    most = limit("QFUSION_DISK_GB") * GIB
    shares = ", ".join(f"{name} {_gib(entry)}" for name, entry in taken.items())
    check(
        used + size < most,
        f"{what} would need {_gib(size)} more, but {_gib(used)} of the {_gib(most)} of this server are used "
        f"({shares}). Delete runs, imported sets or models, or have QFUSION_DISK_GB raised.",
    )


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / MIB:.1f} MiB"


def _bytes(folder: Path) -> int:
    """Return the total size of the files below a folder, in bytes. Files that vanish meanwhile count as 0."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
