"""Define the tables of people: how they sign in, what they may do, and tokens. Secrets are stored as hashes alone.

A row of a grant or token names a tenant, or no tenant if it is of the installation. It is removed with its tenant by
cascade, because older code that does not know these tables removes tenants too.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from shared.adapters.catalog.schema.columns import Json, UtcTime, Uuid, metadata

_HASH = String(64)
"""SHA-256, in hex, of a random secret of at least 128 bits."""


def _person(*, nullable: bool = False) -> Column[str]:
    """Return the column that names a person. Removing the person removes the row."""
    return Column("person_id", Uuid, ForeignKey("people.person_id", ondelete="CASCADE"), nullable=nullable)


def tenant_or_installation() -> Column[str]:
    """Return the column that names a tenant, or None for the installation. Removing the tenant removes the row."""
    return Column("tenant_id", Uuid, ForeignKey("tenants.tenant_id", ondelete="CASCADE"))


people = Table(
    "people",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("handle", String(64), nullable=False, unique=True),
    Column("break_glass", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime),  # the last request
    Column("signed_in_at", UtcTime),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("credential_id", String, primary_key=True),  # base64url
    _person(),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Integer, nullable=False),
    Column("aaguid", String(32), nullable=False),  # in hex
    Column("name", String(64), nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
)
Index(None, passkeys.c.person_id)

identities = Table(
    "identities",
    metadata,
    Column("authority", String, primary_key=True),  # tid, or iss
    Column("subject", String, primary_key=True),  # oid, or sub
    _person(),
    Column("bound_at", UtcTime, nullable=False),
)
Index(None, identities.c.person_id)

secrets_hashed = Table(
    "secrets_hashed",
    metadata,
    Column("secret_id", Uuid, primary_key=True),
    _person(nullable=True),  # the code of the set-up has none
    Column("kind", String(16), nullable=False),  # password, code or set-up
    Column("number", Integer, nullable=False),  # of a one-time code, which names it; 0 for others
    Column("hash", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("used_at", UtcTime),
)
Index(None, secrets_hashed.c.person_id, secrets_hashed.c.kind)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", Uuid, primary_key=True),
    _person(),
    tenant_or_installation(),
    Column("role", String(16), nullable=False),
    Column("until", UtcTime),
    Column("given_by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("given_at", UtcTime, nullable=False),
)
Index(None, grants.c.person_id)
Index(None, grants.c.tenant_id)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("hash", _HASH, primary_key=True),  # of the cookie
    Column("sign_in_id", Uuid, nullable=False, unique=True),
    _person(),
    Column("means", String(16), nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    Column("address", String, nullable=False),
    Column("browser", String, nullable=False),
)
Index(None, sign_ins.c.person_id)

invitations = Table(
    "invitations",
    metadata,
    Column("hash", _HASH, primary_key=True),  # of the code in the link
    Column("invitation_id", Uuid, nullable=False, unique=True),
    _person(),
    Column("made_by", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)
Index(None, invitations.c.person_id)

tries = Table(
    "tries",
    metadata,
    Column("who", String(128), primary_key=True),  # a handle or a network address
    Column("failed", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
)

challenges = Table(
    "challenges",
    metadata,
    Column(
        "hash", _HASH, primary_key=True
    ),  # of what the browser has, from which all values of the challenge are derived
    Column("purpose", String(32), nullable=False),
    Column("detail", Json, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)
Index(None, challenges.c.expires_at)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", _HASH, primary_key=True),
    Column("token_id", Uuid, nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    tenant_or_installation(),
    _person(nullable=True),  # None if a command on the host made it
    Column("actions", Json, nullable=False),
    Column("networks", Json, nullable=False),
    Column("made_by", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
)
Index(None, tokens.c.tenant_id)
Index(None, tokens.c.person_id)
