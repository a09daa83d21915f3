"""Names that another object has: a sign-in name, an address, a nickname or an identifier URI can be used only once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from shared.domain.json_text import members, string
from shared.domain.naming import own_name
from shared.domain.restore.bodies import text_at, texts_at
from shared.domain.restore.named import first_id
from shared.domain.restore.world import World

_ADDRESS = "smtp:"


class Holder(NamedTuple):
    """The object that has a name."""

    object_id: str
    name: str


class Taken:
    """The existing objects that have names which a restore needs."""

    def __init__(self, world: World, names: Mapping[str, Iterable[str]]) -> None:
        """Look up the objects that have these names. The names are given by resource, as ``names_of`` returns them."""
        wanted = {name for each in names.values() for name in each}
        self._holders: dict[str, list[Holder]] = {}
        if not wanted:
            return
        for resource in ("users", "groups", "applications"):
            if resource == "applications" and "applications" not in names:
                continue
            for key, value in world.live.records(resource):
                for name in names_of(resource, value):
                    if name in wanted:
                        holder = Holder(first_id(key.decode()), own_name(value) or first_id(key.decode()))
                        self._holders.setdefault(name, []).append(holder)

    def holder(self, name: str, but: str) -> Holder | None:
        """Return an object other than ``but`` that has a name, or None."""
        return next((each for each in self._holders.get(name, ()) if each.object_id != but), None)


def names_of(resource: str, value: bytes) -> Iterator[str]:
    """Yield the names of an object that no other may have, in lower case, each with its kind in front."""
    inner = members(value) or {}
    if resource == "users":
        yield from sign_in_name(string(inner.get("userPrincipalName")))
    if resource in ("users", "groups"):
        addresses = [string(inner.get("mail")), *texts_at(inner.get("proxyAddresses"), "")]
        yield from {address_name(each) for each in addresses if each is not None and _is_address(each)}
    if resource == "groups" and "Unified" in texts_at(inner.get("groupTypes"), ""):
        nickname = string(inner.get("mailNickname"))
        if nickname is not None:
            yield f"nickname:{nickname.lower()}"
    if resource == "applications":
        yield from (f"uri:{each.lower()}" for each in texts_at(inner.get("identifierUris"), ""))


def sign_in_name(name: str | None) -> Iterator[str]:
    """Yield a userPrincipalName as ``names_of`` yields it."""
    if name is not None:
        yield f"sign-in:{name.lower()}"


def address_name(address: str) -> str:
    """Return an address, with or without the prefix of proxyAddresses, as ``names_of`` yields it."""
    return _ADDRESS + address.lower().removeprefix(_ADDRESS)


def _is_address(text: str) -> bool:
    """Return True for an address of mail; proxyAddresses has other protocols too."""
    return ":" not in text or text.lower().startswith(_ADDRESS)


def undeleted_name(value: bytes, object_id: str) -> str | None:
    """Return the userPrincipalName that a user in the recycle bin gets back. In the bin, Graph puts the id before it."""
    name = text_at(value, "userPrincipalName")
    return name.removeprefix(object_id.replace("-", "")) if name is not None else None
