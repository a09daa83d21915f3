"""Wrong use and refusals of every command: one sentence on standard error, and the exit status for its kind."""

import os
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.flow.shell import write_private
from tests.migrated import migrated_file

GUID = "11111111-1111-1111-1111-111111111111"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture
def shell(tmp_path: Path) -> Commands:
    """Return a shell without a stack, KMS or Graph: SQL alone."""
    write_private(tmp_path / "secret", "simulated-secret")
    return Commands(tmp_path, {"ENTRAKEEP_HOME": str(tmp_path / "home")})


@pytest.fixture
def catalog(shell: Commands) -> None:
    """Create a catalog without tenants in the home."""
    home = shell.folder / "home"
    home.mkdir(0o700)
    migrated_file(home / "catalog.sqlite3")


ADD = ("tenant", "add", "contoso", "--directory-id", GUID, "--client-id", GUID, "--client-secret-file")


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("tenant",),
        ("up", "--nonsense"),
        ("tenant", "add", "Contoso"),
        ("tenant", "add", "contoso", "--directory-id", "1"),
        (*ADD, "absent"),
        ("tenant", "update", "contoso"),
        ("tenant", "update", "contoso", "--client-secret-file", "secret", "--certificate", "secret"),
        ("tenant", "show", "con toso"),
        ("tenant", "list", "contoso"),
        ("tenant", "remove", "contoso"),
        ("resources", "users"),
        ("completion", "cmd"),
        ("backup", "a" * 41),
        ("jobs", "list", "--tenant", "Ä"),
        ("jobs", "show"),
        ("jobs", "list", "--state", "done"),
        ("jobs", "list", "--since", "yesterday"),
        ("jobs", "list", "--tenant", "contoso", "--all-tenants"),
        ("jobs", "cancel"),
        ("jobs", "retry"),
        ("snapshots", ""),
        ("plan", "make", "contoso"),
        ("plan", "make", "contoso", "latest", "--conflict", "nonsense"),
        ("plan", "make", "contoso", "latest", "--links", "nonsense"),
        ("plan", "make", "contoso", "latest", "--ids-file", "absent"),
        ("plan", "show", "contoso"),
        ("restore", "contoso"),
        ("restore", "contoso", "latest", "--plan", "p"),
        ("restore", "contoso", "--undo", "j", "--report", "j"),
        ("restore", "contoso", "--plan", "p", "--id", "i"),
        ("restore", "contoso", "--undo", "j", "--undelete-only"),
        ("restore", "contoso", "latest", "--format", "csv"),
        ("restore", "contoso", "latest", "--passwords", "file"),
        ("restore", "contoso", "--report", "j", "--format", "html"),
        ("restore", "contoso", "--report", "j", "--format", "csv", "--json"),
        ("tenant", "update", "contoso", "--restore-client-id", GUID),
        ("tenant", "update", "contoso", "--restore-client-secret-file", "absent"),
        ("tenant", "update", "contoso", "--restore-client-secret-file", "secret", "--client-secret-file", "absent"),
        ("tenant", "update", "contoso", "--restore-client-secret-file", "secret", "--secret-expires", "2027-01-31"),
        ("browse", "contoso"),
        ("browse", "contoso", "latest", "--dangling", "--refused"),
        ("browse", "contoso", "latest", "--dangling", "--search", "x"),
        ("browse", "contoso", "latest", "--resource", "devices/1"),
        ("compare", "contoso", "latest"),
        ("compare", "contoso", "latest", "live", "--id", ""),
        ("compare", "contoso", "latest", "live", "--format", "pdf"),
        ("compare", "contoso", "latest", "live", "--json", "--format", "csv"),
        ("compare", "contoso", "latest", "live", "-o", ""),
        ("download", "contoso", "latest"),
        ("download", "contoso", "latest", "-o", "f", "--format", "xml"),
        ("verify", "contoso", "latest", "more"),
        ("schedule", "set", "contoso"),
        ("schedule", "show"),
        ("schedule", "pause"),
        ("schedule", "resume"),
        ("key", "show"),
        ("key", "check"),
        ("key", "allow"),
        ("key", "policy"),
        ("key", "enable", "contoso"),
        ("key", "enable", "contoso", "--arn", ARN),
        ("key", "update", "contoso"),
        ("audit", "show"),
        ("audit", "show", "contoso", "--limit", "0"),
        ("audit", "verify", "Contoso"),
        ("audit", "export", "contoso"),
        ("audit", "export", "contoso", "-o", ""),
        ("catalog", "migrate", "--grant"),
        ("catalog", "rebuild", "more"),
        ("demo", "--nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_reported_in_one_sentence_with_status_2(shell: Commands, words: tuple[str, ...]) -> None:
    sentence = shell.refused(*words, code="WRONG_USE", status=2)
    if words == ("tenant", "remove", "contoso"):
        assert "--yes" in sentence


@pytest.mark.usefixtures("catalog")
@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("backup", "contoso"), "NO_SUCH_TENANT", 1),
        (("tenant", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("snapshots", "contoso"), "NO_SUCH_TENANT", 1),
        (("verify", "contoso", "--json"), "NO_SUCH_TENANT", 1),
        (("verify", "contoso", "nope"), "NO_SUCH_TENANT", 1),
        (("jobs", "list", "--tenant", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "set", "contoso", "--cron", "0 3 * * *"), "NO_SUCH_TENANT", 1),
        (("schedule", "pause", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "check", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "resume", "-"), "NO_SUCH_TENANT", 1),
        (("key", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "allow", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "enable", "contoso", "--arn", ARN, "--rehearse"), "NO_SUCH_TENANT", 1),
        (("key", "update", "contoso", "--arn", ARN), "NO_SUCH_TENANT", 1),
        (("audit", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("audit", "export", "contoso", "-o", "-"), "NO_SUCH_TENANT", 1),
        (("plan", "make", "contoso", "latest"), "NO_SUCH_TENANT", 1),
        (("plan", "list", "contoso"), "NO_SUCH_TENANT", 1),
        (("plan", "withdraw", "contoso", "p"), "NO_SUCH_TENANT", 1),
        (("restore", "contoso", "latest"), "NO_SUCH_TENANT", 1),
        (("restore", "contoso", "--plan", "p", "--wait"), "NO_SUCH_TENANT", 1),
        (("restore", "contoso", "--undo", "j"), "NO_SUCH_TENANT", 1),
        (("jobs", "show", "nope"), "NO_SUCH_JOB", 1),
        (("jobs", "cancel", "\udcff"), "NO_SUCH_JOB", 1),
        (("jobs", "retry", "two\nlines"), "NO_SUCH_JOB", 1),
        (("catalog", "migrate", "--grant", "reader"), "SETTINGS_INVALID", 2),
        (("schedule", "set", "contoso", "--cron", "61 * * * *"), "SETTINGS_INVALID", 2),
        (("schedule", "set", "contoso", "--cron", "0 3 * * *", "--timezone", "Mars"), "SETTINGS_INVALID", 2),
    ],
)
def test_a_missing_object_is_refused_with_its_code(
    shell: Commands, words: tuple[str, ...], code: str, status: int
) -> None:
    shell.refused(*words, code=code, status=status)


@pytest.mark.parametrize(
    "words",
    [
        ("up",),
        (*ADD, "secret"),
        ("tenant", "update", "c", "--client-secret-file", "secret"),
        ("tenant", "remove", "c", "--yes"),
        ("download", "c", "latest", "-o", "f"),
        ("compare", "c", "latest", "live"),
        ("browse", "c", "latest"),
        ("audit", "verify", "c"),
        ("catalog", "rebuild"),
    ],
    ids=" ".join,
)
def test_every_missing_or_wrong_setting_is_named_at_once(shell: Commands, words: tuple[str, ...]) -> None:
    shell.environment |= {"ENTRAKEEP_GRAPH_URL": "http://graph", "ENTRAKEEP_CA_BUNDLE": "absent"}
    sentence = shell.refused(*words, code="SETTINGS_INVALID", status=2)
    for name in ("PROVIDER_KEY_ARN", "GRAPH_URL", "CA_BUNDLE"):
        assert f"ENTRAKEEP_{name}" in sentence
    assert os.listdir(shell.folder) == ["secret"]


@pytest.mark.usefixtures("catalog")
@pytest.mark.parametrize(
    "words",
    [
        ("tenant", "update", "contoso", "--client-secret-file", "secret"),
        ("tenant", "remove", "contoso", "--yes"),
        ("tenant", "check", "contoso", "--restore"),
        ("plan", "show", "contoso", "p"),
        ("restore", "contoso", "--report", "j"),
        ("browse", "contoso", "latest"),
        ("download", "contoso", "latest", "-o", "out"),
        ("audit", "verify", "contoso"),
        ("catalog", "rebuild"),
    ],
    ids=" ".join,
)
def test_commands_that_need_the_engine_refuse_an_unknown_tenant(shell: Commands, words: tuple[str, ...]) -> None:
    shell.environment["ENTRAKEEP_PROVIDER_KEY_ARN"] = ARN
    shell.refused(*words, code="NO_SUCH_TENANT", status=1)
    assert not (shell.folder / "out").exists()


def test_lists_need_only_sql(shell: Commands) -> None:
    assert shell.document("tenant", "list") == []
    assert shell.document("jobs", "list") == []
    assert shell.run("catalog", "migrate")[0].startswith(b"The catalog is at revision")
    assert b"users.manager" in shell.run("resources")[0]


@pytest.mark.parametrize(
    ("url", "code", "status"),
    [
        ("sqlite:////dev/null/catalog", "CATALOG_UNREACHABLE", 1),
        ("sqlite:///secret", "CATALOG_UNREACHABLE", 1),
        ("nonsense", "SETTINGS_INVALID", 2),
        ("mysql://root:CANARY@host/db", "SETTINGS_INVALID", 2),
    ],
)
def test_an_unusable_catalog_is_reported_in_one_sentence(shell: Commands, url: str, code: str, status: int) -> None:
    shell.environment["ENTRAKEEP_DATABASE_URL"] = url
    assert "CANARY" not in shell.refused("tenant", "list", "--json", code=code, status=status)
