"""Short ways to write kinds whose objects are simple: stored in a collection, below another object, or alone."""

import json
from collections.abc import Mapping
from typing import Any

from simulator.graph.kinds.model import Kind, OwnBin, Relation


def permitted(read: str, write: str = "") -> tuple[frozenset[str], frozenset[str]]:
    """Return the permissions to read and to write a kind. Whoever may write it may read it."""
    writes = frozenset((write,)) if write else frozenset[str]()
    return writes | {read}, writes


def collection(
    path: str,
    type: str,
    names: str,
    permissions: tuple[frozenset[str], frozenset[str]],
    *relations: Relation,
    licence: str = "",
    embedded: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
    default: str = "",
    own_bin: OwnBin | None = None,
    initial: tuple[Mapping[str, Any], ...] = (),
) -> Kind:
    """Return the kind of a collection."""
    return Kind(
        path=path,
        type=type,
        properties=tuple(names.split()),
        read=permissions[0],
        write=permissions[1],
        default=frozenset(default.split()) if default else None,
        open=False,
        licence=licence,
        relations=relations,
        embedded=embedded,
        types=types,
        own_bin=own_bin,
        initial=tuple(map(json.dumps, initial)),
    )


def child(segment: str, type: str, names: str, *, embedded: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> Kind:
    """Return the kind of objects that exist below another object only, with the permissions of that object."""
    return Kind(
        path=segment,
        type=type,
        properties=tuple(names.split()),
        read=frozenset(),
        write=frozenset(),
        open=False,
        embedded=embedded,
        types=types,
    )


def below(kind: Kind, *, to_one: bool = False) -> Relation:
    """Return the relation of an object to the objects of a kind that exist below it."""
    return Relation(kind.path, 1, to_one=to_one, child=kind)


def file(segment: str) -> Relation:
    """Return the relation of an object to the file that exists below it."""
    return Relation(segment, 1, to_one=True, child=child(segment, "Stream", ""), binary=True)


def only(
    path: str,
    type: str,
    names: str,
    permissions: tuple[frozenset[str], frozenset[str]],
    initial: Mapping[str, Any] | None = None,
    *,
    licence: str = "",
) -> Kind:
    """Return the kind of an object of which a directory has one. Without ``initial`` it does not exist at first."""
    key = path.rpartition("/")[2]
    return Kind(
        path=path,
        type=type,
        properties=tuple(names.split()),
        read=permissions[0],
        write=permissions[1],
        open=False,
        licence=licence,
        singleton=key,
        initial=() if initial is None else (json.dumps({"id": key, **initial}),),
    )
