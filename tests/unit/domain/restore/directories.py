"""Small directories, what may happen to them, and how they answer to the operations of a plan."""

import json
from collections.abc import Callable

from hypothesis import strategies as st

from shared.domain.records import resource_of
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.named import ends, first_id, named
from shared.domain.restore.operations import Action, Operation, Plan
from shared.domain.restore.pairing import rewritten_key
from tests.unit.domain.restore.objects import (
    application,
    assignment,
    excluding,
    group,
    link,
    member,
    owner,
    policy,
    principal,
    user,
)
from tests.unit.domain.restore.worlds import Json, encoded, guid, id_map

USERS, GROUPS, APPS, POLICIES = range(1, 5), range(11, 15), range(21, 23), range(41, 43)
PRINCIPALS = {app: app + 10 for app in APPS}
NEWCOMERS = range(51, 54)
_WORDS = st.sampled_from(["A", "B", None])
_WITH_BIN = ("users", "groups", "applications", "servicePrincipals")


class Model:
    """A directory: records by key, and its recycle bins with the links that went with each object."""

    def __init__(self, records: dict[str, Json]) -> None:
        self.records = json.loads(json.dumps(records))
        self.bins: dict[str, Json] = {}
        self.ids: dict[str, str] = {}
        """The id map: the new id by the old one."""
        self._links_in_bin: dict[str, dict[str, Json]] = {}
        self._next = 1000

    def copy(self) -> "Model":
        other = Model(self.records)
        other.bins, other.ids, other._next = json.loads(json.dumps(self.bins)), dict(self.ids), self._next
        other._links_in_bin = json.loads(json.dumps(self._links_in_bin))
        return other

    def delete(self, key: str, *, soft: bool) -> None:
        """Delete an object with its links. Without ``soft``, it is gone for good."""
        value, object_id = self.records.pop(key, None), first_id(key)
        if value is None:
            self.bins = {each: kept for each, kept in self.bins.items() if soft or each != key}
            return
        gone = {each: link for each, link in self.records.items() if "/" in each and object_id in _connects(each, link)}
        self.records = {each: value for each, value in self.records.items() if each not in gone}
        if soft and _resource(key) in _WITH_BIN:
            if "userPrincipalName" in value:
                value["userPrincipalName"] = object_id.replace("-", "") + value["userPrincipalName"]
            self.bins[key], self._links_in_bin[key] = value, gone
        if _resource(key) == "applications":
            for each in [each for each, row in self.records.items() if row.get("appId") == value["appId"]]:
                self.delete(each, soft=True)

    def carry_out(self, plan: Plan) -> None:
        """Carry a plan out, and check that what each operation names exists when it comes."""
        self.ids.update(plan.adopted)
        stage = 0
        for number, operation in enumerate(plan.operations, 1):
            assert (operation.number, operation.stage >= stage) == (number, True)
            stage = operation.stage
            key = rewritten_key(operation.key.encode(), self.map).decode()
            body = self.map.rewritten(operation.body) if operation.body is not None else b"{}"
            _DEEDS[operation.action](self, operation, key, json.loads(body))

    @property
    def map(self) -> IdMap:
        return id_map(self.ids)

    def _create(self, operation: Operation, key: str, body: Json) -> None:
        self._check(operation.resource, body, own=first_id(operation.key))
        new = self._new_id()
        self.ids[first_id(operation.key)] = new
        value = body | {"id": new}
        if operation.resource == "applications":
            assert operation.app_id is not None
            value["appId"] = self.ids[operation.app_id] = self._new_id()
        self.records[f"{operation.resource}/{new}"] = value
        self._check_names()

    def _undelete(self, operation: Operation, key: str, body: Json) -> None:
        value = self.bins.pop(key)
        if "userPrincipalName" in value:
            plain = value["userPrincipalName"].removeprefix(first_id(key).replace("-", ""))
            value["userPrincipalName"] = body.get("newUserPrincipalName", plain)
        self.records[key] = value
        self._check_names()
        for each, value in self._links_in_bin.pop(key).items():
            if all(self.has(one) for one in _connects(each, value)):
                self.records[each] = value

    def _patch(self, operation: Operation, key: str, body: Json) -> None:
        assert key in self.records, operation
        self._check(operation.resource, body)
        self.records[key] |= body
        self._check_names()

    def _link(self, operation: Operation, key: str, body: Json) -> None:
        if "@odata.id" in body:
            first, last = ends(key)
            assert self.has(first) and self.has(last), operation
            if operation.method == "PUT":
                self.records = {each: value for each, value in self.records.items() if not each.startswith(key[:-36])}
            self.records[key] = {"id": last, "@odata.type": f"#microsoft.graph.{self._kind(last)}"}
        else:
            self._check(operation.resource, body)
            row = self._new_id()
            body |= {"id": row, "principalDisplayName": "N"}
            self.records[key.rpartition("/")[0] + f"/{row}"] = body

    def _unlink(self, operation: Operation, key: str, body: Json) -> None:
        self.records.pop(key, None)

    def _delete(self, operation: Operation, key: str, body: Json) -> None:
        self.delete(key, soft=True)

    def has(self, object_id: str) -> bool:
        return any(f"{resource}/{object_id}" in self.records for resource in _WITH_BIN)

    def _kind(self, object_id: str) -> str:
        return next(kind[:-1] for kind in _WITH_BIN if f"{kind}/{object_id}" in self.records)

    def _check(self, resource: str, body: Json, own: str = "") -> None:
        """Fail if a body names what does not exist."""
        apps = {value.get("appId") for value in self.records.values()}
        for each in named(resource, encoded(body)):
            assert self.has(each.id) or each.id in apps or each.id == own, (resource, body, each)

    def _check_names(self) -> None:
        """Fail if two users have one name."""
        names = [value["userPrincipalName"] for key, value in self.records.items() if _resource(key) == "users"]
        assert len(names) == len(set(names)), names

    def _new_id(self) -> str:
        self._next += 1
        return guid(self._next)


_DEEDS: dict[Action, Callable[[Model, Operation, str, Json], None]] = {
    Action.CREATE: Model._create,
    Action.UNDELETE: Model._undelete,
    Action.PATCH: Model._patch,
    Action.LINK: Model._link,
    Action.UNLINK: Model._unlink,
    Action.DELETE: Model._delete,
}


def _resource(key: str) -> str:
    return resource_of(key.encode()).decode()


def _connects(key: str, value: Json) -> set[str]:
    """Return the ids of the objects that a link or an assignment connects; none of an object."""
    if "." not in _resource(key):
        return set()
    names = {value[name] for name in ("principalId", "resourceId") if name in value}
    return names or set(ends(key))


def meaning(records: dict[str, Json], ids: IdMap) -> dict[str, object]:
    """Return what records mean: their values without what Graph sets, by a key that is the same for a row made again."""
    result: dict[str, object] = {}
    for key, value in records.items():
        inner = json.loads(ids.rewritten(encoded(value)))
        if "appRoleId" in inner:
            result[f"{inner['resourceId']}/{inner['principalId']}/{inner['appRoleId']}"] = {}
        else:
            current = rewritten_key(key.encode(), ids).decode()
            result[current] = {} if "." in _resource(key) else _sorted(inner)
    return result


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in value.items() if each not in (None, [])}
    return sorted(map(json.dumps, value)) if isinstance(value, list) else value


@st.composite
def directories(draw: Callable[..., object]) -> dict[str, Json]:
    """Draw a directory."""
    records: dict[str, Json] = {}
    for number in USERS:
        if draw(st.booleans()):
            records |= user(number, department=draw(_WORDS), accountEnabled=draw(st.booleans()))
    for number in GROUPS:
        if draw(st.booleans()):
            records |= group(number, description=draw(_WORDS))
    for number in APPS:
        if draw(st.booleans()):
            records |= application(number, notes=draw(_WORDS))
            if draw(st.booleans()):
                records |= principal(PRINCIPALS[number], number, notes=draw(_WORDS))
    for number in POLICIES:
        if draw(st.booleans()):
            records |= _policy(draw, records, number)
    for _ in range(draw(st.integers(0, 8))):
        records |= _link(draw, records)
    return records


def _policy(draw: Callable[..., object], records: dict[str, Json], number: int) -> dict[str, Json]:
    """Draw a policy that names existing objects."""
    users, groups = _numbers(records, "users", USERS), _numbers(records, "groups", GROUPS)
    chosen = [
        draw(st.lists(st.sampled_from(each), unique=True, max_size=2)) if each else [] for each in (users, groups)
    ]
    return policy(number, conditions=excluding(*chosen), state=draw(st.sampled_from(["enabled", "disabled"])))


def _numbers(records: dict[str, Json], resource: str, numbers: range) -> list[int]:
    return [number for number in numbers if f"{resource}/{guid(number)}" in records]


def _link(draw: Callable[..., object], records: dict[str, Json]) -> dict[str, Json]:
    """Draw a link or an assignment between existing objects, or nothing."""
    users, groups = _numbers(records, "users", (*USERS, *NEWCOMERS)), _numbers(records, "groups", GROUPS)
    principals = _numbers(records, "servicePrincipals", tuple(PRINCIPALS.values()))
    kind = draw(st.sampled_from(["member", "owner", "nested", "manager", "assignment"]))
    if kind in ("member", "owner") and users and groups:
        make = member if kind == "member" else owner
        return make(draw(st.sampled_from(groups)), draw(st.sampled_from(users)))
    if kind == "nested" and groups:
        return member(draw(st.sampled_from(groups)), draw(st.sampled_from(groups)), "groups")
    if kind == "manager" and users:
        first = draw(st.sampled_from(users))
        if not any(key.startswith(f"users/{guid(first)}/manager/") for key in records):
            return link("users", first, "manager", draw(st.sampled_from(users)))
    if kind == "assignment" and users and principals:
        person, service = draw(st.sampled_from(users)), draw(st.sampled_from(principals))
        return assignment(f"row-{person}-{service}", guid(70), person, service)
    return {}


@st.composite
def histories(draw: Callable[..., object]) -> tuple[dict[str, Json], Model]:
    """Draw a directory, and what has become of it."""
    before: dict[str, Json] = draw(directories())
    model = Model(before)
    for _ in range(draw(st.integers(0, 10))):
        _change(draw, model)
    return before, model


def _change(draw: Callable[..., object], model: Model) -> None:
    """Change a directory in one way."""
    objects = sorted(key for key in model.records if "." not in _resource(key))
    kind = draw(st.sampled_from(["delete", "purge", "change", "link", "unlink", "newcomer", "policy"]))
    if kind in ("delete", "purge") and objects:
        model.delete(draw(st.sampled_from(objects)), soft=kind == "delete")
    elif kind == "change" and objects:
        key = draw(st.sampled_from(objects))
        name = {"users": "department", "groups": "description"}.get(_resource(key), "notes")
        if _resource(key) != "conditionalAccessPolicies":
            model.records[key][name] = draw(_WORDS)
    elif kind == "link":
        model.records |= _link(draw, model.records)
    elif kind == "unlink":
        links = sorted(key for key in model.records if "." in _resource(key))
        if links:
            del model.records[draw(st.sampled_from(links))]
    elif kind == "newcomer":
        number = draw(st.sampled_from(NEWCOMERS))
        name = draw(st.sampled_from([f"u{each}@contoso.com" for each in (*USERS, number)]))
        if name not in {value.get("userPrincipalName") for value in model.records.values()}:
            model.records |= user(number, userPrincipalName=name)
    elif kind == "policy":
        number = draw(st.sampled_from(POLICIES))
        if f"conditionalAccessPolicies/{guid(number)}" in model.records:
            model.records |= _policy(draw, model.records, number)
