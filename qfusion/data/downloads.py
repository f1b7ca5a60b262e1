"""Downloads of the files of a data set from their public sources, each checked before it is used."""

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from qfusion import _files, _read_only
from qfusion._checks import check, choose
from qfusion.data.examine.report import Progress, no_progress
from qfusion.data.registry import sources
from qfusion.errors import DataUnavailable, IntegrityError, NotFound, translate_errors

MAX_BYTES = 2 * 1024**3  # of a file whose digest is not known
UNCHANGED = "Nothing was changed; try again, or get the files from where they were first published."


def download(
    name: str,
    target: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    progress: Progress = no_progress,
    retries: int = 2,
) -> Path:
    """Download a data set's files and return the folder they are in.

    Files that are there and whole are kept; all others are fetched into a temporary folder, checked against their
    recorded SHA-256, and only when every one of them is right moved into place. After a failure the target is as it
    was. Where files are public in another form only, the source fetches them there.

    Args:
        name: of the data set; see `qfusion.data.names`.
        target: folder to put the files in; the data set's own below the data folder by default.
        base_url: where the files are instead of at their public source, laid out as in the folder or, where the
            source fetches them, as it expects. The environment variable QFUSION_<NAME>_URL does the same.
        progress: called with (files done, files in all, path of the file).
        retries: how often a failed transfer is tried again.

    Raises:
        NotFound: when the data set is unknown or not to be downloaded.
        DataUnavailable: when a file cannot be fetched or the folder cannot be written.
        IntegrityError: when a fetched file is not the recorded one.
    """
    _read_only.check_allowed("download data")
    public = [key for key, source in sources().items() if source.is_public]
    source = sources()[name if name in sources() else choose("Downloadable data set", name, public)]
    check(
        not source.made,
        f"Data set '{name}' {source.made} and needs no download. Use it as it is.",
        NotFound,
    )
    check(source.is_public, f"Data set '{name}' cannot be downloaded. {source.remedy}", NotFound)
    folder = Path(target) if target is not None else source.folder
    base = base_url or os.environ.get(f"QFUSION_{name.upper().replace('-', '_')}_URL")
    lacking = [file for file in source.files if not file.is_whole(folder)]
    with translate_errors(
        f"Data set '{name}' cannot be written to {folder}",
        "Give another folder, or set QFUSION_DATA to one that can be written.",
        error=DataUnavailable,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        _files.clear(folder)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=".download-", suffix=f"-{_files.process_suffix()}"
        ) as temporary:
            if lacking and source.fetch is not None:
                source.fetch(source, Path(temporary), base, progress, retries)
            for done, file in enumerate(lacking if source.fetch is None else ()):
                progress(done, len(lacking), file.path)
                download_file(
                    file.path,
                    Path(temporary),
                    address(base, file.path, file.url),
                    retries,
                    file.sha256,
                )
            for file in lacking:
                place = folder / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_dir():
                    shutil.rmtree(place)
                os.replace(Path(temporary) / file.path, place)
    progress(len(lacking), len(lacking), lacking[-1].path if lacking else "")
    return folder


def address(base: str | None, path: str, url: str) -> str:
    """Return the address of a file: below `base`, if given, else its own."""
    return f"{base.rstrip('/')}/{path}" if base else url


def download_file(
    path: str,
    folder: Path,
    url: str,
    retries: int,
    sha256: str | None = None,
    most: int = MAX_BYTES,
) -> Path:
    """Download one file into `folder`. Its digest is checked if known, and its size is limited to `most` bytes."""
    import pooch  # on demand: it pulls in the HTTP client, which only a download needs

    pooch.get_logger().setLevel("WARNING")  # it would announce every file and every second try

    place = folder / path
    # seconds without an answer
    fetched = pooch.HTTPDownloader(timeout=30)

    def fetch_bounded(address: str, output: str, shelf: object) -> None:
        with open(output, "wb") as file:
            fetched(address, Bounded(file, most, f"File `{path}` from {address}"), shelf)

    shelf = pooch.create(
        place.parent,
        base_url="",
        registry={place.name: sha256 and f"sha256:{sha256}"},
        urls={place.name: url},
        retry_if_failed=retries,
    )
    try:
        shelf.fetch(place.name, downloader=fetch_bounded)
    except OSError as error:
        if not hasattr(
            error, "request"
        ):  # the disk's error, not one of the HTTP client's, which are OSErrors too
            raise
        response = getattr(error, "response", None)
        why = type(error).__name__ if response is None else f"HTTP {response.status_code}"
        raise DataUnavailable(
            f"File `{path}` cannot be downloaded from {url} ({why}). Check the connection "
            "and try again; nothing was changed."
        ) from error
    except ValueError as error:
        raise IntegrityError(
            f"File `{path}` from {url} is not the recorded one: its SHA-256 differs. {UNCHANGED}"
        ) from error
    return place


class Bounded(io.IOBase):
    """A file that gives or takes at most so many bytes."""

    def __init__(self, file: IO[bytes], most: int, what: str):
        self.file = file
        self.left = most
        self.what = what

    def _count(self, chunk: bytes) -> bytes:
        self.left -= len(chunk)
        check(
            self.left >= 0,
            f"{self.what} is larger than the recorded one can be. {UNCHANGED}",
            IntegrityError,
        )
        return chunk

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._count(self.file.read(size))

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self.file.write(self._count(chunk))
