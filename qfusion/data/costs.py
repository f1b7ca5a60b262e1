"""The cost of reading a video or picture, from its header, before it is decoded: a file of some hundred bytes can
declare more samples than any memory holds, and one of a megabyte can have its pixels scanned thousands of times."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from qfusion._checks import check

MAX_SCANS = 100  # of a JPEG; cameras and programs write at most a dozen
MAX_SCANNED = 2**30  # pixels of all scans together
DEEPEST = 8  # boxes in boxes
MAX_BOXES = 100_000
MAX_RUNS = 1_000_000  # entries of one table

_INSIDE = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")  # hold the tables
_SIZES = {b"stsz": 8, b"stz2": 8, b"trun": 4}  # bytes before a table's number of samples
_RUNS = (b"stts", b"ctts")  # tables of (count, duration)
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END, _SCAN, _ALONE = 0xD9, 0xDA, (0x01, 0xD8)


def check_index(path: Path, size: int) -> None:
    """Raise InvalidInput where a .mp4, .mov, .m4a or .m4v file declares more samples than it has bytes.

    Args:
        path: of the file. size: its bytes.
    """
    with path.open("rb") as file:
        for declared in _sample_counts(file, 0, size):
            check(
                declared <= size,
                f"File `{path.name}` declares {declared:,} samples and has {size:,} bytes: it is damaged, or made to "
                "fill memory. Record or convert it again.",
            )


def _sample_counts(file: BinaryIO, start: int, end: int, depth: int = 0) -> Iterator[int]:
    """Yield the number of samples that each table between two places declares."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        length, name, begin = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:16], "big"), start + 16
        stop = min(end, start + length) if length else end
        if name in _INSIDE and depth < DEEPEST:
            yield from _sample_counts(file, begin, stop, depth + 1)
        elif name in _SIZES:
            file.seek(begin + _SIZES[name])
            yield int.from_bytes(file.read(4), "big")
        elif name in _RUNS:
            yield _runs(file, begin, stop)
        if stop <= start:
            return
        start = stop


def _runs(file: BinaryIO, begin: int, end: int) -> int:
    """The samples of a table of runs, each so many of one duration."""
    file.seek(begin + 4)
    count = int.from_bytes(file.read(4), "big")
    entries = file.read(8 * min(count, MAX_RUNS, max(0, end - begin) // 8))
    return sum(int.from_bytes(entries[at : at + 4], "big") for at in range(0, len(entries), 8))


def check_scans(path: Path, pixels: int) -> None:
    """Raise InvalidInput if a JPEG has too many scans over its pixels.

    Args:
        path: of the file; of one that is no JPEG nothing is said. pixels: of the picture.
    """
    scans = _scans(path.read_bytes())
    check(
        scans <= MAX_SCANS and scans * pixels <= MAX_SCANNED,
        f"File `{path.name}` goes over its {pixels:,} pixels {scans:,} times, and at most "
        f"{min(MAX_SCANS, MAX_SCANNED // max(1, pixels)):,} times are read. Save it as a usual JPEG or PNG.",
    )


def _scans(data: bytes) -> int:
    """Return the number of scans of a JPEG up to its end marker."""
    scans, at = 0, 2
    if data[:2] != b"\xff\xd8":
        return 0
    while (marker := _MARKER.search(data, at)) is not None:
        code, at = marker[0][1], marker.end()
        if code == _END:
            break
        scans += code == _SCAN
        if code not in _ALONE:
            at += int.from_bytes(data[at : at + 2], "big")
    return scans
