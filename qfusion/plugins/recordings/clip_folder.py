"""A folder of recordings: its files, the files of words beside them, and the ids that their names match."""

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qfusion._checks import check
from qfusion.data.media_files import TYPES
from qfusion.data.row_splits import VIDEO_MARK
from qfusion.errors import NotFound, translate_errors
from qfusion.plugins.recordings.timed_words import SPOKEN

MAX_FILES = 200_000  # of a folder that is joined, and folders in it
# Recordings that are not read, by their endings, and what to convert them to.
UNREAD = {
    **dict.fromkeys(
        (".mkv", ".3gp", ".3g2", ".flv", ".wmv", ".mpg", ".mpeg", ".ogv"), ".mp4 or .wav"
    ),
    **dict.fromkeys(
        (".ts", ".mts", ".m2ts", ".vob", ".asf", ".rm", ".rmvb", ".f4v"), ".mp4 or .wav"
    ),
    **dict.fromkeys((".aac", ".opus", ".wma", ".aif", ".aiff", ".amr", ".ac3", ".caf"), ".wav"),
    **dict.fromkeys((".m4b", ".oga", ".weba", ".au", ".ape", ".ra", ".sph", ".wv"), ".wav"),
    **dict.fromkeys((".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"), ".png"),
}


def open_folder(folder: Path, problems: list[str]) -> tuple[Path, dict[str, Path], dict[str, Path]]:
    """Return a folder's own path; the recordings in it by their names below it; and the files of words by these names
    without endings. What is hidden is passed over.

    Args:
        folder: in any spelling. problems: takes a line for every file that leads out of it.

    Raises:
        NotFound: when there is no such folder. InvalidInput: when it holds more than MAX_FILES.
    """
    with translate_errors(
        f"Folder {str(folder)[:200]} cannot be opened", "Check the path.", error=NotFound
    ):
        root = folder.expanduser().resolve(strict=True)
    check(
        root.is_dir(),
        f"{str(folder)[:200]} is no folder. Name the folder of the recordings.",
        NotFound,
    )
    every = {
        path.relative_to(root).as_posix(): path
        for path in itertools.islice(root.rglob("*"), MAX_FILES + 1)
    }
    check(
        len(every) <= MAX_FILES,
        f"Folder {root} holds more than {MAX_FILES:,} files. Name the folder of the recordings alone.",
    )
    fit = {
        name: path
        for name, path in sorted(every.items())
        if path.suffix.lower() in (*TYPES, *SPOKEN) and "/." not in f"/{name}" and not path.is_dir()
    }
    outside = {name for name, path in fit.items() if not path.resolve().is_relative_to(root)}
    problems += [f"{name} leads out of the folder, and is left out." for name in sorted(outside)]
    inside = [(name, path) for name, path in fit.items() if name not in outside]
    return (
        root,
        {name: path for name, path in inside if path.suffix.lower() in TYPES},
        {name.rpartition(".")[0]: path for name, path in inside if path.suffix.lower() in SPOKEN},
    )


def list_unread(root: Path) -> dict[str, list[str]]:
    """Return the recordings below a folder that are not read, by the names that ids may have; see `join`."""
    names = [
        path.relative_to(root).as_posix()
        for path in itertools.islice(root.rglob("*"), MAX_FILES)
        if path.suffix.lower() in UNREAD
    ]
    shown = sorted(name for name in names if "/." not in f"/{name}")
    called = match_names(shown) | {name: [name] for name in shown}
    return {unicodedata.normalize("NFC", name): entries for name, entries in called.items()}


def describe_unread(called: Mapping[str, Sequence[str]], name: str) -> str:
    """Return a sentence on a sample's recording that exists but is not read. It is empty if there is none.

    Args:
        called: as of `list_unread`. name: of the sample or its file.
    """
    names = called.get(unicodedata.normalize("NFC", name), ())
    if not names:
        return ""
    ending = Path(names[0]).suffix.lower()
    return f"`{names[0][-80:]}` is there, but {ending} is not read: convert it to {UNREAD[ending]}."


def match_names(recordings: Iterable[str]) -> dict[str, list[str]]:
    """Return the files, paths below the folder, that each id is a name of; see `join`."""
    called = defaultdict[str, list[str]](list)
    for name in recordings:
        whole = name.rpartition(".")[0]
        folder, stem = Path(whole).parent.name, Path(whole).name
        for key in {whole, stem, f"{folder}{VIDEO_MARK}{stem}", f"{folder}_{stem}"}:
            called[key].append(name)
    return called
