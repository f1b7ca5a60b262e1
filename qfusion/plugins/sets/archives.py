"""Public archives from which the files of a data set are unpacked: known names alone, of known number and size."""

import gzip
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from qfusion._checks import check
from qfusion.data.examine.report import Progress
from qfusion.data.registry import UNCHANGED, Bounded, address, download_file
from qfusion.data.sources import Source
from qfusion.errors import IntegrityError, translate_errors


@dataclass(frozen=True)
class Archive:
    """Public .tar.gz from which a data set is unpacked. Its host may repack it, so the checksums are those of the
    unpacked files, recorded with the data set's files.

    Attributes:
        url: its address.
        members: regular expression for the paths of the files to unpack, without the first folder, which the host
            names. Its one group is the path below the data set's folder. Nothing else is written.
        count: number of these files.
        most: largest size in bytes, packed and unpacked.
        make: makes files that the archive does not hold, in the folder to which it was unpacked.
    """

    url: str
    members: str
    count: int
    most: int
    make: Callable[[Path], None] | None = None

    def fetch(
        self, source: Source, folder: Path, base: str | None, progress: Progress, retries: int
    ) -> None:
        """Download the archive, unpack the files of a source into a folder and check them, as `sources.Fetch`.

        Raises:
            DataUnavailable: when it cannot be fetched.
            IntegrityError: when it cannot be unpacked, or its files are not the recorded ones.
        """
        name = self.url.rpartition("/")[2]
        url = address(base, name, self.url)
        progress(0, self.count, name)
        packed = download_file(name, folder, url, retries, most=self.most)
        what = f"rchive `{name}` from {url}"
        count = self._unpack(packed, folder, f"A{what}", progress)
        check(
            count == self.count,
            f"A{what} must hold {self.count:,} files of data set '{source.name}', but holds {count:,}. {UNCHANGED}",
            IntegrityError,
        )
        if self.make is not None:
            self.make(folder)
        for pinned in source.files:
            check(
                pinned.is_complete(folder),
                f"`{pinned.path}` of a{what} is not the recorded one: its SHA-256 differs. {UNCHANGED}",
                IntegrityError,
            )

    def _unpack(self, packed: Path, folder: Path, what: str, progress: Progress) -> int:
        """Unpack the known members of a .tar.gz into a folder, and return their number."""
        taken = set[str]()
        with (
            translate_errors(
                f"{what} cannot be unpacked",
                UNCHANGED,
                *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
                error=IntegrityError,
                why="{words:.200}",
            ),
            gzip.open(packed) as plain,
            tarfile.open(
                fileobj=Bounded(cast(IO[bytes], plain), self.most, what), mode="r|"
            ) as members,
        ):
            for member in members:
                match = re.fullmatch(f"[^/]*/{self.members}", member.name)
                plainly = member.isfile() and member.sparse is None  # holes could fill the disk
                if match is None or not plainly or match[1] in taken:
                    continue
                place = folder / match[1]
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as file:
                    shutil.copyfileobj(cast(IO[bytes], members.extractfile(member)), file)
                taken.add(match[1])
                progress(len(taken), self.count, match[1])
        return len(taken)
