"""Invitations of guests (Graph: "Create invitation"). An invitation is not kept: it creates a user, or finds one."""

import json
import uuid

from simulator.graph.answers import Answer, Request, bad_request, only
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.entities import entity
from simulator.graph.kinds import USERS, Kind
from simulator.graph.permissions import allow
from simulator.graph.stored import State
from simulator.graph.values import DOMAIN
from simulator.graph.writes.body import body_of

_INVITING = Kind(
    path="invitations",
    type="invitation",
    properties=(),
    read=frozenset(),
    write=frozenset(("User.Invite.All", "User.ReadWrite.All", "Directory.ReadWrite.All")),
)
"""Invitations, for the check of permissions."""


def invite(directory: Directory, request: Request, app: App) -> Answer:
    """Invite a guest. Return 201. The same address gives the same guest. Raises Refused (400) for a member's address."""
    only(request, "POST")
    allow(app, _INVITING, writes=True)
    body = body_of(request)
    address, redirect = body.get("invitedUserEmailAddress"), body.get("inviteRedirectUrl")
    if not isinstance(address, str) or "@" not in address or not isinstance(redirect, str):
        raise bad_request("A value is required for property 'invitedUserEmailAddress' of resource 'Invitation'.")
    guest = _guest(directory, address, body)
    invitation = {
        "id": str(uuid.uuid4()),
        "inviteRedeemUrl": f"https://login.microsoftonline.com/redeem?rd={uuid.uuid4()}",
        "invitedUserEmailAddress": address,
        "inviteRedirectUrl": redirect,
        "sendInvitationMessage": body.get("sendInvitationMessage", False),
        "status": "PendingAcceptance",
        "invitedUser": {"id": guest},
    }
    return entity(request, "invitations", json.dumps(invitation).encode(), 201)


def _guest(directory: Directory, address: str, body: dict[str, object]) -> str:
    """Return the id of the guest with an address. Create the guest if it does not exist."""
    for key, stored in directory.with_value(USERS, "mail", address):
        if stored.state is State.LIVE:
            if stored.properties().get("userType") != "Guest":
                raise bad_request("The invited user already exists in the directory as object ID: " + key + ".")
            return key
    key = str(uuid.uuid4())
    nickname = f"{address.replace('@', '_')}#EXT#"
    user = {
        "id": key,
        "accountEnabled": True,
        "createdDateTime": directory.clock.text(),
        "creationType": "Invitation",
        "displayName": body.get("invitedUserDisplayName") or address.partition("@")[0],
        "externalUserState": "PendingAcceptance",
        "externalUserStateChangeDateTime": directory.clock.text(),
        "mail": address,
        "mailNickname": nickname,
        "otherMails": [address],
        "proxyAddresses": [f"SMTP:{address}"],
        "userPrincipalName": f"{nickname}@{DOMAIN}",
        "userType": body.get("invitedUserType") or "Guest",
    }
    directory.create(USERS, key, json.dumps(user, ensure_ascii=False).encode())
    return key
