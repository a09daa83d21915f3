"""Run a supervisor of small parts as a process for the tests.

``sys.argv``: the folder, then one word per part. ``family`` starts a child and a grandchild in its own session.
``deaf`` ignores SIGTERM. ``dying`` ends by itself. ``absent`` names a missing program. ``shy`` answers when the file
``asked`` exists. ``chatty`` prints eleven MiB, and one line more when that file exists.
"""

import os
import sys
from pathlib import Path

from console.supervisor.loop import Supervisor
from console.supervisor.part import Pace, Part
from shared.domain.backoff import Backoff

SCRIPTS = {
    "shy": """
import os, sys, time
open(f"{sys.argv[1]}/pid.{os.getpid()}", "w").close()
time.sleep(600)
""",
    "family": """
import os, signal, subprocess, sys, time
if len(sys.argv) < 4:
    subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "x"], start_new_session=True)
open(f"{sys.argv[1]}/pid.{os.getpid()}", "w").close()
time.sleep(600)
""",
    "deaf": """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(f"{sys.argv[1]}/pid.{os.getpid()}", "w").close()
time.sleep(600)
""",
    "chatty": """
import os, sys, time
print("the first line", flush=True)
for _ in range(11):
    print("x" * (1024 * 1024 - 1), flush=True)
open(f"{sys.argv[1]}/pid.{os.getpid()}", "w").close()
while not os.path.exists(f"{sys.argv[1]}/asked"):
    time.sleep(0.02)
print("the last line", flush=True)
time.sleep(600)
""",
    "absent": "",
    "dying": """
import os, sys
open(f"{sys.argv[1]}/died.{os.getpid()}", "w").close()
print("out of luck")
sys.exit(3)
""",
}


def part(folder: Path, word: str) -> Part:
    script = folder / f"{word}.py"
    script.write_text(SCRIPTS[word])
    return Part(
        word,
        ("/no/such/program" if word == "absent" else sys.executable, str(script), str(folder)),
        dict(os.environ),
        ready=lambda: (folder / "asked").exists() if word == "shy" else any(folder.glob("[pd]i*d.*")),
        grace=1.0,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    parts = [part(folder, word) for word in sys.argv[2:]]
    Supervisor(
        [parts],
        folder,
        say=lambda line: print(line, file=sys.stderr, flush=True),
        announce_ready=lambda: print("ready", flush=True),
        pace=Pace(backoff=Backoff(first=0.1, longest=0.3), steady=60.0, look=0.05),
    ).run()


if __name__ == "__main__":
    main()
