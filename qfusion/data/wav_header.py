"""The duration of a .wav file as its header declares it.

A program that writes to a pipe cannot go back to the header when it knows the length. It leaves a stand-in there, and
the sound goes to the end of the file.
"""

from pathlib import Path

from qfusion._checks import check

# What stands for a length that is not known, up to the bytes of a header and a round number: 0 and 2**32 - 1 of FFmpeg,
# GStreamer and others, and 2 GiB of SoX and arecord.
_STAND_INS = (2**31, 2**32 - 1)
_NEAR = 8192
_HEADS = (b"RIFF", b"RF64")
_MOST = 1000  # chunks before the sound


def check_whole(path: Path, size: int) -> None:
    """Raise InvalidInput where a RIFF file (.wav, .avi) has fewer bytes than it declares.

    Args:
        path: of the file. size: its bytes.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return
    declared = int.from_bytes(head[4:], "little")
    check(
        _is_placeholder(declared) or declared + 8 <= size + 1,  # a byte of padding may be left out
        f"File `{path.name}` is cut short: it has {size:,} bytes, and {declared + 8:,} by its own word. Copy it again.",
    )


def is_endless(path: Path, size: int) -> bool:
    """Return whether the sound of a .wav file extends to the end of the file because its header does not state its
    length.

    Args:
        path: of the file; of one that is no .wav the answer is no. size: its bytes.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in _HEADS or head[8:] != b"WAVE":
            return False
        is_long = head[:4] == b"RF64"  # sizes of 64 bits are in a chunk of their own
        whole = int.from_bytes(head[4:8], "little")
        long_size = 0
        place = file.tell()
        for _ in range(_MOST):
            file.seek(place)
            name, length = file.read(4), int.from_bytes(file.read(4), "little")
            if name == b"ds64":
                long_size = int.from_bytes(file.read(16)[8:], "little")
            if name == b"data":
                break
            place += 8 + length + length % 2
        else:
            return False
    rest = size - place - 8  # bytes that follow
    if name != b"data" or rest <= 0:
        return False
    if is_long and length == 2**32 - 1:
        return long_size == 0
    if length == 0 and whole + 8 == size:
        return False  # it says that it holds no sound, and is right about the whole
    return _is_placeholder(length) and length != rest


def _is_placeholder(length: int) -> bool:
    return length == 0 or any(abs(length - one) < _NEAR for one in _STAND_INS)
