"""The KMS operations that create, describe and change keys, their states, policies and aliases."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator.aws.answers import Refused
from simulator.aws.clock import SECONDS_A_DAY
from simulator.aws.keys import Key, default_policy
from simulator.aws.kms_call import KmsCall, check_not_locked_out, check_usable, invalid, invalid_state
from simulator.aws.policy import parse_policy

Document = Mapping[str, object]
_PENDING = "PendingDeletion"

_SPECS = re.compile(
    r"SYMMETRIC_DEFAULT|RSA_(2048|3072|4096)|ECC_(NIST_P(256|384|521)|SECG_P256K1)|HMAC_(224|256|384|512)"
)


def create_key(call: KmsCall) -> Document:
    """Create a key."""
    spec = call.text("KeySpec", call.params.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT")
    if not _SPECS.fullmatch(spec):
        raise invalid("Value at 'keySpec' is not a key spec")
    usage = call.text("KeyUsage", "ENCRYPT_DECRYPT")
    if (spec == "SYMMETRIC_DEFAULT") and usage != "ENCRYPT_DECRYPT":
        raise invalid(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    policy = call.text("Policy", default_policy(call.principal.account))
    statements = parse_policy(policy)
    origin = call.text("Origin", "AWS_KMS")
    multi_region = call.params.get("MultiRegion") is True
    key = Key(
        id=f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4()),
        account=call.principal.account,
        region=call.region,
        spec=spec,
        usage=usage,
        origin=origin,
        description=str(call.params.get("Description") or ""),
        created=call.keys.clock.now(),
        policy=policy,
        statements=statements,
        state="PendingImport" if origin == "EXTERNAL" else "Enabled",
    )
    check_not_locked_out(call, statements, key.arn)
    if multi_region:
        key.family.append(key)
    call.keys.add(key)
    return {"KeyMetadata": metadata(key)}


def metadata(key: Key) -> dict[str, object]:
    """Return the KeyMetadata of a key as DescribeKey returns it."""
    fields: dict[str, object] = {
        "AWSAccountId": key.account,
        "Arn": key.arn,
        "CreationDate": key.created,
        "CustomerMasterKeySpec": key.spec,
        "Description": key.description,
        "Enabled": key.state == "Enabled",
        "KeyId": key.id,
        "KeyManager": key.manager,
        "KeySpec": key.spec,
        "KeyState": key.state,
        "KeyUsage": key.usage,
        "MultiRegion": bool(key.family),
        "Origin": key.origin,
    }
    if key.spec == "SYMMETRIC_DEFAULT":
        fields["EncryptionAlgorithms"] = ["SYMMETRIC_DEFAULT"]
    if key.deletion is not None:
        fields["DeletionDate"] = key.deletion
    if key.family:
        primary, *replicas = [{"Arn": each.arn, "Region": each.region} for each in key.family]
        kind = "PRIMARY" if key.family[0] is key else "REPLICA"
        fields["MultiRegionConfiguration"] = {
            "MultiRegionKeyType": kind,
            "PrimaryKey": primary,
            "ReplicaKeys": replicas,
        }
    return fields


def describe_key(call: KmsCall) -> Document:
    """Describe a key in any state."""
    key = call.key()
    call.may(key)
    return {"KeyMetadata": metadata(key)}


def list_keys(call: KmsCall) -> Document:
    """List the caller's keys of this Region."""
    keys = [{"KeyId": key.id, "KeyArn": key.arn} for key in call.keys.of_place(call.place)]
    return {"Keys": keys, "Truncated": False}


def _changeable_key(call: KmsCall, *allowed: str) -> Key:
    key = call.key()
    call.may(key)
    if key.manager == "AWS":
        raise Refused("AccessDeniedException", f"{key.arn} is managed by AWS.")
    if allowed and key.state not in allowed:
        raise invalid_state(key)
    return key


def enable_key(call: KmsCall) -> None:
    """Enable a disabled key."""
    _changeable_key(call, "Enabled", "Disabled").state = "Enabled"


def disable_key(call: KmsCall) -> None:
    """Disable an enabled key."""
    _changeable_key(call, "Enabled", "Disabled").state = "Disabled"


def schedule_key_deletion(call: KmsCall) -> Document:
    """Schedule the deletion of a key in 7 to 30 days. Until then it cannot be used."""
    days = call.params.get("PendingWindowInDays", 30)
    if not isinstance(days, int) or not 7 <= days <= 30:
        raise invalid("Value at 'pendingWindowInDays' must be between 7 and 30")
    key = _changeable_key(call, "Enabled", "Disabled", "PendingImport")
    key.state = _PENDING
    key.deletion = call.keys.clock.now() + days * SECONDS_A_DAY
    return {"KeyId": key.arn, "DeletionDate": key.deletion, "KeyState": key.state, "PendingWindowInDays": days}


def cancel_key_deletion(call: KmsCall) -> Document:
    """Cancel the deletion of a key. The key is disabled afterwards."""
    key = _changeable_key(call, _PENDING)
    key.state, key.deletion = "Disabled", None
    return {"KeyId": key.arn}


def _check_policy_name(call: KmsCall) -> None:
    if call.text("PolicyName", "default") != "default":
        raise Refused("NotFoundException", "No such policy exists")


def put_key_policy(call: KmsCall) -> None:
    """Replace the key policy. It applies from the next call on."""
    _check_policy_name(call)
    key = _changeable_key(call)
    text = call.text("Policy")
    statements = parse_policy(text)
    check_not_locked_out(call, statements, key.arn)
    key.policy, key.statements = text, statements


def get_key_policy(call: KmsCall) -> Document:
    """Return the key policy as it was stored."""
    _check_policy_name(call)
    key = call.key()
    call.may(key)
    return {"Policy": key.policy, "PolicyName": "default"}


def update_key_description(call: KmsCall) -> None:
    """Change the description."""
    _changeable_key(call, "Enabled", "Disabled").description = str(call.params.get("Description", ""))


def rotate_key_on_demand(call: KmsCall) -> Document:
    """Rotate the key's material. Later calls encrypt under the new material."""
    key = call.key()
    call.may(key)
    check_usable(key)
    key.material.rotate()
    return {"KeyId": key.arn}


def replicate_key(call: KmsCall) -> Document:
    """Create a replica of a multi-Region key in another Region: same id and material, separate policy and state."""
    primary = _changeable_key(call, "Enabled", "Disabled")
    if not primary.family or primary.family[0] is not primary:
        raise Refused("UnsupportedOperationException", f"{primary.arn} is not a multi-Region primary key.")
    region = call.text("ReplicaRegion")
    if any(each.region == region for each in primary.family):
        raise Refused("AlreadyExistsException", f"{primary.arn} has a key in {region} already.")
    policy = call.text("Policy", default_policy(call.principal.account))
    replica = replace(
        primary,
        region=region,
        description=str(call.params.get("Description") or ""),
        policy=policy,
        statements=parse_policy(policy),
        created=call.keys.clock.now(),
        state="Enabled",
    )
    check_not_locked_out(call, replica.statements, replica.arn)
    primary.family.append(replica)
    call.keys.add(replica)
    return {"ReplicaKeyMetadata": metadata(replica), "ReplicaPolicy": replica.policy}


def _alias(call: KmsCall) -> str:
    name = call.text("AliasName")
    if not re.fullmatch(r"alias/[a-zA-Z0-9/_-]+", name) or name.startswith("alias/aws/"):
        raise Refused("InvalidAliasNameException", f"{name} is not a name for an alias of yours.")
    return name


def _alias_target(call: KmsCall) -> Key:
    key = call.key("TargetKeyId")
    call.may(key)
    if key.state == _PENDING:
        raise invalid_state(key)
    return key


def create_alias(call: KmsCall) -> None:
    """Create an alias of a key."""
    name, key = _alias(call), _alias_target(call)
    with call.keys.lock:
        aliases = call.keys.aliases(call.place)
        if name in aliases:
            raise Refused("AlreadyExistsException", f"An alias with the name {name} already exists")
        aliases[name] = key.id


def update_alias(call: KmsCall) -> None:
    """Point an alias at another key."""
    name, key = _alias(call), _alias_target(call)
    with call.keys.lock:
        aliases = call.keys.aliases(call.place)
        if name not in aliases:
            raise _no_alias(name)
        aliases[name] = key.id


def delete_alias(call: KmsCall) -> None:
    """Delete an alias."""
    name = _alias(call)
    with call.keys.lock:
        if call.keys.aliases(call.place).pop(name, None) is None:
            raise _no_alias(name)


def _no_alias(name: str) -> Refused:
    return Refused("NotFoundException", f"Alias {name} is not found.")


def list_aliases(call: KmsCall) -> Document:
    """List the caller's aliases of this Region: all, or those of one key."""
    key_id = call.key().id if "KeyId" in call.params else None
    account, region = call.place
    with call.keys.lock:
        aliases = dict(call.keys.aliases(call.place))
    rows: list[dict[str, Any]] = [
        {"AliasName": name, "AliasArn": f"arn:aws:kms:{region}:{account}:{name}", "TargetKeyId": target}
        for name, target in aliases.items()
        if key_id in (None, target)
    ]
    return {"Aliases": rows, "Truncated": False}


OPERATIONS: dict[str, Callable[[KmsCall], Document | None]] = {
    "CreateKey": create_key,
    "DescribeKey": describe_key,
    "ListKeys": list_keys,
    "EnableKey": enable_key,
    "DisableKey": disable_key,
    "ScheduleKeyDeletion": schedule_key_deletion,
    "CancelKeyDeletion": cancel_key_deletion,
    "PutKeyPolicy": put_key_policy,
    "GetKeyPolicy": get_key_policy,
    "UpdateKeyDescription": update_key_description,
    "RotateKeyOnDemand": rotate_key_on_demand,
    "ReplicateKey": replicate_key,
    "CreateAlias": create_alias,
    "UpdateAlias": update_alias,
    "DeleteAlias": delete_alias,
    "ListAliases": list_aliases,
}
