"""Fetching the files of a data set from where they are public, each one checked before it counts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from qfusion import _read_only
from qfusion._checks import choose
from qfusion.data import files, registry
from qfusion.data.source import PinnedFile, Source
from qfusion.errors import DataUnavailable, IntegrityError, NotFound

Progress = Callable[
    [int, int, str], None
]  # files done, files in all, the file that is next or was last
TIMEOUT = 30  # seconds without an answer


def get(
    name: str,
    target: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
    retries: int = 2,
) -> Path:
    """Downloads a data set's files and returns the folder they are in.

    Files that are there and whole are kept; all others are fetched into a temporary folder, checked against their
    recorded SHA-256, and only when every one of them is right moved into place. After a failure the target is as it
    was.

    Args:
        name: of the data set; see `qfusion.data.names`.
        target: folder to put the files in; the data set's own below the data folder unless told.
        base_url: where the files are instead of at their public source, laid out as in the folder. The environment
            variable QFUSION_<NAME>_URL does the same.
        progress: called with (files done, files in all, path of the file).
        retries: how often a failed transfer is tried again.

    Raises:
        NotFound: when the data set is unknown or not to be downloaded.
        DataUnavailable: when a file cannot be fetched or the folder cannot be written.
        IntegrityError: when a fetched file is not the recorded one.
    """
    _read_only.refuse("download data")
    known = registry.sources()
    source = (
        known.get(name)
        or known[
            choose(
                "Downloadable data set",
                name,
                [key for key, each in known.items() if _is_public(each)],
            )
        ]
    )
    if source.made:
        raise NotFound(f"Data set '{name}' {source.made} and needs no download. Use it as it is.")
    if not _is_public(source):
        raise NotFound(f"Data set '{name}' cannot be downloaded. {source.remedy}")
    folder = Path(target) if target is not None else source.folder
    base = base_url or os.environ.get(f"QFUSION_{name.upper()}_URL")
    wanted = [file for file in source.files if not _whole(folder, file)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            for done, file in enumerate(wanted):
                if progress is not None:
                    progress(done, len(wanted), file.path)
                _fetch(
                    file,
                    Path(temporary),
                    f"{base.rstrip('/')}/{file.path}" if base else file.url,
                    retries,
                )
            for file in wanted:
                (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(temporary) / file.path, folder / file.path)
    except OSError as error:
        raise DataUnavailable(
            f"Data set '{name}' cannot be written to {folder} ({error.strerror or error}). Give another "
            "folder, or set QFUSION_DATA to one that can be written."
        ) from error
    if progress is not None:
        progress(len(wanted), len(wanted), wanted[-1].path if wanted else "")
    return folder


def _is_public(source: Source) -> bool:
    return bool(source.files) and not source.by_hand


def _whole(folder: Path, file: PinnedFile) -> bool:
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size and files.sha256(path) == file.sha256


def _fetch(file: PinnedFile, folder: Path, url: str, retries: int) -> None:
    """Puts one file, checked, into `folder`."""
    import pooch  # on demand: it pulls in the HTTP client, which only a download needs

    place = folder / file.path
    shelf = pooch.create(
        place.parent,
        base_url="",
        registry={place.name: f"sha256:{file.sha256}"},
        urls={place.name: url},
        retry_if_failed=retries,
    )
    try:
        shelf.fetch(place.name, downloader=pooch.HTTPDownloader(timeout=TIMEOUT))
    except OSError as error:
        if not hasattr(
            error, "request"
        ):  # the disk's error, not one of the HTTP client's, which are OSErrors too
            raise
        raise DataUnavailable(
            f"File `{file.path}` cannot be downloaded from {url} ({_reason(error)}). Check the connection "
            "and try again; nothing was changed."
        ) from error
    except ValueError as error:
        raise IntegrityError(
            f"File `{file.path}` from {url} is not the recorded one: its SHA-256 differs. Nothing was "
            "changed; try again, or get the files from where they were first published."
        ) from error


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__
