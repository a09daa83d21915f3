"""Contacts, which Exchange or a synchronisation makes. (Graph reference: orgContact, "orgContact: delta".)"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.table import Reading, Resource, Stream

_CONTACT = """
    id addresses companyName department displayName givenName jobTitle mail mailNickname onPremisesLastSyncDateTime
    onPremisesProvisioningErrors onPremisesSyncEnabled phones proxyAddresses serviceProvisioningErrors surname
"""

RESOURCES = (
    Resource(
        resource="orgContacts",
        family="identity",
        path="/contacts",
        stream="orgContacts",
        permission_read="OrgContact.Read.All",
        permission_write="",
        licence="none",
        everywhere=True,
        volatile=("onPremisesLastSyncDateTime",),
        restoring=Restoring(
            kind=RestoreKind.NEVER,
            stage=5,
            brief="made in Exchange, or by synchronisation",
            catches=("Graph offers no way to write contacts.",),
        ),
    ),
)

STREAMS = (
    Stream(
        name="orgContacts",
        reading=Reading.DELTA,
        path="/contacts/delta",
        collection="/contacts",
        resource="orgContacts",
        select=tuple(_CONTACT.split()),
        witness=("displayName",),
    ),
)
