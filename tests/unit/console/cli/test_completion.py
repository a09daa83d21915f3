"""Completion for shells: commands, options, and names of tenants if the catalog is local."""

import functools
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.naming import known_tenants
from shared import wiring
from shared.adapters.catalog import open_catalog

PROGRAM = (sys.executable, "-m", "console.cli")


def settings(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTRAKEEP_"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**inherited, "PATH": path, "ENTRAKEEP_HOME": str(home), "HOME": str(home.parent), **more}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home whose catalog has two tenants."""
    home = tmp_path / "home"
    open_catalog(f"sqlite:///{home / 'catalog.sqlite3'}").close()
    with sqlite3.connect(home / "catalog.sqlite3") as catalog:
        for name in ("contoso", "fabrikam"):
            row = (name, name, "d", "c", "2026-01-01 00:00:00", "provider", "arn", 1)
            columns = "tenant_id, name, directory_id, client_id, created_at, key_mode, key_arn, key_epoch"
            catalog.execute(f"INSERT INTO tenants ({columns}) VALUES ({', '.join('?' * len(row))})", row)
    catalog.close()
    return home


@functools.cache
def script(shell: str) -> str:
    return subprocess.run((*PROGRAM, "completion", shell), capture_output=True, text=True, check=True).stdout


def bash(environment: dict[str, str], *words: str) -> list[str]:
    """Return the completions that bash offers for the last of these words."""
    typed = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=(entrakeep {typed}); COMP_CWORD={len(words)}; _entrakeep entrakeep"
    program = f'set -u; {script("bash")}\n{ask}; printf "%s\\n" "${{COMPREPLY[@]-}}"'
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_names(home: Path) -> None:
    environment = settings(home)
    assert bash(environment, "back") == ["backup"]
    assert bash(environment, "tenant", "") == ["add", "update", "check", "list", "show", "remove"]
    assert bash(environment, "backup", "contoso", "--f") == ["--full"]
    assert bash(environment, "backup", "") == ["contoso", "fabrikam"]
    assert bash(environment, "schedule", "show", "fa") == ["fabrikam"]
    assert bash(environment, "audit", "") == ["show", "verify", "export"]
    assert bash(environment, "audit", "verify", "fa") == ["fabrikam"]
    assert bash(environment, "jobs", "list", "--tenant", "c") == ["contoso"]
    assert bash(environment, "download", "contoso", "") == ["latest"]
    assert bash(environment, "download", "contoso", "latest", "--resource", "groups.mem") == ["groups.members"]
    assert bash(environment, "completion", "") == ["bash", "zsh", "fish"]


def test_completion_offers_no_name_for_a_tenant_to_be_added(home: Path) -> None:
    assert bash(settings(home), "tenant", "add", "") == []


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish is installed here")
def test_fish_completes_names(home: Path) -> None:
    program = (
        f"{script('fish')}\ncomplete --do-complete 'entrakeep backup '\ncomplete --do-complete 'entrakeep tenant sh'"
    )
    argv = ["fish", "--no-config", "-c", program]
    done = subprocess.run(argv, env=settings(home), capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["contoso", "fabrikam", "show"]


ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -d {folder}/dump; echo re""ady'
zpty -r z line '*ready*'
zpty -w -n z $'entrakeep backup fab\\t'
zpty -r z line '*fabrikam*'
print -r -- "$line"
zpty -d z
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh is installed here")
def test_zsh_completes_names(home: Path) -> None:
    (home.parent / "_entrakeep").write_text(script("zsh"))
    program = ZSH.format(folder=home.parent)
    done = subprocess.run(
        ["zsh", "-f", "-c", program], env=settings(home), capture_output=True, text=True, check=True, timeout=60
    )
    assert "fabrikam" in done.stdout


def test_completion_without_a_catalog_creates_none_and_prints_nothing(tmp_path: Path) -> None:
    assert bash(settings(tmp_path / "home"), "backup", "") == []
    assert not (tmp_path / "home").exists()


def test_completion_with_a_file_that_is_no_catalog_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite3").write_text("not a database at all, only some text that is long enough" * 20)
    assert bash(settings(tmp_path), "backup", "") == []


def test_completion_does_not_wait_for_a_silent_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgresql://entrakeep:CANARY@127.0.0.1:{deaf.getsockname()[1]}/entrakeep"
        assert bash(settings(tmp_path, ENTRAKEEP_DATABASE_URL=url), "backup", "") == []  # ends although nothing answers


def test_completion_does_not_offer_a_name_that_a_shell_might_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "tenant_names", lambda: ["acme", "a$(touch x)", "a`b`", "a b"])
    assert known_tenants("a") == ["acme"]
