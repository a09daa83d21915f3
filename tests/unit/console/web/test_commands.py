"""The command lines that pages show: the real command line parses each one, and it asks for the same."""

import inspect
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from console.cli.tree import app
from console.web import commands
from shared.domain.access import Role
from shared.domain.jobs import JobState

JOB = "3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"
GUID = "22222222-2222-2222-2222-222222222222"
CLIENT = "11111111-1111-1111-1111-111111111111"
ARN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e"
ODD = 'it\'s\n"$(touch x)"; `rm` \\ é'

LINES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "back_up": (commands.back_up("contoso", full=True), "backup", {"name": "contoso", "full": True}),
    "back_up a dash": (commands.back_up("-a"), "backup", {"name": "-a"}),
    "verify": (commands.verify("contoso", "latest"), "verify", {"name": "contoso", "snapshot": "latest"}),
    "verify all": (commands.verify("contoso", shallow=True), "verify", {"name": "contoso", "shallow": True}),
    "snapshots": (commands.snapshots("contoso"), "snapshots", {"name": "contoso"}),
    "list_jobs": (
        commands.list_jobs("contoso", ["failed", "running"]),
        "jobs list",
        {"tenant": "contoso", "state": [JobState.FAILED, JobState.RUNNING]},
    ),
    "list_jobs of all": (commands.list_jobs(), "jobs list", {}),
    "show_job": (commands.show_job(JOB), "jobs show", {"job": JOB}),
    "cancel_job": (commands.cancel_job(JOB), "jobs cancel", {"job": JOB}),
    "retry_job": (commands.retry_job(JOB), "jobs retry", {"job": JOB}),
    "set_schedule": (
        commands.set_schedule("contoso", "0 */6 * * *", "Europe/Berlin"),
        "schedule set",
        {"name": "contoso", "cron": "0 */6 * * *", "timezone": "Europe/Berlin"},
    ),
    "set_schedule with odd text": (
        commands.set_schedule("-a", ODD, "-b"),
        "schedule set",
        {"name": "-a", "cron": ODD, "timezone": "-b"},
    ),
    "pause_schedule": (commands.pause_schedule("contoso"), "schedule pause", {"name": "contoso"}),
    "resume_schedule": (commands.resume_schedule("contoso"), "schedule resume", {"name": "contoso"}),
    "show_key": (commands.show_key("contoso"), "key show", {"name": "contoso"}),
    "allow_key": (commands.allow_key("contoso"), "key allow", {"name": "contoso"}),
    "allow_key taken back": (
        commands.allow_key("contoso", take_back=True),
        "key allow",
        {"name": "contoso", "take_back": True},
    ),
    "key_policy": (commands.key_policy("contoso", ARN), "key policy", {"name": "contoso", "arn": ARN}),
    "key_policy for a role": (
        commands.key_policy("contoso", principal="arn:aws:iam::111122223333:role/x"),
        "key policy",
        {"name": "contoso", "principal": "arn:aws:iam::111122223333:role/x"},
    ),
    "check_key": (commands.check_key("contoso"), "key check", {"name": "contoso"}),
    "enable_key": (commands.enable_key("contoso", ARN), "key enable", {"name": "contoso", "arn": ARN}),
    "enable_key as a rehearsal": (
        commands.enable_key("contoso", ARN, rehearse=True),
        "key enable",
        {"name": "contoso", "arn": ARN, "rehearse": True},
    ),
    "update_key": (commands.update_key("contoso", ARN), "key update", {"name": "contoso", "arn": ARN}),
    "show_audit": (commands.show_audit("contoso"), "audit show", {"name": "contoso"}),
    "show_audit of the installation": (commands.show_audit(None), "audit show", {"installation": True}),
    "verify_audit": (commands.verify_audit("contoso"), "audit verify", {"name": "contoso"}),
    "export_audit": (
        commands.export_audit(None, "audit.jsonl"),
        "audit export",
        {"installation": True, "output": "audit.jsonl"},
    ),
    "list_people": (commands.list_people("contoso"), "people list", {"tenant": "contoso"}),
    "list_people of all": (commands.list_people(None), "people list", {}),
    "add_person": (
        commands.add_person("bob", ["admin", "viewer"], "contoso", hours="4"),
        "people add",
        {"handle": "bob", "role": [Role.ADMIN, Role.VIEWER], "tenant": "contoso", "hours": 4.0},
    ),
    "invite_person": (commands.invite_person("bob"), "people invite", {"handle": "bob"}),
    "grant_role": (
        commands.grant_role("bob", "operator", None, reason="INC-4411; it's odd"),
        "people grant",
        {"handle": "bob", "role": Role.OPERATOR, "reason": "INC-4411; it's odd"},
    ),
    "take_role": (
        commands.take_role("bob", "viewer", "contoso"),
        "people take",
        {"handle": "bob", "role": Role.VIEWER, "tenant": "contoso"},
    ),
    "end_sign_ins": (commands.end_sign_ins("bob"), "people sign-ins", {"handle": "bob", "end": True}),
    "remove_person": (commands.remove_person("bob"), "people remove", {"handle": "bob"}),
    "make_token": (
        commands.make_token("nightly", ["backup.ask", "tenant.see"], "contoso", 30, ["192.0.2.0/24"]),
        "token make",
        {
            "name": "nightly",
            "action": ["backup.ask", "tenant.see"],
            "tenant": "contoso",
            "days": 30,
            "network": ["192.0.2.0/24"],
        },
    ),
    "add_notice_target": (
        commands.add_notice_target("team", "chat", "contoso", file="./link", notices=["key.refused", "backup.late"]),
        "notices add",
        {
            "name": "team",
            "kind": "chat",
            "address_file": Path("link"),
            "tenant": "contoso",
            "notice": ["key.refused", "backup.late"],
        },
    ),
    "list_notice_targets": (commands.list_notice_targets("contoso"), "notices list", {"tenant": "contoso"}),
    "try_notice_target": (commands.try_notice_target("ops", None), "notices test", {"name": "ops"}),
    "remove_notice_target": (
        commands.remove_notice_target("-n", "contoso"),
        "notices remove",
        {"name": "-n", "tenant": "contoso"},
    ),
    "list_tokens": (commands.list_tokens(None), "token list", {}),
    "end_token": (commands.end_token("-n", "contoso"), "token end", {"name": "-n", "tenant": "contoso"}),
    "show_sign_ins": (commands.show_sign_ins("ana"), "people sign-ins", {"handle": "ana"}),
    "reset_person": (commands.reset_person("ana"), "people reset", {"handle": "ana"}),
    "set_up_code": (commands.set_up_code(), "people code", {}),
    "add_tenant": (
        commands.add_tenant("contoso", GUID, CLIENT, secret_file="my secret.txt", secret_expires="2027-01-31"),
        "tenant add",
        {
            "name": "contoso",
            "directory_id": GUID,
            "client_id": CLIENT,
            "client_secret_file": Path("my secret.txt"),
            "secret_expires": datetime(2027, 1, 31, tzinfo=UTC),
        },
    ),
    "add_tenant with a certificate": (
        commands.add_tenant("contoso", GUID, CLIENT, certificate="a.pem"),
        "tenant add",
        {"name": "contoso", "directory_id": GUID, "client_id": CLIENT, "certificate": Path("a.pem")},
    ),
    "update_tenant": (
        commands.update_tenant("contoso", client_id=CLIENT, secret_file="s"),
        "tenant update",
        {"name": "contoso", "client_id": CLIENT, "client_secret_file": Path("s")},
    ),
    "update_restore_identity": (
        commands.update_restore_identity("contoso", CLIENT, certificate="r.pem"),
        "tenant update",
        {"name": "contoso", "restore_client_id": CLIENT, "restore_certificate": Path("r.pem")},
    ),
    "check_tenant": (
        commands.check_tenant("contoso", restore=True),
        "tenant check",
        {"name": "contoso", "restore": True},
    ),
    "show_tenant": (commands.show_tenant("contoso"), "tenant show", {"name": "contoso"}),
    "list_tenants": (commands.list_tenants(), "tenant list", {}),
    "remove_tenant": (
        commands.remove_tenant("contoso", shred=True),
        "tenant remove",
        {"name": "contoso", "shred": True},
    ),
}
"""A line of each action with the command and the arguments that it must be parsed to."""


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Return the words of the command that a shell would run, and its arguments that differ from their defaults."""
    program, *words = shlex.split(line)
    assert program == "entrakeep"
    command: Any = typer.main.get_command(app)
    context = command.make_context(program, words)
    names = []
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        names.append(name)
        context = command.make_context(name, rest, parent=context)
    assert context.args == []
    defaults = {each.name: each.get_default(context) for each in command.params}
    given = {name: value for name, value in context.params.items() if value not in (defaults[name], None, [], ())}
    return " ".join(names), given


@pytest.mark.parametrize(("line", "command", "given"), LINES.values(), ids=LINES)
def test_a_shown_command_line_asks_for_the_same(line: str, command: str, given: dict[str, Any]) -> None:
    assert parsed(line) == (command, given)


def test_every_action_has_a_line_here() -> None:
    functions = {name for name, each in inspect.getmembers(commands, inspect.isfunction) if not name.startswith("_")}
    assert functions == {name.split()[0] for name in LINES}


def test_a_line_can_be_pasted_into_a_shell() -> None:
    assert commands.set_schedule("contoso", "0 3 * * *", "UTC") == (
        "entrakeep schedule set contoso --cron '0 3 * * *' --timezone UTC"
    )
