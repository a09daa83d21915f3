"""The KMS keys of every account and Region, with their names and states.

Source of the states: "Key states of AWS KMS keys" in the KMS developer guide.
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.aws.answers import Refused
from simulator.aws.clock import Clock
from simulator.aws.crypto import Material
from simulator.aws.policy import Statement, parse_policy

_KEY_ID = re.compile(r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):(key/.+|alias/.+)")
STATES = frozenset(
    {"Creating", "Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion", "Unavailable"}
)
Place = tuple[str, str]
"""Account and Region."""


@dataclass(eq=False)
class Key:
    """One KMS key in one Region. Each replica of a multi-Region key is a separate key with the same material."""

    id: str
    account: str
    region: str
    spec: str
    usage: str
    origin: str
    description: str
    created: float
    policy: str
    statements: tuple[Statement, ...]
    state: str = "Enabled"
    manager: str = "CUSTOMER"
    deletion: float | None = None
    material: Material = field(default_factory=Material)
    family: "list[Key]" = field(default_factory=list, repr=False)
    """The primary, then its replicas. Empty for a single-Region key."""

    @property
    def arn(self) -> str:
        """Return the key ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.id}"

    @property
    def place(self) -> Place:
        """Return the key's account and Region."""
        return self.account, self.region


def default_policy(account: str) -> str:
    """Return the policy of a key that is created without one: the account decides by IAM."""
    return _policy_for(account, ["kms:*"])


def _policy_for(account: str, actions: list[str]) -> str:
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": actions,
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


class Keys:
    """All keys and aliases, by account and Region. Methods may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self._keys: dict[Place, dict[str, Key]] = {}
        self._aliases: dict[Place, dict[str, str]] = {}
        self._materials: set[bytes] = set()

    def add(self, key: Key) -> None:
        """Add a new key."""
        with self.lock:
            self._keys.setdefault(key.place, {})[key.id] = key
            self._materials.add(key.material.id)

    def aliases(self, place: Place) -> dict[str, str]:
        """Return key ids by alias name. Read and change the mapping only while `lock` is held."""
        return self._aliases.setdefault(place, {})

    def of_place(self, place: Place) -> Iterator[Key]:
        """Yield the keys of one account and Region, oldest first."""
        with self.lock:
            key_ids = list(self._keys.get(place, {}))
        for key_id in key_ids:
            key = self.get(place, key_id)
            if key is not None:
                yield key

    def get(self, place: Place, key_id: str) -> Key | None:
        """Return a key, or None if it does not exist or its deletion date has passed."""
        with self.lock:
            key = self._keys.get(place, {}).get(key_id)
            if key is not None and key.deletion is not None and key.deletion <= self.clock.now():
                self._forget(key)
                return None
            return key

    def by_material(self, region: str, material: bytes) -> Key | None:
        """Return the key of any account in this Region that has this material, or None."""
        with self.lock:
            places = [place for place in self._keys if place[1] == region]
        for place in places:
            for key in self.of_place(place):
                if key.material.id == material:
                    return key
        return None

    def ever_had(self, material: bytes) -> bool:
        """Return whether any key has had this material, including deleted keys."""
        return material in self._materials

    def resolve(self, name: str, caller: Place) -> Key:
        """Return the key that an id, key ARN, alias name or alias ARN names for this caller.

        Raises Refused: NotFoundException, InvalidArnException, or AccessDeniedException for a key of another account that
        does not exist (AWS does not reveal whether such a key exists).
        """
        place, target = _placed(name, caller)
        if place[1] != caller[1]:
            raise Refused("NotFoundException", f"Invalid arn {place[1]}")
        key = self.get(place, self._key_id(place, target))
        if key is not None:
            return key
        if place[0] != caller[0]:
            raise Refused("AccessDeniedException", "The resource does not exist in this Region, or access is denied.")
        shown = name if name.startswith("arn:") else f"arn:aws:kms:{place[1]}:{place[0]}:{target}"
        noun = "Alias" if target.startswith("alias/") else "Key"
        raise Refused("NotFoundException", f"{noun} '{shown}' does not exist")

    def _key_id(self, place: Place, target: str) -> str:
        if target.startswith("key/"):
            return target.removeprefix("key/")
        with self.lock:
            key_id = self.aliases(place).get(target)
            if key_id is None and re.fullmatch(r"alias/aws/[a-z0-9-]+", target):
                key_id = self._make_managed(place, target)
            return key_id or ""

    def _make_managed(self, place: Place, alias: str) -> str:
        """Create the AWS managed key of a service when it is first named, as AWS does. Return its id."""
        policy = _policy_for(place[0], ["kms:Describe*", "kms:Get*", "kms:List*"])
        key = Key(
            id=str(uuid.uuid4()),
            account=place[0],
            region=place[1],
            spec="SYMMETRIC_DEFAULT",
            usage="ENCRYPT_DECRYPT",
            origin="AWS_KMS",
            description="Default key of an AWS service",
            created=self.clock.now(),
            policy=policy,
            statements=parse_policy(policy),
            manager="AWS",
        )
        self.add(key)
        self.aliases(place)[alias] = key.id
        return key.id

    def _forget(self, key: Key) -> None:
        del self._keys[key.place][key.id]
        if key in key.family:
            key.family.remove(key)
        aliases = self.aliases(key.place)
        for alias in [name for name, target in aliases.items() if target == key.id]:
            del aliases[alias]


def _placed(name: str, caller: Place) -> tuple[Place, str]:
    """Return the account and Region that a key name refers to, and the rest as `key/...` or `alias/...`."""
    if name.startswith("arn:"):
        match = _ARN.fullmatch(name)
        if match is None:
            raise Refused("InvalidArnException", f"Invalid arn {name}")
        return (match.group(3), match.group(2)), match.group(4)
    if name.startswith("alias/"):
        return caller, name
    if not _KEY_ID.fullmatch(name):
        raise Refused("NotFoundException", f"Invalid keyId '{name}'")
    return caller, f"key/{name}"
