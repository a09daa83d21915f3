"""The demo: the whole product on this machine in about two minutes, with a simulated directory and a simulated AWS."""

import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from console.demo.parts import DemoFailed, Parts
from console.demo.screen import Screen
from console.demo.stage import SETTINGS_FILE, Stage, built
from console.demo.story import Story

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_demo(keep: bool) -> int:
    """Run the demo with real processes, and end all of them. Return the exit status.

    0: every part succeeded. 1: one failed; standard error has the reason in one sentence, and the folder with the logs stays.
    130: a signal ended the demo. With ``keep``, everything stays up after the story, until Ctrl-C.
    """
    screen = Screen()
    with _ended_by_signals():
        folder = Path(tempfile.mkdtemp(prefix="entrakeep-demo-"))
        logs = folder / "home" / "logs"
        try:
            status = _play(screen, folder, logs, keep)
        except Exception as error:
            sentence = str(error) if isinstance(error, DemoFailed) else f"{type(error).__name__}: {error}"
            print(f"The demo stopped. {sentence}\nThe logs are in {logs}", file=sys.stderr, flush=True)
            return 1
        finally:
            screen.close()
        shutil.rmtree(folder, ignore_errors=True)
        screen.say("Everything that the demo started has ended, and nothing of it is left on this machine.")
        return status


def _play(screen: Screen, folder: Path, logs: Path, keep: bool) -> int:
    """Start the processes and tell the story. Return the exit status. At its end no process is alive."""
    finished = False
    with contextlib.chdir(folder), Parts(logs) as parts:
        try:
            screen.title("Entrakeep backs up a simulated Microsoft Entra directory under a simulated AWS KMS key.")
            screen.say(
                "Every process is a real one, nothing leaves this machine, and you can type each '$' line yourself."
            )
            screen.chapter("Start everything")
            with built(screen, parts, folder) as stage:
                started_at = time.monotonic()
                proved = Story(screen, stage, folder).play()
                screen.summary(f"Done, in {time.monotonic() - started_at:.0f} seconds", proved)
                finished = True
                if keep:
                    _stay(screen, parts, folder, stage)
        except KeyboardInterrupt:
            screen.say("\nEnding everything ...")
            return 0 if finished else 128 + signal.SIGINT
    return 0


def _stay(screen: Screen, parts: Parts, folder: Path, stage: Stage) -> NoReturn:
    """Keep everything up until KeyboardInterrupt. Raise DemoFailed if a part ends before that."""
    screen.places(stage.places)
    screen.say(
        "\nTo sign in to the console, open the link that 'entrakeep people add' printed above, and make a passkey or choose "
        "a password. A lost link is replaced by 'entrakeep people invite ada'."
    )
    screen.say("\nTo type commands yourself, load the demo's settings in another terminal, then try this:")
    screen.command(f". {folder / SETTINGS_FILE}")
    screen.command("entrakeep browse demo latest --resource users --search Ångström")
    screen.say("\nEverything stays up until you press Ctrl-C here.")
    while True:
        parts.check()
        time.sleep(0.2)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the demo as Ctrl-C does. Ignore every signal after the first one."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
