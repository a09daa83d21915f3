"""The key policy that a KMS key's owner must add: least privilege, as texts to paste.

The principal is the operator's whole account, narrowed by ``aws:PrincipalArn`` to one role. A statement that names the role
itself breaks when the role is deleted and created again. There are two statements because DescribeKey has no encryption
context. (KMS developer guide, "Allowing users in other accounts to use a KMS key" and "Encryption context condition keys".)
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from shared.ports.keys import Caller

LOOK, USE = "EntrakeepMayLookAtTheKey", "EntrakeepMayUseTheKeyForThisTenant"
"""The statements' names. Pasted again, they replace the statements of the same name."""
_USES = ["kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
_PLACEHOLDER = "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The statements for a key's policy, and ways to put them there."""

    account: str
    """The operator's 12-digit account: that of the first principal."""
    principals: list[str]
    """The ARNs of the workers' roles or users. There is one, unless the workers differ."""
    statements: list[dict[str, Any]]
    """The two statements."""
    console: str
    """Steps in the AWS console."""
    cli: str
    """Shell commands for the AWS CLI."""
    cloudformation: str
    """A CloudFormation template."""
    terraform: str
    """A Terraform configuration."""


def key_policy(workers: Sequence[Caller], tenant_id: str, region: str, arn: str | None) -> Policy:
    """Return the policy for the existing key ``arn``, or for a key to create in ``region`` if ``arn`` is None.

    ``workers``: the identities of the workers, at least one. If they differ, the policy allows each of them.
    """
    workers = sorted(set(workers), key=lambda caller: caller.principal)
    statements = _statements(workers, tenant_id)
    return Policy(
        account=workers[0].account,
        principals=[caller.principal for caller in workers],
        statements=statements,
        console=_console(arn),
        cli=_cli(statements, region, arn),
        cloudformation=_cloudformation(statements),
        terraform=_terraform(statements, region),
    )


def _statements(workers: Sequence[Caller], tenant_id: str) -> list[dict[str, Any]]:
    """Return the statements that let the workers' roles see the key, and use it for this tenant only."""
    roots = dict.fromkeys(f"arn:{_partition(caller)}:iam::{caller.account}:root" for caller in workers)
    principal = {"AWS": _one_or_list([*roots])}
    ours = {"ArnEquals": {"aws:PrincipalArn": _one_or_list([caller.principal for caller in workers])}}
    bound = {
        "StringEquals": {"kms:EncryptionContext:tenant": tenant_id},
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "purpose"]},
    }
    allow = {"Effect": "Allow", "Principal": principal, "Resource": "*"}
    return [
        {"Sid": LOOK, **allow, "Action": ["kms:DescribeKey"], "Condition": ours},
        {"Sid": USE, **allow, "Action": _USES, "Condition": {**ours, **bound}},
    ]


def _partition(caller: Caller) -> str:
    """Return the AWS partition of a principal, such as ``aws`` or ``aws-us-gov``."""
    return caller.principal.split(":")[1]


def _one_or_list(values: list[str]) -> str | list[str]:
    """Return the value alone if there is one: policies are read by people."""
    return values[0] if len(values) == 1 else values


def _console(arn: str | None) -> str:
    """Return the steps to add the statements in the AWS console."""
    key = f"the key {arn}" if arn else "your symmetric key"
    return (
        f"1. Open the KMS console, 'Customer managed keys', and {key}.\n"
        "2. On the page 'Key policy' choose 'Switch to policy view' and then 'Edit'.\n"
        "3. Add the two statements above to the list 'Statement', before its closing bracket, after a comma.\n"
        "4. Choose 'Save changes', and wait a minute."
    )


def _cli(statements: list[dict[str, Any]], region: str, arn: str | None) -> str:
    """Return commands that read the key's policy, replace statements of the same names, and write the policy back."""
    key = arn or _PLACEHOLDER
    ours = _text(statements)
    return (
        f"export AWS_REGION={region}\n"
        f"cat > entrakeep-statements.json <<'END'\n{ours}\nEND\n"
        f"aws kms get-key-policy --key-id {key} --policy-name default --query Policy --output text > policy.json\n"
        f"jq --slurpfile ours entrakeep-statements.json --arg look {LOOK} --arg use {USE} \\\n"
        "  '.Statement |= (map(select(.Sid != $look and .Sid != $use)) + $ours[0])' policy.json > new-policy.json\n"
        f"aws kms put-key-policy --key-id {key} --policy-name default --policy file://new-policy.json"
    )


def _cloudformation(statements: list[dict[str, Any]]) -> str:
    """Return a whole template. The statements can also be pasted into an existing one. (JSON is YAML.)"""
    listed = "\n".join(f"          - {json.dumps(each)}" for each in statements)
    return (
        "Resources:\n"
        "  EntrakeepKey:\n"
        "    Type: AWS::KMS::Key\n"
        "    DeletionPolicy: Retain\n"
        "    UpdateReplacePolicy: Retain\n"
        "    Properties:\n"
        "      Description: Wraps the data keys of our Entra directory's backups\n"
        "      EnableKeyRotation: true\n"
        "      KeyPolicy:\n"
        '        Version: "2012-10-17"\n'
        "        Statement:\n"
        "          - Sid: AdministratorsManageTheKey\n"
        "            Effect: Allow\n"
        '            Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}\n'
        '            Action: "kms:*"\n'
        '            Resource: "*"\n'
        f"{listed}\n"
        "Outputs:\n"
        "  KeyArn:\n"
        "    Value: !GetAtt EntrakeepKey.Arn"
    )


def _terraform(statements: list[dict[str, Any]], region: str) -> str:
    """Return a whole configuration of a key. The statements can also be pasted into an existing one."""
    listed = ",\n".join(_indented(_text(each), 6) for each in statements)
    return (
        "# Leave out 'terraform' and 'provider' where your configuration has them; the Region must be this one.\n"
        "terraform {\n"
        "  required_providers {\n"
        "    aws = {\n"
        '      source  = "hashicorp/aws"\n'
        '      version = "~> 6.0"\n'
        "    }\n"
        "  }\n"
        "}\n\n"
        'provider "aws" {\n'
        f'  region = "{region}"\n'
        "}\n\n"
        'data "aws_caller_identity" "owner" {}\n\n'
        'resource "aws_kms_key" "entrakeep" {\n'
        '  description         = "Wraps the data keys of our Entra directory\'s backups"\n'
        "  enable_key_rotation = true\n\n"
        "  policy = jsonencode({\n"
        '    Version = "2012-10-17"\n'
        "    Statement = [\n"
        "      {\n"
        '        Sid       = "AdministratorsManageTheKey"\n'
        '        Effect    = "Allow"\n'
        '        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.owner.account_id}:root" }\n'
        '        Action    = "kms:*"\n'
        '        Resource  = "*"\n'
        "      },\n"
        f"{listed}\n"
        "    ]\n"
        "  })\n\n"
        "  lifecycle {\n"
        "    prevent_destroy = true # a key that is deleted takes every backup under it along\n"
        "  }\n"
        "}\n\n"
        'output "key_arn" {\n'
        "  value = aws_kms_key.entrakeep.arn\n"
        "}"
    )


def _text(value: object) -> str:
    """Return the value as indented JSON."""
    return json.dumps(value, indent=2)


def _indented(text: str, width: int) -> str:
    """Indent each line by ``width`` spaces."""
    return "\n".join(" " * width + line for line in text.splitlines())
