"""The exceptions that qfusion raises for errors that the caller can correct.

Messages follow one grammar: the argument, what it must be, what was seen, what to do.
"""

import contextlib
import errno
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

from qfusion import _extras

F = TypeVar("F", bound=Callable[..., Any])

MAX_TEXT = 2000  # characters of a message
# What ends a line, turns the direction of writing, or is half a character.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class QFusionError(Exception):
    """Base class of every error that qfusion raises on purpose. Pages and the command line show its message unchanged.

    A message is one line, also where it quotes what somebody has sent: what cannot be seen stands there as its escape.
    """

    def __init__(self, message: object = "", *more: object):
        words = _UNSEEN.sub(
            lambda result: result[0].encode("unicode_escape").decode(), str(message)
        )
        super().__init__(words if len(words) <= MAX_TEXT else f"{words[: MAX_TEXT - 2]} …", *more)


class InvalidInput(QFusionError, ValueError):
    """An argument, a file's content or a setting is not of the form that is needed."""


class NotFound(QFusionError, LookupError):
    """A model, data set, sample, modality or option of that name does not exist."""

    # LookupError's subclass KeyError would quote the message; LookupError itself prints it as written.


class DataUnavailable(QFusionError):
    """Files that are needed are not on this machine; the message says which and how to get them."""


class MissingPackage(DataUnavailable, ImportError):
    """An optional package is not installed; the message names the extra of qfusion that installs it."""


class IntegrityError(QFusionError):
    """Error for a file that is not the recorded one: its digest differs or it is damaged."""


def default_on_error(default: Any) -> Callable[[F], F]:
    """Return a decorator: the function returns `default` where it would raise a `QFusionError`.

    It is for results that a page can do without, and for errors that another place reports.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def with_default(*args: Any, **named: Any) -> Any:
            with contextlib.suppress(QFusionError):
                return function(*args, **named)
            return default

        return cast(F, with_default)

    return decorate


@contextlib.contextmanager
def translate_errors(
    what: str,
    remedy: str,
    *causes: type[Exception],
    error: type[QFusionError] = InvalidInput,
    why: str = "{system}",
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Raise an error of qfusion in place of one of the operating system or of a library.

    Args:
        what: the failed action, such as "FILE cannot be written".
        remedy: the sentence that tells what to do.
        causes: classes of errors to translate; OSError by default.
        error: class of the error to raise.
        why: format of the reason. It may use the `kind` of the cause (its class), its `words`, and the operating
            system's description, `system`.
        passing: classes of errors to raise unchanged.

    Raises:
        QFusionError: of class `error`, with the message "WHAT (WHY). REMEDY".
    """
    kinds = causes or (OSError,)
    try:
        yield
    except passing:
        raise
    except kinds as cause:
        kind = type(cause).__name__
        reason = why.format(
            kind=kind,
            words=" ".join(str(cause).split()) or kind,
            system=getattr(cause, "strerror", None) or cause,
        )
        raise error(f"{what} ({reason}). {remedy}") from cause


@contextlib.contextmanager
def collect_errors(problems: list[str], name: str) -> Iterator[None]:
    """Context manager that appends the message of an error of its block to `problems`, so that one broken file or
    model does not stop the others.
    """
    try:
        yield
    except (QFusionError, OSError) as error:
        problems.append(f"{name}: {error}")


@contextlib.contextmanager
def translate_import_errors() -> Iterator[None]:
    """Report the package, and the extra that installs it, where an import in the block fails.

    Raises:
        MissingPackage: when a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = error.name or ""
        if module == "" or module.partition(".")[0] == "qfusion":
            raise
        raise MissingPackage(_extras.describe_missing(module)) from error


@contextlib.contextmanager
def translate_system_errors() -> Iterator[None]:
    """Report a missing package, a full disk or a missing right to write in one line.

    Raises:
        DataUnavailable: with the package or the file, and what to do.
    """
    try:
        with translate_import_errors():
            yield
    except OSError as error:
        room = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if error.errno not in (*room, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        raise DataUnavailable(
            f"{error.filename or 'A file'} cannot be written ({error.strerror}). Free some disk "
            "space, or correct the permissions."
        ) from error
