"""The errors qfusion raises for what a caller can mend.

Messages follow one grammar: the argument, what it must be, what was seen, what to do.
"""

from __future__ import annotations

import re

MAX_TEXT = 2000  # characters of a message
# What ends a line, turns the direction of writing, or is half a character.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class QFusionError(Exception):
    """Base of every error that qfusion raises on purpose; pages and the command line show its message as it is.

    A message is one line, also where it quotes what somebody has sent: what cannot be seen stands there as its escape.
    """

    def __init__(self, message: object = "", *more: object):
        said = _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), str(message))
        super().__init__(said if len(said) <= MAX_TEXT else f"{said[:MAX_TEXT - 2]} …", *more)


class InvalidInput(QFusionError, ValueError):
    """An argument, a file's content or a setting is not of the form that is needed."""


class NotFound(QFusionError, LookupError):
    """A model, data set, sample, modality or option of that name does not exist."""

    # LookupError's subclass KeyError would quote the message; LookupError itself prints it as written.


class DataUnavailable(QFusionError):
    """Files that are needed are not on this machine; the message says which and how to get them."""


class IntegrityError(QFusionError):
    """A file is not the one that was recorded: its digest differs or it is damaged."""
