"""docs/real-directory.md against the code: settings, and policies that allow only the calls of the code."""

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from shared.domain.errors import Code
from simulator.aws.policy import Request, Verdict, evaluate, parse_policy
from tests.pages import TOP, blocks, commands

PAGE = TOP / "docs" / "real-directory.md"
TEXT = PAGE.read_text()
KEY_POLICY, BUCKET_RULES, MACHINE_POLICY = map(json.loads, blocks(PAGE, "json"))
USER, ADMINISTRATOR = "arn:aws:iam::111122223333:user/entrakeep", "arn:aws:iam::111122223333:user/admin"
_ACTIONS: dict[str, set[str]] = {
    "list_objects_v2": {"s3:ListBucket"},
    "list_object_versions": {"s3:ListBucketVersions"},
    "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "head_object": {"s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectLegalHold"},
    "re_encrypt": {"kms:ReEncryptFrom", "kms:ReEncryptTo"},
    "get_caller_identity": set(),
}
"""Calls whose permission has a different name, or that need none."""


def test_the_page_has_only_these_ids() -> None:
    guids = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", TEXT))
    assert guids == {
        "33333333-3333-3333-3333-333333333333",
        "44444444-4444-4444-4444-444444444444",
        "0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07",
    }


def actions_called() -> set[str]:
    """Return the actions that the code's AWS calls need."""
    allowed_actions: set[str] = set()
    for file, services in (("kms/service.py", ("kms", "sts")), ("blobs/s3/store.py", ("s3",))):
        text = (TOP / "shared" / "adapters" / file).read_text()
        for service in services:
            for operation in botocore.session.get_session().get_service_model(service).operation_names:
                name = xform_name(operation)
                if re.search(rf"\.{name}\(|\"{name}\"", text):
                    allowed_actions |= _ACTIONS.get(name, {f"{service}:{operation}"})
    return allowed_actions


def actions(statement: dict[str, Any]) -> set[str]:
    value = statement["Action"]
    return {value} if isinstance(value, str) else set(value)


def test_the_machine_role_allows_exactly_the_calls_of_the_code() -> None:
    assert set().union(*map(actions, MACHINE_POLICY["Statement"])) == actions_called()
    for statement in MACHINE_POLICY["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] not in ("*", ["*"])


def test_the_key_policy_allows_only_the_calls_of_the_code_and_administration() -> None:
    management, *ours = KEY_POLICY["Statement"]
    kms = {action for action in actions_called() if action.startswith("kms:")}
    assert set().union(*map(actions, ours)) == kms
    assert not actions(management) & (kms - {"kms:DescribeKey"})
    operations = {f"kms:{name}" for name in botocore.session.get_session().get_service_model("kms").operation_names}
    assert actions(management) <= operations
    assert "kms:CreateGrant" not in actions(management)


@pytest.mark.parametrize(
    ("principal", "action", "context", "allowed"),
    [
        (USER, "kms:GenerateDataKey", {"tenant": "t", "purpose": "backup"}, True),
        (USER, "kms:Decrypt", {"tenant": "t", "purpose": "secrets"}, True),
        (USER, "kms:DescribeKey", None, True),
        (USER, "kms:Decrypt", None, False),
        (USER, "kms:Decrypt", {"tenant": "t"}, False),
        (USER, "kms:Decrypt", {"purpose": "backup"}, False),
        (USER, "kms:Decrypt", {"tenant": "t", "purpose": "backup", "more": "x"}, False),
        (USER, "kms:Encrypt", {"tenant": "t", "purpose": "backup"}, False),
        (ADMINISTRATOR, "kms:Decrypt", {"tenant": "t", "purpose": "backup"}, False),
        (ADMINISTRATOR, "kms:DisableKey", None, True),
    ],
)
def test_only_the_machine_may_use_the_key_and_only_for_a_named_tenant(
    principal: str, action: str, context: dict[str, str] | None, allowed: bool
) -> None:
    facts = {"aws:principalarn": [principal]}
    if context is not None:
        facts["kms:encryptioncontextkeys"] = list(context)
        facts |= {f"kms:encryptioncontext:{name}": [value] for name, value in context.items()}
    principals = frozenset({principal, "arn:aws:iam::111122223333:root", "111122223333"})
    request = Request(principals, action, "arn:aws:kms:eu-central-1:111122223333:key/k", facts)
    verdict = evaluate(parse_policy(json.dumps(KEY_POLICY)), request)
    assert (verdict is Verdict.ALLOWED) is allowed


@pytest.mark.parametrize(
    ("page", "least"), [(PAGE, 9), (TOP / "docs" / "keys.md", 3)], ids=lambda given: str(given)[-7:]
)
def test_every_aws_cli_command_exists(page: Path, least: int) -> None:
    lines = commands(page, "aws")
    assert len(lines) >= least
    for service, operation, *words in lines:
        model = botocore.session.get_session().get_service_model("s3" if service == "s3api" else service)
        names = {xform_name(name).replace("_", "-"): name for name in model.operation_names}
        assert operation in names, operation
        shape = model.operation_model(names[operation]).input_shape
        members = {xform_name(name).replace("_", "-") for name in shape.members}
        options = {word.removeprefix("--") for word in words if word.startswith("--")}
        assert options - {"region", "query", "output"} <= members, operation
        for option in options & members:
            if words[words.index(f"--{option}") + 1].startswith("file://"):
                assert f"{words[words.index(f'--{option}') + 1].removeprefix('file://')}`" in TEXT


def test_the_bucket_rules_are_valid_for_s3_and_spare_current_versions() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    shape = model.operation_model("PutBucketLifecycleConfiguration").input_shape
    arguments = {"Bucket": "contoso-entrakeep", "LifecycleConfiguration": BUCKET_RULES}
    assert not ParamValidator().validate(arguments, shape).has_errors()
    (rule,) = BUCKET_RULES["Rules"]
    assert set(rule["Expiration"]) == {"ExpiredObjectDeleteMarker"}
    assert "Transitions" not in rule


def test_terraform_sets_provider_and_region_and_protects_key_and_bucket_from_destruction() -> None:
    text = "\n".join(block for block in blocks(PAGE, "hcl") if "aws_" in block)
    assert re.search(r'provider "aws" \{\n  region = "eu-central-1"', text)
    for kind in ("aws_kms_key", "aws_s3_bucket"):
        (resource,) = re.findall(rf'^resource "{kind}" .*?^}}$', text, re.MULTILINE | re.DOTALL)
        assert "prevent_destroy = true" in resource


def test_files_with_secrets_are_removed_and_kept_out_of_the_repository() -> None:
    ignored = (TOP / ".gitignore").read_text().splitlines()
    for file in ("secret.txt", "access-key.txt"):
        assert re.search(rf"^rm .*\b{re.escape(file)}\b", TEXT, re.MULTILINE)
        assert file in ignored


def test_the_table_of_failures_names_existing_codes() -> None:
    codes = re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", TEXT, re.MULTILINE)))
    assert set(codes) <= set(Code)
    met_later = {
        "NO_SUCH",
        "KEY_NOT_ALLOWED",
        "KEY_INVALID",
        "CANCELLED",
        "INTERRUPTED",
        "PLAN_",
        "NO_RESTORE_IDENTITY",
        "FORMAT_UNKNOWN",
        "NOT_SIGNED_IN",
        "NOT_ALLOWED",
        "CONFIRM_FIRST",
        "TOO_MANY_TRIES",
        "PERSON_EXISTS",
        "INVITATION_INVALID",
        "LAST_WAY_IN",
        "NOTICE_NOT_TAKEN",
    }
    assert {code for code in Code if not code.startswith(tuple(met_later))} == set(codes)


def test_the_service_runs_the_command_line_and_gives_it_time_to_stop() -> None:
    (unit,) = blocks(PAGE, "ini")
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    assert settings["ExecStart"].endswith("/.venv/bin/entrakeep up")
    assert settings["KillMode"] == "mixed"
    assert int(settings["TimeoutStopSec"]) > 10
    assert f"ENTRAKEEP_HOME={settings['ReadWritePaths']}\n" in TEXT
