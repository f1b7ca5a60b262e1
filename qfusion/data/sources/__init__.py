"""Data sets that `load` knows by name, and features of a visitor's own drawings and sentences in the same form.

Each module of this package declares a `Source` as SOURCE, or several as SOURCES, for the registry. A source holds the
name of a data set, its files, their folder, and how to get them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qfusion._checks import check
from qfusion.data import files
from qfusion.data.array_chunks import pad_sequences
from qfusion.data.data_set import DataSet
from qfusion.data.examine.report import Progress
from qfusion.data.media_pictures import enlarge
from qfusion.data.sample_content import Content, FeatureTransform, Image, Text
from qfusion.errors import DataUnavailable, IntegrityError, translate_errors

if TYPE_CHECKING:
    from qfusion.data.game_set import GameTable


@dataclass(frozen=True)
class PinnedFile:
    """A file of a data set.

    Attributes:
        path: path below the data set's folder, with "/".
        sha256: SHA-256 of its content, in hex.
        size: size in bytes; 0 if it varies, as that of a file that is made here.
        url: address of the public copy; empty if there is none of the same bytes.
        digest: computes `sha256`. Default: of the file's bytes.
    """

    path: str
    sha256: str
    size: int = 0
    url: str = ""
    digest: Callable[[Path], str] = files.sha256

    def is_complete(self, folder: Path) -> bool:
        """Return whether a data set's folder holds the file as it was recorded."""
        path = folder / self.path
        return (
            path.exists()
            and self.size in (0, path.stat().st_size)
            and self.digest(path) == self.sha256
        )


class Origin(StrEnum):
    """Where the data of a set come from.

    INCLUDED: the installation makes them. PUBLIC: their files are downloaded. UNPUBLISHED: their files have no public
    copy. IMPORTED: a reader's own files.
    """

    INCLUDED = "included"
    PUBLIC = "public"
    UNPUBLISHED = "unpublished"
    IMPORTED = "imported"


# Puts the files of a source into a folder, as they were recorded. Given: the source, the folder, an address in place of
# the public one, progress, and how often a failed transfer is tried again.
Fetch = Callable[["Source", Path, str | None, Progress, int], None]


@dataclass(frozen=True)
class Source:
    """The origin of a data set.

    Attributes:
        name: argument of `qfusion.data.load`.
        title: title on pages.
        load: returns the data set.
        place: place in lists; lower numbers come first.
        made: origin of a set without files, as the predicate of a sentence: "is made by the project".
        files: its files, byte for byte.
        below: name of their folder below the data folder. Default: `name`.
        by_hand: a sentence on why not every file has a public copy of the same bytes; empty if each has one.
        fetch: gets all files where they have no public copies of their own, see `Fetch`.
        game: reads the measured game that the set is, such as the votes of people; None where it has features.
        version: of the set that `load` returns. Raise it when the code that makes the set changes its numbers; what
            ships for its models is then computed anew.
    """

    name: str
    title: str
    load: Callable[[], DataSet]
    place: int = 1000
    made: str = ""
    files: tuple[PinnedFile, ...] = ()
    below: str = ""
    by_hand: str = ""
    fetch: Fetch | None = None
    game: Callable[[], GameTable] | None = None
    version: int = 1

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return files.data_folder() / (self.below or self.name)

    @property
    def origin(self) -> Origin:
        """Where its data come from."""
        if not self.files:
            return Origin.INCLUDED
        return Origin.PUBLIC if self.is_public else Origin.UNPUBLISHED

    @property
    def is_public(self) -> bool:
        """Whether its files can be downloaded."""
        return bool(self.files) and not self.by_hand

    @property
    def remedy(self) -> str:
        """A remedy for missing or altered files, in a sentence."""
        begins = (
            f"{self.by_hand} S"
            if self.by_hand
            else f"Run `python -m qfusion data get {self.name}`, or s"
        )
        return f"{begins}et QFUSION_DATA to the folder that holds `{self.below or self.name}/`."

    def missing(self, folder: Path | None = None) -> str:
        """Return a sentence that says what is missing in a folder, or an empty string if nothing is missing. The
        default folder is that of the source.
        """
        folder = folder or self.folder
        gone = [file.path for file in self.files if not (folder / file.path).exists()]
        if not gone:
            return ""
        rest = f" and {len(gone) - 1} more of its {len(self.files)} files"
        return f"{folder} lacks `{gone[0]}`{rest if len(gone) > 1 else ''}."

    def require(self, folder: Path | None = None) -> None:
        """Raise DataUnavailable, with the remedy, if something is missing in a folder. The default folder is that of
        the source.
        """
        gone = self.missing(folder)
        check(
            not gone,
            f"Data set '{self.name}' is not complete: {gone} {self.remedy}",
            DataUnavailable,
        )

    def verify(
        self, folder: Path | None = None, pinned: Sequence[PinnedFile] | None = None
    ) -> Path:
        """Return the folder after checking that every file in it is there and is the recorded one.

        Args:
            folder: folder of the files. Default: that of the source.
            pinned: the expected files. Default: `files`.

        Raises:
            DataUnavailable: when a file is missing, naming it and the remedy.
            IntegrityError: when a file's content is another one, naming it and the remedy.
        """
        folder = folder or self.folder
        self.require(folder)
        for file in self.files if pinned is None else pinned:
            which = f"File `{file.path}` of data set '{self.name}' in {folder}"
            with translate_errors(
                f"{which} cannot be read",
                f"Correct its permissions. {self.remedy}",
                error=DataUnavailable,
            ):
                check(
                    file.digest(folder / file.path) == file.sha256,
                    f"{which} is not the recorded one: its SHA-256 differs. {self.remedy}"
                    + ("" if self.by_hand else " The download replaces an altered file."),
                    IntegrityError,
                )
        return folder


MAX_SIDE = 4096  # pixels of a drawing


def resize_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture (h, w, 3), uint8, as one of shape (side, side, 3). It is padded to a square in the colour of
    its first pixel, and each new pixel is the mean of the pixels that it covers.
    """
    from PIL import Image as Picture, ImageOps

    picture, box = Picture.fromarray(pixels), Picture.Resampling.BOX
    return np.asarray(ImageOps.pad(picture, (side, side), box, color=tuple(map(int, pixels[0, 0]))))


def picture_transform(hint: str, side: int, shown: int = 128) -> FeatureTransform:
    """Return how a picture that a visitor draws becomes the colours (F,), in [0, 1], of one of `side` pixels, which is
    shown with sides of at most `shown`.

    Its `make` raises InvalidInput unless a drawing is uint8 (h, w, 3), of sides up to MAX_SIDE, and shows something.
    """

    def make(drawing: Any) -> tuple[np.ndarray, Content]:
        form: tuple[int, ...] = getattr(drawing, "shape", ())
        check(
            getattr(drawing, "dtype", None) == np.uint8
            and len(form) == 3
            and form[2] == 3
            and 0 < min(form) <= max(form) <= MAX_SIDE,
            f"A drawing must hold 8-bit colours of shape (h, w, 3), sides up to {MAX_SIDE}, but has shape {form}.",
        )
        check(
            bool(np.ptp(drawing.astype(np.int16), axis=(0, 1)).max() > 0),
            "The drawing must show something, but is of one colour throughout. Draw something.",
        )
        small = resize_square(drawing, side)
        return small.ravel() / np.float32(255), Image(enlarge(small, shown))

    return FeatureTransform("drawing", hint, make)


MAX_LETTERS, MAX_WORDS = 1000, 40  # of a sentence that a visitor gives
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def split_words(sentence: str) -> tuple[str, ...]:
    """Return the words of a sentence in lower case, without the characters between them.

    >>> split_words("Is there a red shape?")
    ('is', 'there', 'a', 'red', 'shape')
    """
    return tuple(_WORD.findall(sentence.lower()))


def word_steps(
    sentences: Sequence[Sequence[str]], vocabulary: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return sentences as values (N, T, F), float32, 1 at the word of a step and else 0, and lengths (N,).

    Args:
        sentences: words of each, at least one. vocabulary: the F words.

    Raises:
        InvalidInput: when a word is not in the vocabulary; names it and what is.
    """
    place = {word: at for at, word in enumerate(vocabulary)}
    words = [word for sentence in sentences for word in sentence]
    for word in words:
        check(
            word in place,
            f"Word {word[:40]!r} is not known to this data set. Known are: {', '.join(vocabulary)}.",
        )
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return pad_sequences(np.eye(len(place))[[place[word] for word in words]], lengths), lengths


def sentence_transform(vocabulary: Sequence[str], hint: str) -> FeatureTransform:
    """Return how a sentence that a visitor types becomes steps (T, F) of a vocabulary.

    Its `make` raises InvalidInput when there are no words, too many, or one that is not known.
    """

    def make(given: Any) -> tuple[np.ndarray, Content]:
        check(
            isinstance(given, str) and len(given) <= MAX_LETTERS,
            f"A sentence must be text of at most {MAX_LETTERS} letters. Give a shorter one.",
        )
        words = split_words(given)
        check(
            1 <= len(words) <= MAX_WORDS,
            f"A sentence must have 1 to {MAX_WORDS} words, but has {len(words)}. Known are: {', '.join(vocabulary)}.",
        )
        return word_steps([words], vocabulary)[0][0], Text(given, words)

    return FeatureTransform("sentence", hint, make)
