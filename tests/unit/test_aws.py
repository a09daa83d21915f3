"""Sessions of AWS: botocore's models are loaded once, and each session has its own credentials and Region."""

from botocore.loaders import JSONFileLoader
from pytest import MonkeyPatch

from shared import aws


def test_a_second_session_loads_no_model_again_and_has_its_own_credentials(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    first = aws.session("eu-central-1").client("kms")
    paths: list[str] = []

    def noted(loader: JSONFileLoader, path: str, *rest: object) -> object:
        paths.append(path)
        return load(loader, path, *rest)

    load = JSONFileLoader._load_file
    monkeypatch.setattr(JSONFileLoader, "_load_file", noted)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    second = aws.session("us-east-1").client("kms")
    assert paths == []
    aws.session("us-east-1").client("ssm")  # a service that no other test of this process uses
    assert {path.split("/")[-3] for path in paths} == {"ssm"}
    assert [client.meta.region_name for client in (first, second)] == ["eu-central-1", "us-east-1"]
    access_keys = [client._request_signer._credentials.access_key for client in (first, second)]
    assert access_keys == ["first", "second"]
