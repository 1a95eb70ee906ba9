"""One command line in a terminal: what it says where, and the exit code that it ends with."""

from __future__ import annotations

import os
import sys

import click

from bench.errors import BAD_USAGE, DONE, INTERRUPTED, UserError
from bench.listing import printable


def invoke(command: click.Command, arguments: list[str]) -> int:
    """Run one command line; returns its exit code.

    What the user can mend is one sentence (or all problems of a study), never a traceback.
    """
    try:
        code = command.main(arguments, prog_name="ganbench", standalone_mode=False)
    except UserError as error:
        say(str(error))
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return BAD_USAGE
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `ganbench ls models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        if error.filename is None:  # of no file of the user's: a bug
            raise
        say(f"{error.filename}: {error.strerror}")
        return BAD_USAGE
    return code if isinstance(code, int) else DONE


def say(text: str) -> None:
    """Talk goes to stderr."""
    click.echo(printable(text), err=True)


def put(text: str) -> None:
    """Data goes to stdout."""
    click.echo(printable(text))
