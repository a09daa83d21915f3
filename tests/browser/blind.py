"""After the stories of a file: no secret and nothing of a directory is in SQL, Redis, Flower, logs or temporary files."""

import base64
import re
from urllib.parse import urlsplit

import psycopg

from tests.browser.stack import SIGN_IN_SECRET, Stack
from tests.canaries import files, flower_pages, matches, redis_content
from tests.parts import SECRET

_TOKEN = base64.b64encode(b'{"typ": "JWT"')[:12].decode()
"""The beginning of every token that the authority issues."""


def assert_blind(stack: Stack) -> None:
    """Search for every secret of the stories. Assert that only the files that the operator keeps private have one."""
    places = {**files(stack.home), "up": stack.output.encode(), "Redis": redis_content(stack.redis.url)}
    worker_log = stack.home / "logs" / "worker.log"
    login = re.search(r"Flower: http://(\w+):(\w+)@(\S+)", stack.output)
    assert login is not None
    if " received" in worker_log.read_text():
        places |= flower_pages(f"http://{login[3]}", worker_log, (login[1], login[2]))
    if stack.database_url:
        places["PostgreSQL"] = _rows(stack.database_url)
    # Prove that the search covers the right files: it finds ids, which may be stored anywhere.
    for tenant in stack.document("tenant", "list"):
        assert matches([tenant["tenant_id"]], places), f"the search finds nothing of {tenant['tenant']}"
    secrets = [SECRET, SIGN_IN_SECRET, _TOKEN, *stack.canaries, *sorted(stack.secrets)]
    assert matches(secrets, places) == []


def _rows(url: str) -> bytes:
    """Return every row of every table as text."""
    address = urlsplit(url)._replace(scheme="postgresql").geturl()
    with psycopg.connect(address) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [
            row
            for (name,) in names
            for row in connection.execute(f'SELECT "{name}"::text FROM "{name}"').fetchall()  # type: ignore[call-overload]
        ]
    return b"\n".join(str(row[0]).encode() for row in rows)
