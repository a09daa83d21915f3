import re
import signal
import socket
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from simulator.aws import main
from tests.simulator.aws.running import OWNER, REGION, STRANGER, Aws, running

ARN = f"arn:aws:kms:{REGION}:{OWNER}:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"


def test_sigterm_ends_the_simulator_with_status_0_and_no_secret_in_its_logs() -> None:
    with running() as aws:
        s3 = aws.client("s3", aws_secret_access_key="canary-secret")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "none", "Key": "canary-key"})
        request = subprocess.run(
            [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])", url],
            capture_output=True,
            check=False,
        )
        assert b"404" in request.stderr
        aws.process.send_signal(signal.SIGTERM)
        assert aws.process.wait(10) == 0
        out, err = aws.process.communicate()
    assert out == ""
    assert "canary" not in err
    assert "Signature" not in err


def test_an_unsigned_request_is_refused(aws: Aws) -> None:
    host, port = aws.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"GET /bucket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert plain.makefile("rb").readline().startswith(b"HTTP/1.1 403")


def test_the_simulator_listens_at_the_given_address() -> None:
    with running("--host", "127.0.0.2") as aws:
        address, _, port = aws.url.removeprefix("http://").partition(":")
        assert address == "127.0.0.2"
        assert aws.control("GET", "requests") == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=10)


def test_an_address_of_another_machine_is_refused_with_one_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--port", "0", "--host", "nowhere.invalid"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(r"Port 0 cannot be used on nowhere\.invalid: [^\n]+\.\n", output.err)


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_an_invalid_port_is_refused_by_name(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--port={port}"])
    assert ended.value.code == 2
    assert f"{port} is no port" in capsys.readouterr().err


def test_a_taken_port_is_reported_in_one_sentence_with_status_1(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    port = aws.url.rpartition(":")[2]
    assert main(["--port", port]) == 1
    assert capsys.readouterr().err.startswith(f"Port {port} cannot be used")


def test_a_key_and_a_bucket_named_on_the_command_line_exist_from_the_start() -> None:
    with running("--key", ARN, "--bucket", "backups") as aws:
        fresh = aws.client("kms").generate_data_key(KeyId=ARN, KeySpec="AES_256")
        answer = aws.client("kms").decrypt(KeyId=ARN, CiphertextBlob=fresh["CiphertextBlob"])
        assert (answer["KeyId"], answer["Plaintext"]) == (ARN, fresh["Plaintext"])
        aws.client("s3").put_object(Bucket="backups", Key="a", Body=b"b")
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.client("s3", STRANGER).get_object(Bucket="backups", Key="a")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--key", "arn:aws:kms:eu-central-1:1:key/x"), "is not the ARN of a KMS key"),
        (("--key", ARN, "--bucket", "No"), "No is not the name of a bucket"),
    ],
)
def test_invalid_start_options_are_refused_with_one_sentence(
    options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", *options]) == 1
    assert sentence in capsys.readouterr().err


def test_a_bucket_without_a_key_is_wrong_use() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--port", "0", "--bucket", "backups"])
