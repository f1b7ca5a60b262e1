"""Limits that a server sets for its visitors, each by an environment variable, and the read-only switch."""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qfusion import _files
from qfusion._checks import check

# How much a server gives its readers: a table of limits, each set by a variable of the environment.
#
# Those on what is written hold in a process that serves others (`bind`, called by the server when it starts), not on
# its
# owner's command line.

GIB, MIB = 2**30, 2**20


@dataclass(frozen=True)
class Limit:
    """Limit: its default value, at least 1, and a description of the quantity that it counts."""

    default: int
    says: str


_CORES = os.cpu_count() or 1
LIMITS = {
    "QFUSION_SESSIONS": Limit(64, "readers at once; every open tab counts"),
    "QFUSION_UPLOADS_MB": Limit(512, "megabytes of uploads that one session holds"),
    "QFUSION_ALL_UPLOADS_MB": Limit(2048, "megabytes of uploads that all sessions hold together"),
    "QFUSION_HEAVY": Limit(max(1, _CORES - 1), "long calculations at once"),
    "QFUSION_SLOTS": Limit(_CORES, "trainings at once"),
    "QFUSION_QUEUED": Limit(50, "runs and sweeps that are trained or wait"),
    "QFUSION_KEPT_RUNS": Limit(1000, "runs and sweeps that are kept"),
    "QFUSION_DISK_GB": Limit(
        50, "gigabytes that runs, imported sets, models and cache take together"
    ),
    "QFUSION_KEPT_MB": Limit(2048, "megabytes of encoded samples and explanations that are kept"),
    "QFUSION_PROGRAM_S": Limit(60, "seconds that one call of an imported program takes"),
    "QFUSION_PROGRAM_MB": Limit(4096, "megabytes that an imported program takes beyond its start"),
}
_bound = [False]


def get(variable: str) -> int:
    """Return a limit, as the environment sets it or the default.

    Raises:
        InvalidInput: when the variable holds anything but a whole number from 1.
    """
    limit, words = LIMITS[variable], os.environ.get(variable, "").strip()
    check(
        not words
        or (words.isascii() and words.isdecimal() and len(words) < 10 and int(words) >= 1),
        f"{variable} must be a whole number from 1 ({limit.says}), but is {words[:20]!r}.",
    )
    return int(words) if words else limit.default


def check_variables() -> None:
    """Raise InvalidInput if a variable has an invalid value."""
    for variable in LIMITS:
        get(variable)


def bind(on: bool = True) -> None:
    """Mark this process as one that serves others."""
    _bound[0] = on


def bound() -> bool:
    """Whether this process serves others."""
    return _bound[0]


def check_count(variable: str, there: int, more: int, what: str) -> None:
    """Raise InvalidInput where `more` things would be too many for a server.

    Args:
        variable: of the limit. there: how many there are. more: how many are to come.
        what: to do about it: "Delete runs".
    """
    check(
        not _bound[0] or there + more <= get(variable),
        f"This server takes {get(variable):,} {LIMITS[variable].says}, and has {there:,}: {more:,} more do not fit. "
        f"{what}, or have {variable} raised.",
    )


def check_disk(what: str, size: int = 0) -> None:
    """Raise InvalidInput where a server has no room left on its disk; to be asked before anything is written.

    Args:
        what: is to be kept: "The data". size: its bytes, as far as they are known.
    """
    if not _bound[0]:
        return
    taken = {
        name: _bytes(folder)
        for name, folder in {
            "runs": _files.own_folder("runs"),
            "imported sets": _files.own_folder("imported"),
            "models": _files.own_folder("models"),
            "cache": _files.cache_root(),
        }.items()
    }
    used, most = sum(taken.values()), get("QFUSION_DISK_GB") * GIB
    shares = ", ".join(f"{name} {_gib(entry)}" for name, entry in taken.items())
    check(
        used + size < most,
        f"{what} would need {_gib(size)} more, but {_gib(used)} of the {_gib(most)} of this server are used "
        f"({shares}). Delete runs, imported sets or models, or have QFUSION_DISK_GB raised.",
    )


# Several servers behind one address, see `ui.workers`: a file a limit in a folder of theirs says how much of it each
# has given.

SHARED, WORKER = "QFUSION_SHARED", "QFUSION_WORKER"  # the folder, and the number of this server


def fits(variable: str, taken: int, more: int = 0, unit: int = 1) -> bool:
    """Return whether more fits into a limit, given the amounts that this server and the servers beside it have granted.
    If it fits, record the new amount.

    Args:
        variable: of the limit, in units of `unit`. taken: what this server has given. more: what it would give.
    """

    def noted(counts: dict[str, int]) -> bool:
        own = os.environ.get(WORKER, "")
        others = sum(number for name, number in counts.items() if name != own)
        room = more == 0 or others + taken + more <= get(variable) * unit
        counts[own] = taken + more if room else taken
        return room

    folder = os.environ.get(SHARED)
    return _change(Path(folder, variable), noted) if folder else noted({})


def forget(worker: int) -> None:
    """Drop the amounts that a server has granted, after that server has ended."""
    for path in Path(os.environ[SHARED]).glob("QFUSION_*"):
        _change(path, lambda counts: counts.pop(str(worker), 0) == 0)


def _change(path: Path, change: Callable[[dict[str, int]], bool]) -> bool:
    """Changes the numbers in a file that other processes change too; without them where it cannot be written."""
    import fcntl  # where there are several servers, and nginx

    try:
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            counts = json.loads(file.read() or "{}")
            answer = change(counts)
            file.seek(0)
            file.truncate()
            file.write(json.dumps(counts))
            return answer
    except (OSError, ValueError):
        return change({})


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a separate process that reads untrusted files. It has only the variables needed to
    find libraries, and `more`. Modules are found in the same places as in this process. Matrix libraries use one
    thread, because every further thread takes address space.
    """
    libraries = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if name in (*libraries, "HOME", "LANG", "TMPDIR", "TEMP")
        },
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **more,
    }


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


# Whether this process leaves everything as it is: a server for visitors may show, and may not train, take files or
# remove anything.
#
# The switch is thrown once, by the server when it starts (`QFUSION_READ_ONLY=1`, `qfusion app --read-only`); every
# function that writes runs, models or imported sets asks here first, whatever page or message brought the request.

READ_ONLY = "QFUSION_READ_ONLY"
_on = [False]


def wants_read_only() -> bool:
    """Whether the environment asks for it.

    Raises:
        InvalidInput: when the variable holds neither yes nor no.
    """
    words = os.environ.get(READ_ONLY, "").strip().casefold()
    check(
        words in ("", "0", "no", "false", "1", "yes", "true"),
        f"{READ_ONLY} must be 1 or 0, but is {words[:40]!r}.",
    )
    return words in ("1", "yes", "true")


def begin_read_only(on: bool = True) -> None:
    """Throw the switch for this process."""
    _on[0] = on


def is_read_only() -> bool:
    """Whether this process writes nothing of that kind."""
    return _on[0]


def refuse(what: str) -> None:
    """Raise InvalidInput where this process is read-only.

    Args:
        what: is not done: "train a model".
    """
    check(
        not _on[0],
        f"This server is read-only: it does not {what}. Run qfusion on a machine of your own for that.",
    )
