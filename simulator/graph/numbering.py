"""The numbering of generated objects: an id is computed from an object's number, and the number from the id.

Object `number` of a path has 64 mixed bits, which determine its content. The ids of `appRoleAssignments` and
`oauth2PermissionGrants` are made of the ids of the objects that they connect; see `ties`.
"""

import base64
import random
from uuid import UUID

PATHS = ("users", "groups", "applications", "servicePrincipals", "identity/conditionalAccess/policies")
"""The paths of counted objects. The index of a path is its kind."""
USER, GROUP, APPLICATION, PRINCIPAL, POLICY, _APP_ID, ASSIGNMENT, GRANT = range(8)
"""Kinds of numbers. The last three have mixed bits too, but no path in `PATHS`."""
MASK = (1 << 64) - 1
_WORD = 0xFFFFFFFF
_ODD = 0x9E3779B1
_INVERSE = pow(_ODD, -1, 1 << 32)


class Numbers:
    """Ids and mixed bits. `counts` has the number of objects by path, `seed` determines everything else."""

    def __init__(self, counts: dict[str, int], seed: int) -> None:
        self.counts = [counts.get(path, 0) for path in PATHS]
        self._seed = random.Random(seed).getrandbits(64)

    def mix(self, kind: int, number: int) -> int:
        """Return 64 well-mixed bits for one object (splitmix64)."""
        z = (self._seed + (number * 8 + kind + 1) * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def scrambled(self, number: int) -> int:
        """Return a number below 2^32 that looks random. The mapping is reversible."""
        return (number * _ODD ^ self._seed) & _WORD

    def unscrambled(self, word: int) -> int:
        """Return the number from which `scrambled` made this word."""
        return (word ^ (self._seed & _WORD)) * _INVERSE & _WORD

    def id(self, kind: int, number: int) -> str:
        """Return the id of an object whose kind has a path in `PATHS`."""
        mix = self.mix(kind, number)
        text = f"{mix:016x}"
        first = self.scrambled(number * 8 + kind)
        return f"{first:08x}-{text[:4]}-4{text[5:8]}-{8 + (mix & 3):x}{text[8:11]}-{text[4:8]}{text[8:16]}"

    def number(self, kind: int, id: str) -> int | None:
        """Return the number of an object, computed from its id, or None if no object of this kind has the id."""
        try:
            code = self.unscrambled(int(id[:8], 16))
        except ValueError:
            return None
        number = code >> 3
        return number if code & 7 == kind and number < self.counts[kind] and self.id(kind, number) == id else None

    def application_id(self, number: int) -> str:
        """Return the appId of an application and of its service principal."""
        mix = self.mix(_APP_ID, number)
        return str(UUID(int=(mix << 64 | (mix * 3 & MASK)), version=4))


def joined(*ids: str | bytes) -> str:
    """Return an id made of others, as Graph makes those of grants and assignments: sixteen bytes each, in base64.

    Raises ValueError if one of them is not a GUID.
    """
    raw = b"".join(part if isinstance(part, bytes) else UUID(part).bytes_le for part in ids)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parted(id: str) -> list[bytes]:
    """Return the parts of a joined id, sixteen bytes each. Return an empty list for another id."""
    try:
        raw = base64.b64decode(id + "=" * (-len(id) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return []
    return [raw[start : start + 16] for start in range(0, len(raw), 16)] if len(raw) % 16 == 0 else []
