"""The manifest of a stored set: what it is, its arrays, and how it came here."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.data.store import folders
from qfusion.data.target_spec import Target
from qfusion.errors import IntegrityError, translate_errors

FORMAT = 1


class StoredModality(BaseModel):
    """A modality in the manifest.

    Attributes:
        name, feature_names, double: see `Modality`.
        file: name of the file of its values.
        shape: of the values, (N, F) or (N, T, F).
        sequence: whether it has lengths.
        lengths: name of their file; the modality's with `.lengths.npy` if empty.
        picture: shape of the picture that a vector holds, or None.
    """

    name: str
    file: str
    shape: tuple[int, ...]
    sequence: bool
    lengths: str = ""
    feature_names: tuple[str, ...]
    picture: tuple[int, ...] | None = None
    double: bool = False


class Provenance(BaseModel):
    """How a set came here.

    Attributes:
        files: name, bytes and sha256 of each file that it was imported from.
        repairs: descriptions of the repairs made.
        report: of the import, see `Report.as_dict`.
        extracted: how features were extracted from recordings: `methods`, a record by modality, and more.
    """

    files: list[dict[str, Any]] = []
    repairs: list[str] = []
    report: dict[str, Any] = {"findings": [], "repairs": []}
    extracted: dict[str, Any] = {}

    @property
    def methods(self) -> dict[str, Any]:
        """The record of the extraction of each modality, by its name; empty for sets that were not extracted."""
        return dict(self.extracted.get("methods", {}))


class Manifest(Provenance):
    """A stored set; see `DataSet` for the meaning of its parts.

    Attributes:
        format: of the folder.
        name: of a set of a Python session; an imported set is called like its folder.
        created: time of writing, UTC.
        versions: of qfusion, NumPy and Python, by name.
        samples: their number.
        rates: steps a second of sequences, by modality.
        unimodal, truth: columns of these tables; empty if there is none.
        table: whether there are columns to show.
        game: whether it holds the samples of a measured game.
        clusters: unit of the clusters; empty if they follow from the ids, None if rows are independent.
    """

    format: int = FORMAT
    name: str
    title: str
    description: str
    source: str
    licence: str
    created: str
    versions: dict[str, str]
    samples: int
    target: Target
    modalities: list[StoredModality]
    rates: dict[str, float] = {}
    unimodal: list[str] = []
    truth: list[str] = []
    table: bool
    noise_variance: float | None = None
    game: bool = False
    clusters: str | None = ""
    digest: str


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the set in a folder.

    Raises:
        IntegrityError: when it is damaged, or another version wrote it.
    """
    return _read(folder, stamp(folder))


def imported_manifest(name: str) -> Manifest:
    """Return the manifest of an imported set.

    Raises:
        NotFound: when there is none of that name. IntegrityError: see `read_manifest`.
    """
    return read_manifest(folders.imported_folder(name))


def opened_folders() -> dict[str, Path]:
    """Return the folders of the sets of a Python session, by the names of the sets."""
    places = map(Path, filter(None, os.environ.get(folders.OPENED, "").split(os.pathsep)))
    return {
        read_manifest(place).name: place for place in places if (place / folders.MANIFEST).is_file()
    }


def extractor_names(name: str) -> dict[str, str]:
    """Return the methods by which the features of an extracted set were made, by modality; empty for other sets."""
    if name not in folders.imported_names():
        return {}
    methods = imported_manifest(name).methods
    return {modality: str(record.get("method", "")) for modality, record in methods.items()}


def stamp(folder: Path) -> str:
    """Return a text that changes when the set in a folder is replaced. It is empty if there is no such set."""
    with contextlib.suppress(OSError, ValueError):  # such as a zero byte in the name
        facts = (folder / folders.MANIFEST).stat()
        return f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"
    return ""


@memo(64)
def _read(folder: Path, stamp: str) -> Manifest:
    """Load a manifest. `stamp` changes when the set is replaced, so that the manifest is read anew."""
    what, remedy = folders.describe_folder(folder)
    with translate_errors(
        f"{what} is damaged: its manifest cannot be read",
        remedy,
        *(OSError, ValueError, AttributeError, RecursionError),
        error=IntegrityError,
        why="{kind}",
    ):
        record = json.loads((folder / folders.MANIFEST).read_text(encoding="utf-8"))
        version = record.get("format", FORMAT)
    check(
        version == FORMAT,
        f"{what} was written by another version of qfusion (format {version}). {remedy}",
        IntegrityError,
    )
    try:
        return Manifest.model_validate(record)
    except (ValidationError, LookupError) as error:
        raise IntegrityError(
            f"{what} is damaged: its manifest cannot be read ({_describe_error(error)}). {remedy}"
        ) from error


def _describe_error(error: Exception) -> str:
    """Return the first entry that a manifest lacks or that is not of the form that it needs."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
