"""A visitor's samples in session files, which hold their input and not their features."""

import base64
import json
from pathlib import Path
from typing import Any

from qfusion._checks import check, choose
from qfusion.data import registry
from qfusion.data.own_inputs import OwnInput
from qfusion.data.own_samples import OwnSample, make_sample
from qfusion.errors import translate_errors

MOST = 8  # samples that a session keeps


def session_record(sample: OwnSample) -> dict[str, Any] | None:
    """Return the record of a sample in a session file, or None if the sample is too large."""
    if sum(len(piece.data) for piece in sample.given.values()) > 200_000:  # bytes
        return None
    return {
        "id": sample.id,
        "data": sample.data,
        "like": sample.like,
        "given": {
            name: {
                "kind": piece.kind,
                "ending": piece.ending,
                "content": base64.b64encode(piece.data).decode(),
            }
            for name, piece in sample.given.items()
        },
    }


def read_record(record: Any) -> OwnSample:
    """Return a sample from its record in a session file.

    Raises:
        QFusionError: when it does not have that form, its data set is not here, or what was given cannot be read.
    """
    with translate_errors(
        "An own sample of the file does not say what was given",
        "Save the session again.",
        *(KeyError, TypeError, AttributeError, ValueError),
    ):
        name, like, called = (str(record[key]) for key in ("data", "like", "id"))
        given = {
            first: OwnInput(
                str(piece["kind"]),
                base64.b64decode(piece["content"], validate=True),
                str(piece["ending"]),
            )
            for first, piece in record["given"].items()
        }
    sample = make_sample(registry.load(choose("Data set", name, registry.names())), given, like)
    check(
        sample.id == called,
        f"Own sample {called[:40]!r} comes to other features than it had. The data set or the way "
        "of making them has changed; give it again.",
    )
    return sample


def read_session(path: str | Path) -> list[OwnSample]:
    """Return the own samples of a session file, which ‘Save session’ has written.

    Raises:
        QFusionError: when it cannot be read, or one of them does not fit.
    """
    with translate_errors(
        f"{path} cannot be read",
        "Give a session file.",
        *(OSError, ValueError, AttributeError, RecursionError),
    ):
        record = json.loads(Path(path).read_bytes()).get("own", [])
    check(
        isinstance(record, list) and len(record) <= MOST,
        f"A session file holds a list of at most {MOST} own samples. Save the session again.",
    )
    return [read_record(one) for one in record]
