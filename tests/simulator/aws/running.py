"""The AWS simulator as a process, and clients of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from botocore.config import Config

from shared import aws

START = "import sys; from simulator.aws import main; sys.exit(main(['--port', '0', *sys.argv[1:]]))"
ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
REGION = "eu-central-1"
OWNER, STRANGER = "111122223333", "444455556666"


@dataclass(frozen=True)
class Aws:
    """A running simulator."""

    url: str
    process: "subprocess.Popen[str]"

    def client(self, service: str, account: str = OWNER, region: str = REGION, **credentials: str) -> Any:
        """Return a client that tries once, by default as the root of an account."""
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "any", **credentials}
        return aws.session(region).client(service, endpoint_url=self.url, config=ONE_TRY, **keys)  # type: ignore[call-overload]

    def control(self, method: str, path: str, value: object = None) -> Any:
        """Ask one of the `/_sim/` addresses."""
        data = None if value is None else json.dumps(value).encode()
        with urlopen(Request(f"{self.url}/_sim/{path}", data=data, method=method), timeout=20) as answer:
            return json.load(answer)


@contextmanager
def running(*options: str) -> Iterator[Aws]:
    """Start a simulator on a free port and end it afterwards."""
    command = [sys.executable, "-c", START, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        assert word == "ready"
        yield Aws(url, process)
    finally:
        process.kill()
        process.communicate()
