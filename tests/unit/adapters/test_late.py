"""Commands and beat neither import nor create parts that they never use."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from shared.adapters.late import LateAccess
from shared.domain.secret import Secret
from shared.ports.directory import DirectorySource, Identity
from shared.wiring import bare_environment

IDENTITY = Identity(directory_id="d", client_id="c", secret=Secret(b"s"))
HEAVY = ("celery", "httpx", "msgraph_core", "redis")
CODE = (
    f"import sys; from shared import wiring; wiring.command_context(); print([n for n in {HEAVY} if n in sys.modules])"
)


class Access:
    def __init__(self) -> None:
        self.connected: list[Identity] = []

    def connect(self, identity: Identity, check: Callable[[], None]) -> DirectorySource:
        self.connected.append(identity)
        return cast(DirectorySource, self)


def test_the_graph_client_is_created_at_the_first_connection_and_reused() -> None:
    clients: list[Access] = []

    def make() -> Access:
        clients.append(Access())
        return clients[-1]

    late = LateAccess(make)
    assert clients == []
    sources: list[object] = [late.connect(IDENTITY, lambda: None) for _ in range(2)]
    (access,) = clients
    assert sources == [access, access]
    assert access.connected == [IDENTITY, IDENTITY]


def test_the_engine_of_a_command_imports_neither_the_broker_nor_the_graph_client(tmp_path: Path) -> None:
    arn = "arn:aws:kms:eu-central-1:111122223333:key/11111111-1111-1111-1111-111111111111"
    settings = {"ENTRAKEEP_HOME": str(tmp_path), "ENTRAKEEP_PROVIDER_KEY_ARN": arn}
    result = subprocess.run(
        [sys.executable, "-c", CODE], env=bare_environment() | settings, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
