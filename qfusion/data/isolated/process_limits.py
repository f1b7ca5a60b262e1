"""Limits of memory and processor time that a process sets for itself, where the platform knows such limits (POSIX)."""

from pathlib import Path


def limit_process(memory: int, seconds: int) -> None:
    """Let this process take no more memory and processor time than that.

    Args:
        memory: bytes of address space; macOS does not hold a process to it.
        seconds: of the processor.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        try:
            resource.setrlimit(kind, (most, hard))
        except (ValueError, OSError):  # macOS, where more address space is in use already
            continue


def used_address_space() -> int:
    """Return the bytes of address space that this process has, 0 where the platform does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * 4096
    except (OSError, ValueError):
        return 0


def forbid_opening_files() -> None:
    """Take from this process the right to open files and connections, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
