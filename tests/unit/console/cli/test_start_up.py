"""The imports of a command before it runs: an import of one second delays every user by a second."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "alembic",
    "boto3",
    "botocore",
    "celery",
    "cryptography",
    "httpx",
    "kombu",
    "msgraph",
    "redis",
    "requests",
    "rich",
}
SQL = {"pydantic", "sqlalchemy"}
PROGRAM = """
import sys
from console.cli import main
sys.argv = ["entrakeep", *sys.argv[1:]]
status = main()
sys.stderr.write(" ".join({name.partition(".")[0] for name in sys.modules}))
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [(("tenant", "list"), HEAVY), (("tenant", "list", "--json"), HEAVY), (("--help",), HEAVY | SQL)],
    ids=["a listing", "its document", "a page of help"],
)
def test_a_command_imports_no_heavy_library_that_it_does_not_need(
    tmp_path: Path, words: tuple[str, ...], unneeded: set[str]
) -> None:
    """The home is empty: the command also creates the catalog and its tables."""
    environment = {"PATH": "/usr/bin:/bin", "ENTRAKEEP_HOME": str(tmp_path / "home")}
    ended = subprocess.run(
        (sys.executable, "-c", PROGRAM, *words), env=environment, capture_output=True, text=True, check=True
    )
    imported = set(ended.stderr.split())
    assert "typer" in imported
    assert imported & unneeded == set()
    assert (tmp_path / "home" / "catalog.sqlite3").exists() == ("tenant" in words)
