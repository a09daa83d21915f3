"""The command line: one module for each command or group of commands. Every exit status is decided here."""

import logging
import os
import sys
import traceback

from console.cli.output import guard_output, note, printable
from shared.domain.errors import Code, EntrakeepError

_WRONG_USE = frozenset({Code.WRONG_USE, Code.SETTINGS_INVALID})


def main() -> int:
    """Run ``entrakeep``. Return 0 for success, 1 if refused or failed, 2 for wrong use, 130 if interrupted.

    Errors are printed as one line ``CODE: sentence`` on standard error.
    """
    import typer

    from console.cli.tree import app

    guard_output()
    os.umask(0o077)  # files stay private; under some inherited masks even their owner could not read them
    logging.getLogger().addHandler(logging.NullHandler())  # libraries log to nowhere; the user gets one sentence
    try:
        status = app(args=sys.argv[1:] or ["--help"], prog_name="entrakeep", standalone_mode=False)
        _flush()
        return status or 0
    except EntrakeepError as error:
        if error.code is Code.FILE_NOT_WRITABLE:
            _forget_output()
        return _report_error(error.code, error.message)
    except typer.TyperException as error:
        sentence = error.format_message().rstrip(".")
        stop = "" if sentence.endswith("?") else "."
        return _report_error(Code.WRONG_USE, f"{sentence}{stop}{_help_hint(error)}")
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        _forget_output()
        return 1
    except Exception as error:
        return _report_error(
            Code.UNEXPECTED, f"This is a defect of Entrakeep ({type(error).__name__}){_logged(error)}."
        )


def _report_error(code: Code, message: str) -> int:
    """Print the error. Return its exit status."""
    note(f"{code}: {printable(message)}")
    return 2 if code in _WRONG_USE else 1


def _help_hint(error: Exception) -> str:
    """Return a sentence that names the help of the command, or an empty text if no command is known."""
    context = getattr(error, "ctx", None)
    return f" See '{context.command_path} --help'." if context is not None else ""


def _flush() -> None:
    """Flush standard output, so that its errors are reported here."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _forget_output() -> None:
    """Discard the buffered output without an error, because the reader is gone or the disk is full."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _logged(error: Exception) -> str:
    """Append the traceback to a log in the home. Return the words that name this file, or an empty text if that fails.

    The exceptions' own texts are left out, because they may hold private data.
    """
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
