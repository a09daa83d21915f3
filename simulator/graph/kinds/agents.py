"""Identities of agents. In the simulator they are collections of their own, not part of applications and principals."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.core import APPLICATIONS, SERVICE_PRINCIPALS
from simulator.graph.kinds.model import Kind, Relation

INHERITABLE = Kind(
    path="inheritablePermissions",
    type="inheritablePermission",
    properties=("resourceAppId", "inheritableRoles", "inheritableScopes"),
    read=frozenset(("AgentIdentityBlueprint.Read.All", "AgentIdentityBlueprint.ReadWrite.All")),
    write=frozenset(("AgentIdentityBlueprint.ReadWrite.All",)),
    key="resourceAppId",
)
_SPONSORS = Relation("sponsors", 1, targets=("users", "groups"))


def _kind(collection: Kind, type: str, names: str, *relations: Relation, sponsors: tuple[str, ...] = ()) -> Kind:
    """Return the kind of the agents of a type. `sponsors` are further permissions to write their sponsors."""
    name = type[0].upper() + type[1:]
    return Kind(
        path=f"{collection.path}/microsoft.graph.{type}",
        type=type,
        properties=tuple(names.split()),
        read=frozenset((f"{name}.Read.All", f"{name}.ReadWrite.All", *collection.read)),
        write=frozenset((f"{name}.ReadWrite.All", *sponsors, *collection.write)),
        bin=True,
        relations=relations,
        indexed=("appId", "displayName", "tags"),
    )


BLUEPRINTS = _kind(
    APPLICATIONS,
    "agentIdentityBlueprint",
    properties.BLUEPRINT,
    _SPONSORS,
    Relation("inheritablePermissions", 1, child=INHERITABLE),
)
BLUEPRINT_PRINCIPALS = _kind(
    SERVICE_PRINCIPALS, "agentIdentityBlueprintPrincipal", properties.BLUEPRINT_PRINCIPAL, _SPONSORS
)
IDENTITIES = _kind(
    SERVICE_PRINCIPALS,
    "agentIdentity",
    properties.AGENT_IDENTITY,
    _SPONSORS,
    sponsors=("AgentIdentity.UpdateSponsors.All",),
)

KINDS = (BLUEPRINTS, BLUEPRINT_PRINCIPALS, IDENTITIES)
