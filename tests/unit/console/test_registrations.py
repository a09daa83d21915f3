"""The scripts of ``entrakeep permissions`` grant exactly the permissions that the table names."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from console.cli.tree import app
from shared.domain.errors import Refuse
from shared.domain.resources import RESOURCES, STREAMS
from shared.domain.resources.choice import FAMILIES, Choice
from shared.domain.resources.permissions import needed_to_read

DIRECTORY = "33333333-3333-3333-3333-333333333333"
_PERMISSION = re.compile(r"\b[A-Z][\w-]+\.(?:Read|ReadWrite|ReadBasic|Update\w*|DeleteRestore|Manage)\.[\w.]+\b")

Run = Callable[..., str]


@pytest.fixture
def printed(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Return a function that runs the command and returns its output."""

    def run(*words: str) -> str:
        app(args=["permissions", *words], prog_name="entrakeep", standalone_mode=False)
        return capfdbinary.readouterr().out.decode()

    return run


def read_by_default() -> set[str]:
    """Return what the chosen rows need, and what listing the owners of children needs."""
    rows = [row for row in Choice().rows() if not row.for_people]
    owners = [children.owner for row in rows if (children := STREAMS[row.stream].children) is not None]
    return {row.permission_read for row in (*rows, *(RESOURCES[name] for name in owners if name in RESOURCES))}


def restored_by_default() -> set[str]:
    return {name for row in Choice().rows() for name in row.permissions_to_restore}


def names_in(script: str) -> list[str]:
    """Return the permissions in a script, without those of the person who runs it."""
    text = "\n".join(line for line in script.splitlines() if "-Scopes" not in line)
    return _PERMISSION.findall(text)


@pytest.mark.parametrize("format", ["az", "powershell", "terraform"])
def test_a_script_names_each_permission_to_read_once(printed: Run, format: str) -> None:
    assert names_in(printed("--format", format, "--directory-id", DIRECTORY)) == sorted(read_by_default())


@pytest.mark.parametrize("format", ["az", "powershell", "terraform"])
def test_a_script_names_each_permission_to_restore_once(printed: Run, format: str) -> None:
    script = printed("--restore", "--format", format, "--directory-id", DIRECTORY)
    assert names_in(script) == sorted(restored_by_default())
    assert '"Entrakeep restore"' in script
    assert '"Privileged Authentication Administrator"' in script


def test_only_the_chosen_families_and_resources_need_permissions(printed: Run) -> None:
    chosen = [row for row in RESOURCES.values() if row.family == "identity" and row.stream != "groups"]
    rows = [row for row in chosen if Choice().has(row) and not row.for_people]
    needed = msgspec.json.decode(printed("--family", "identity", "--without", "groups", "--json"))
    assert {(name, each["permission"]) for each in needed for name in each["resources"]} == {
        (row.resource, permission) for row in rows for permission in needed_to_read(row)
    }


def test_what_belongs_to_objects_also_needs_the_permission_to_list_these() -> None:
    configurations = RESOURCES["authenticationStrengthPolicies.combinationConfigurations"]
    elsewhere = msgspec.structs.replace(configurations, permission_read="Other.Read.All")
    assert needed_to_read(elsewhere) == ("Other.Read.All", RESOURCES["authenticationStrengthPolicies"].permission_read)
    assert needed_to_read(RESOURCES["users.manager"]) == ("User.Read.All",)


def test_every_family_can_be_left_out_alone(printed: Run) -> None:
    for family in FAMILIES:
        families = {
            name for each in msgspec.json.decode(printed("--without", family, "--json")) for name in each["families"]
        }
        assert families == {row.family for row in Choice().rows() if not row.for_people and row.family != family}


def test_a_script_needs_the_directory_and_at_least_one_permission(printed: Run) -> None:
    with pytest.raises(Refuse, match="--directory-id"):
        printed("--format", "az")
    everything = [word for family in FAMILIES for word in ("--without", family)]
    with pytest.raises(Refuse, match="need no permission"):
        printed("--format", "az", "--directory-id", DIRECTORY, *everything)


@pytest.mark.parametrize("options", [(), ("--restore",)])
def test_terraform_accepts_the_layout_of_the_configuration(printed: Run, options: tuple[str, ...]) -> None:
    configuration = printed(*options, "--format", "terraform", "--directory-id", DIRECTORY)
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("terraform is not installed")
    check = [program, "fmt", "-check", "-diff", "-"]
    result = subprocess.run(check, input=configuration, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


_AZ = """#!/bin/bash
# Answers as the Azure CLI does, and records what it is told.
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
    "ad sp show"*) cat "$OFFERED" ;;
    "ad app create"*) echo the-client-id ;;
    *admin-consent*) [ -e "$CONSENT" ] || { touch "$CONSENT"; exit 1; } ;;
    *"credential reset"*) echo the-secret ;;
esac
"""


@pytest.fixture
def az(tmp_path: Path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """Return a function that runs a script beside a program ``az``, which offers the given roles."""
    for name, text in (("az", _AZ), ("sleep", "#!/bin/bash\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(script: str, offered: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "offered").write_text(offered)
        files = {name.upper(): str(tmp_path / name) for name in ("calls", "offered", "consent")}
        environment = files | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_script_for_the_azure_cli_grants_the_permissions_that_graph_offers(
    printed: Run, az: Callable[[str, str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    offered = read_by_default() - {"Policy.Read.All"} | {"Other.Read.All"}
    roles = "".join(f"{name}\tid-of-{name}\n" for name in sorted(offered))
    result = az(printed("--format", "az", "--directory-id", DIRECTORY), roles)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "client id: the-client-id\n"
    assert result.stderr.endswith("does not offer it here: Policy.Read.All\n")
    (granted,) = re.findall(r"--api-permissions (.*) --only", (tmp_path / "calls").read_text())
    assert granted.split() == [f"id-of-{name}=Role" for name in sorted(read_by_default() - {"Policy.Read.All"})]
    secret = tmp_path / "secret.txt"
    assert secret.read_text() == "the-secret\n"
    assert secret.stat().st_mode & 0o777 == 0o600
