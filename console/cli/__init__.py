"""The command line: a module a command, or a group of them. Every way out of it is here."""

import logging
import os
import sys
import traceback

from console.cli.output import guard_output, note, printable
from shared.domain.errors import Code, EntrakeepError

_WRONG_USE = frozenset({Code.WRONG_USE, Code.SETTINGS_INVALID})


def main() -> int:
    """``entrakeep``: 0 done, 1 refused or failed, 2 wrong use. Errors are one line ``CODE: sentence`` on standard error."""
    import typer

    from console.cli.tree import app

    guard_output()
    os.umask(0o077)  # what is written is private; with some masks not even we could read it again
    logging.getLogger().addHandler(logging.NullHandler())  # libraries log; people get our sentence
    try:
        status = app(args=sys.argv[1:] or ["--help"], prog_name="entrakeep", standalone_mode=False)
        _flush()
        return status or 0
    except EntrakeepError as error:
        if error.code is Code.FILE_NOT_WRITABLE:
            _forget_output()
        return _refused(error.code, error.message)
    except typer.TyperException as error:
        sentence = error.format_message().rstrip(".")
        stop = "" if sentence.endswith("?") else "."
        return _refused(Code.WRONG_USE, f"{sentence}{stop}{_where_to_look(error)}")
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        _forget_output()
        return 1
    except Exception as error:
        return _refused(Code.UNEXPECTED, f"This is a defect of Entrakeep ({type(error).__name__}){_logged(error)}.")


def _refused(code: Code, message: str) -> int:
    note(f"{code}: {printable(message)}")
    return 2 if code in _WRONG_USE else 1


def _where_to_look(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f" See '{context.command_path} --help'." if context is not None else ""


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _forget_output() -> None:
    """Nobody reads on, or the disk is full: what is left in the buffer goes nowhere, quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _logged(error: Exception) -> str:
    """Where it came from, appended to a file in the home; says which. What the exceptions say may hold anything, so it is
    left out."""
    from console.cli.opening import home, now

    lines = [f"{now().isoformat()} {type(error).__name__}\n", *traceback.format_tb(error.__traceback__)]
    try:
        file = home() / "logs" / "entrakeep.log"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as opened:
            opened.writelines(lines)
    except (OSError, EntrakeepError):
        return ""
    return f"; details are in {file}"
