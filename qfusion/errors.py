"""The errors qfusion raises for what a caller can mend.

Messages follow one grammar: the argument, what it must be, what was seen, what to do.
"""

import contextlib
import errno
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

MAX_TEXT = 2000  # characters of a message
# What ends a line, turns the direction of writing, or is half a character.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class QFusionError(Exception):
    """Base of every error that qfusion raises on purpose; pages and the command line show its message as it is.

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


class IntegrityError(QFusionError):
    """A file is not the one that was recorded: its digest differs or it is damaged."""


def otherwise(default: Any) -> Callable[[F], F]:
    """What a function returns where it raises one of these errors: for what others say, or nobody need know."""

    def decorate(function: F) -> F:
        @wraps(function)
        def tried(*args: Any, **named: Any) -> Any:
            with contextlib.suppress(QFusionError):
                return function(*args, **named)
            return default

        return cast(F, tried)

    return decorate


@contextlib.contextmanager
def refused(
    what: str,
    remedy: str,
    *causes: type[Exception],
    error: type[QFusionError] = InvalidInput,
    why: str = "{system}",
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Says what the system, or a library, refuses the block.

    Args:
        what: cannot be done: "FILE cannot be written". remedy: what to do about it.
        causes: what is refused; what the system refuses (OSError) unless given.
        error: that is raised.
        why: the reason, of the `kind`, the `words` or the `system`'s words of what was raised.
        passing: errors that are left as they are.

    Raises:
        QFusionError: of that class, with what, why and remedy.
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
def noted(problems: list[str], name: str) -> Iterator[None]:
    """Notes what is wrong with one thing of many, a file or a model, which costs that one alone."""
    try:
        yield
    except (QFusionError, OSError) as error:
        problems.append(f"{name}: {error}")


@contextlib.contextmanager
def provided() -> Iterator[None]:
    """Says in one line what the machine does not give the block: a package, room on a disk, the right to write.

    Raises:
        DataUnavailable: naming it and what to do.
    """
    try:
        yield
    except OSError as error:
        room = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if error.errno not in (*room, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        raise DataUnavailable(
            f"{error.filename or 'A file'} cannot be written ({error.strerror}). Free some disk "
            "space, or correct the permissions."
        ) from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "qfusion"):
            raise
        name = {  # where the package has another name
            "umap": "umap-learn",
            "sklearn": "scikit-learn",
            "PIL": "pillow",
            "skimage": "scikit-image",
            "cv2": "opencv-python",
        }.get(package, package)
        raise DataUnavailable(
            f"This needs the package {name}, which is not installed. `pip install {name}`, and start "
            "qfusion again."
        ) from error
