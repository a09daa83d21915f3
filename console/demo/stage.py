"""The processes of the story: simulators, a KMS key and the whole stack, on free ports and in their own folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.demo.directory import Directory
from console.demo.owner import ACCOUNT, BUCKET, REGION, SECRET, KeyOwner
from console.demo.parts import Commands, Parts, free_port, simulator
from console.demo.screen import Screen
from shared import wiring

USERS, GROUPS, APPLICATIONS, POLICIES = 2000, 300, 40, 20
SETTINGS_FILE = "settings.sh"
SECRET_FILE = "client-secret.txt"  # noqa: S105 - a name
_CLIENT_SECRET = "simulated-secret\n"  # noqa: S105 - of the simulator's own application
RESTORE_CLIENT = "55555555-5555-5555-5555-555555555555"
RESTORE_SECRET_FILE = "restore-secret.txt"  # noqa: S105 - a name
_RESTORE_SECRET = "simulated-restore-secret"  # noqa: S105 - of the application that the demo registers


@dataclass(frozen=True)
class Stage:
    """Everything that runs. ``places`` are things to look at, with their addresses."""

    directory: Directory
    owner: KeyOwner
    commands: Commands
    console_url: str
    places: tuple[tuple[str, str], ...]


@contextmanager
def built(screen: Screen, parts: Parts, folder: Path) -> Iterator[Stage]:
    """Start everything, wait until it answers, and yield it. Raise DemoFailed if a part does not answer."""
    temporary = folder / "tmp"  # killed processes leave files there
    temporary.mkdir()
    bare = {**wiring.bare_environment(), "TMPDIR": str(temporary)}
    ca_file = folder / "graph-ca.pem"
    (folder / SECRET_FILE).write_text(_CLIENT_SECRET)
    (folder / RESTORE_SECRET_FILE).write_text(_RESTORE_SECRET)
    with screen.waiting("Starting the simulators of AWS and of Microsoft Graph"):
        counts: tuple[str, ...] = ("--users", str(USERS), "--groups", str(GROUPS), "--policies", str(POLICIES))
        counts += ("--applications", str(APPLICATIONS))
        parts.start("aws", simulator("aws"), bare)
        parts.start("graph", simulator("graph", "--ca-file", str(ca_file), *counts), bare)
        aws_url, graph_url = parts.hears("aws", "ready"), parts.hears("graph", "ready")
    screen.done(f"AWS with KMS, S3 and STS: {aws_url}")
    screen.done(f"Microsoft Graph: {graph_url}")
    screen.done(
        f"Its directory: {USERS:,} users, {GROUPS} groups, {APPLICATIONS} applications with their service principals, "
        f"{POLICIES} conditional access policies"
    )
    owner = KeyOwner(aws_url)
    owner.make_bucket()
    screen.done(f"A KMS key, created by its owner: {owner.make_key()}")

    console_port = free_port()
    settings = {
        **_settings(folder, aws_url, graph_url, ca_file, owner.arn),
        "ENTRAKEEP_WEB_URL": f"http://localhost:{console_port}",
        "ENTRAKEEP_WEB_LISTEN": f"127.0.0.1:{console_port}",
    }
    environment = {**bare, **settings}
    (folder / SETTINGS_FILE).write_text(_exports(settings))
    screen.command("entrakeep up")
    with screen.waiting("Starting Redis, beat, a worker, Flower and the console"):
        parts.start_stack(environment)
        parts.hears("up", "ready")
    flower_url = parts.hears("up", "Flower:", "log")
    screen.done(f"Ready. Watch the tasks in Flower while they run: {flower_url}/tasks")
    with closing(Directory(graph_url, ca_file)) as directory:
        directory.register(RESTORE_CLIENT, _RESTORE_SECRET)
        yield Stage(
            directory=directory,
            owner=owner,
            commands=Commands(screen, environment),
            console_url=settings["ENTRAKEEP_WEB_URL"],
            places=(
                ("The console", settings["ENTRAKEEP_WEB_URL"]),
                ("Flower: every task", f"{flower_url}/tasks"),
                ("Requests to AWS", f"{aws_url}/_sim/requests"),
                ("Requests to Graph", f"{graph_url}/_sim/requests"),
                ("Graph's certificate", str(ca_file)),
            ),
        )


def _settings(folder: Path, aws_url: str, graph_url: str, ca_file: Path, arn: str) -> dict[str, str]:
    """Return the environment of Entrakeep and AWS's library. This machine's own AWS settings are not used."""
    return {
        "ENTRAKEEP_HOME": str(folder / "home"),
        "ENTRAKEEP_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
        "ENTRAKEEP_STORE_URL": f"s3://{BUCKET}/backups",
        "ENTRAKEEP_PROVIDER_KEY_ARN": arn,
        "ENTRAKEEP_GRAPH_URL": graph_url,
        "ENTRAKEEP_AUTHORITY_URL": graph_url,
        "ENTRAKEEP_CA_BUNDLE": str(ca_file),
        **{f"AWS_ENDPOINT_URL_{service}": aws_url for service in ("KMS", "S3", "STS")},
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _exports(settings: Mapping[str, str]) -> str:
    """Return a shell script that exports the settings and puts ``entrakeep`` on the PATH."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    path = shlex.quote(str(Path(sys.executable).parent))
    return "\n".join([*lines, f'export PATH={path}:"$PATH"', ""])
