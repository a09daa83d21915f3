"""Secrets and certificates of applications and service principals (Graph: "addPassword", "removePassword")."""

import json
import secrets
import uuid
from datetime import datetime, timedelta

from simulator.graph.answers import Answer, bad_request, odata
from simulator.graph.writes.body import body_of
from simulator.graph.writes.rules import Call, Change
from simulator.graph.writes.shapes import mapping, mappings

_SET_BY_GRAPH = ("keyId", "secretText", "customKeyIdentifier", "hint")
_LIFETIME = timedelta(days=730)


def check(change: Change) -> None:
    """Raise Refused (400) for a secret that is not new, or for a changed certificate."""
    for secret in mappings(change.given.get("passwordCredentials")):
        if change.creates and any(secret.get(name) is not None for name in _SET_BY_GRAPH):
            raise bad_request("Property passwordCredentials has values that only the service sets.")
    old = {row.get("keyId"): row for row in mappings((change.old or {}).get("passwordCredentials"))}
    if not change.creates and any(
        row.get("keyId") not in old for row in mappings(change.given.get("passwordCredentials"))
    ):
        raise bad_request("New password credentials must be generated with service actions.")
    certificates = {row.get("keyId"): row for row in mappings((change.old or {}).get("keyCredentials"))}
    for row in mappings(change.given.get("keyCredentials")):
        stored = certificates.get(row.get("keyId"))
        if stored is not None and any(stored.get(name) != value for name, value in row.items() if name != "key"):
            raise bad_request(f"Update to existing credential with KeyId '{row['keyId']}' is not allowed.")


def derived(change: Change) -> dict[str, object]:
    """Return the credentials in a body as they are stored: with ids, and without secrets and keys."""
    stored: dict[str, object] = {}
    if change.creates and "passwordCredentials" in change.given:
        rows = mappings(change.given["passwordCredentials"])
        stored["passwordCredentials"] = [_stored(_secret(change.directory.clock.date(), row)) for row in rows]
    if "keyCredentials" in change.given:
        rows = mappings(change.given["keyCredentials"])
        stored["keyCredentials"] = [{"keyId": str(uuid.uuid4()), **row, "key": None} for row in rows]
    return stored


def add(call: Call) -> Answer:
    """Create a secret. Return 200 with it, the only time that it is shown."""
    secret = _secret(call.directory.clock.date(), mapping(body_of(call.request).get("passwordCredential")))
    rows = [*mappings(call.stored.properties().get("passwordCredentials")), _stored(secret)]
    _keep(call, rows)
    return odata(json.dumps(secret).encode(), call.request)


def remove(call: Call) -> Answer:
    """Delete a secret. Return 204. Raises Refused (400) if it does not exist."""
    key = body_of(call.request).get("keyId")
    rows = mappings(call.stored.properties().get("passwordCredentials"))
    others = [row for row in rows if row.get("keyId") != key]
    if len(others) == len(rows):
        raise bad_request(f"No credentials found to be removed with keyId '{key}'.")
    _keep(call, others)
    return Answer(204)


def _keep(call: Call, rows: list[dict[str, object]]) -> None:
    change = json.dumps({"passwordCredentials": rows}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    call.directory.patch(call.kind, call.id, change)


def _secret(now: datetime, given: dict[str, object]) -> dict[str, object]:
    text = secrets.token_urlsafe(30)
    return {
        "customKeyIdentifier": None,
        "displayName": given.get("displayName"),
        "endDateTime": given.get("endDateTime") or f"{now + _LIFETIME:%Y-%m-%dT%H:%M:%SZ}",
        "hint": text[:3],
        "keyId": str(uuid.uuid4()),
        "secretText": text,
        "startDateTime": given.get("startDateTime") or f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }


def _stored(secret: dict[str, object]) -> dict[str, object]:
    return {**secret, "secretText": None}
