"""One simulated directory with its objects, clock, applications, tokens, quotas, faults and counters."""

import json
import uuid
from typing import Any

from simulator.graph import changes
from simulator.graph.answers import Request
from simulator.graph.apps import App, Apps
from simulator.graph.clock import SimulatedClock
from simulator.graph.control import Control, SigningIn, given_object
from simulator.graph.delta import Delta
from simulator.graph.directory import Directory
from simulator.graph.faults import Faults
from simulator.graph.generator import Generator
from simulator.graph.kinds import KINDS, ORGANIZATION
from simulator.graph.quotas import Quotas
from simulator.graph.service import Service
from simulator.graph.sign_in.bad_tokens import BadTokens
from simulator.graph.sign_in.people import People
from simulator.graph.tokens import CLIENT_ID, CLIENT_SECRET, Tokens
from simulator.graph.values import DOMAIN

_SHARES = {"users": 80, "groups": 12, "applications": 4, "servicePrincipals": 4}
"""Percentage of the generated objects, by path."""
_FIELDS = {"id", "client_id", "secret", "objects", "seed"}


class Realm:
    """A directory and its applications. Initially one application exists, with all permissions."""

    def __init__(self, directory: Directory, quotas: Quotas, app: App) -> None:
        directory.keep(ORGANIZATION, directory.id, organization(directory.id), to_the_letter=False)
        for kind in KINDS.values():
            for each in map(json.loads, kind.initial):
                directory.keep(kind, each["id"], _dense(each), to_the_letter=False)
            for relation in kind.relations:
                for each in map(json.loads, relation.child.initial if relation.child and kind.singleton else ()):
                    directory.link(kind, kind.singleton, relation, each["id"], _dense(each))
        self.id, self.clock = directory.id, directory.clock
        self.directory = directory
        self.faults = Faults()
        self.apps, self.people, self.bad_tokens = Apps(app), People(), BadTokens()
        self.tokens = Tokens(directory.clock, directory.id, self.apps)
        delta = Delta(directory)
        self.service = Service(directory, self.tokens, delta, quotas)
        signing_in = SigningIn(self.apps, self.people, self.bad_tokens)
        self.control = Control(directory, signing_in, self.faults, delta, quotas)


def _dense(value: dict[str, Any]) -> bytes:
    """Return the JSON of an object, with no more spaces than answers have."""
    return json.dumps(value, separators=(",", ":")).encode()


def first(directory_id: str, generated: dict[str, int], seed: int, loaded: bytes, quotas: Quotas) -> Realm:
    """Return the initial realm of the simulator. Raises ValueError naming the invalid line of ``loaded``."""
    directory = Directory(Generator(generated, seed), SimulatedClock(), directory_id)
    realm = Realm(directory, quotas, App(CLIENT_ID, CLIENT_SECRET, None))
    changes.load(directory, loaded)
    return realm


def another(request: Request, size: str) -> Realm:
    """Return the realm that a control request describes, with quotas of this size. Raises ValueError with a sentence."""
    fields = given_object(request)
    if set(fields) - _FIELDS:
        raise ValueError(f"a directory has no {min(set(fields) - _FIELDS)}")
    client, secret = fields.get("client_id"), fields.get("secret")
    if not isinstance(client, str) or not isinstance(secret, str):
        raise ValueError("a directory needs client_id and secret, both text")
    directory_id = _guid(fields.get("id"))
    generator = Generator(counts(_number(fields.get("objects", 0))), _number(fields.get("seed", 1)))
    directory = Directory(generator, SimulatedClock(), directory_id)
    return Realm(directory, Quotas(directory_id, size), App(client, secret, None))


def counts(objects: int, users: int = 0, groups: int = 0, policies: int = 0, applications: int = 0) -> dict[str, int]:
    """Return the number of objects to generate by path: a share of `objects` each, plus the extra numbers by kind."""
    numbers = {path: objects * share // 100 for path, share in _SHARES.items()}
    numbers["users"] += users + objects - sum(numbers.values())
    numbers["groups"] += groups
    for path in ("applications", "servicePrincipals"):
        numbers[path] += applications
    return numbers | {"identity/conditionalAccess/policies": policies}


def organization(directory_id: str) -> bytes:
    """Return the default organization object as JSON. A loaded file may replace it."""
    return (
        f'{{"id":"{directory_id}","deletedDateTime":null,"businessPhones":["+49 30 555 0100"],"city":"Berlin","country":null,'
        '"countryLetterCode":"DE","createdDateTime":"2017-03-21T09:12:44Z","defaultUsageLocation":null,"displayName":"Contoso",'
        '"isMultipleDataLocationsForServicesEnabled":null,"marketingNotificationEmails":[],"onPremisesLastSyncDateTime":null,'
        '"onPremisesSyncEnabled":null,"partnerTenantType":null,"postalCode":"10117","preferredLanguage":"en",'
        '"securityComplianceNotificationMails":[],"securityComplianceNotificationPhones":[],"state":"Berlin",'
        '"street":"Friedrichstraße 1","technicalNotificationMails":["it@contoso.com"],"tenantType":"AAD","assignedPlans":[],'
        '"privacyProfile":null,"provisionedPlans":[],"verifiedDomains":['
        f'{{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":true,"isInitial":true,'
        f'"name":"{DOMAIN}","type":"Managed"}},'
        '{"capabilities":"Email","isDefault":false,"isInitial":false,"name":"contoso.com","type":"Managed"}]}'
    ).encode()


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("objects and seed are whole numbers that are not negative")
    return value


def _guid(value: object) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise ValueError("a directory's id is a GUID") from None
