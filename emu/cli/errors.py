"""What a user can do wrong on the command line."""

from __future__ import annotations


class UserError(Exception):
    """Bad usage or input. The text is one line that names the thing and the place."""


def one_line(error: BaseException) -> str:
    """The text of an error, without the number that OSError puts before it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
