"""The errors qfusion raises for what a caller can mend.

Messages follow one grammar: the argument, what it must be, what was seen, what to do.
"""


class QFusionError(Exception):
    """Base of every error that qfusion raises on purpose; pages and the command line show its message as it is."""


class InvalidInput(QFusionError, ValueError):
    """An argument, a file's content or a setting is not of the form that is needed."""


class NotFound(QFusionError, LookupError):
    """A model, data set, sample, modality or option of that name does not exist."""

    # LookupError's subclass KeyError would quote the message; LookupError itself prints it as written.


class DataUnavailable(QFusionError):
    """Files that are needed are not on this machine; the message says which and how to get them."""


class IntegrityError(QFusionError):
    """A file is not the one that was recorded: its digest differs or it is damaged."""
