"""The one exception that a person is meant to read."""

from __future__ import annotations


class InputError(ValueError):
    """Something given to us cannot be used.

    The message is one sentence that names the file or field, what is wrong with
    it, and how to fix it. The command line prints it and exits with code 2; the
    docks show it as a notification. Raise it before anything is written.
    """
