"""Files that are not the data, by their first bytes: pointers, web pages, archives and empty files.

Every reader of files asks here first, so that the message names that and not what the reader stumbles over.
"""

import re
from pathlib import Path

from qfusion._checks import check
from qfusion.errors import InvalidInput, QFusionError

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


def require(path: Path, wanted: str, *own: str, error: type[QFusionError] = InvalidInput) -> None:
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
