"""A directory and its tenant, for one story: what happens in the directory, and the commands that restore it."""

import json
from itertools import count
from typing import Any

from tests.commands import Commands
from tests.contract.catalog.world import new_id
from tests.contract.engine.simulated import GLOBAL_ADMINISTRATOR, RESTORER, RESTORER_SECRET, all_permissions
from tests.flow.shell import write_private
from tests.flow.stack import Stack, until
from tests.parts import CLIENT, POLICIES, SECRET, GraphSimulator
from tests.tables import small_options

Json = dict[str, Any]
DOMAIN = "contoso.onmicrosoft.com"
_TYPES = {"users": "user", "groups": "group", "servicePrincipals": "servicePrincipal"}
_PATHS = {"conditionalAccessPolicies": POLICIES, "namedLocations": "identity/conditionalAccess/namedLocations"}
_numbers = count(1)


class Story:
    """A directory, its tenant, and the commands of an operator. Use it as a context manager."""

    def __init__(self, stack: Stack, objects: int = 0, key: str | None = None) -> None:
        """Add a directory, whose restoring application is Global Administrator, and connect it.

        ``objects`` is how many objects are generated, and ``key`` the ARN of the tenant's KMS key, by default the stack's.
        """
        self.stack, self.name = stack, f"story-{next(_numbers)}"
        directory_id = stack.graph.add_directory(objects)
        self.graph: GraphSimulator = stack.graph.directory(directory_id)
        app = {"client_id": RESTORER, "secret": RESTORER_SECRET, "permissions": all_permissions()}
        self.graph.post("apps", app)
        principal = self.create("servicePrincipals", appId=RESTORER, displayName="Entrakeep")
        role = {"principalId": principal, "roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"}
        self.create("roleManagement/directory/roleAssignments", **role)
        keys = {} if key is None else {"ENTRAKEEP_PROVIDER_KEY_ARN": key}
        self.commands = Commands(stack.home, {**stack.environment, **keys})
        files = {"secret": SECRET, "restore-secret": RESTORER_SECRET}
        for name, secret in files.items():
            write_private(stack.home / name, secret)
        self.commands.run(
            *("tenant", "add", self.name, "--directory-id", directory_id),
            *("--client-id", CLIENT, "--client-secret-file", "secret"),
            *("--restore-client-id", RESTORER, "--restore-client-secret-file", "restore-secret"),
            *small_options(),
        )
        self.tenant = stack.context.catalog.find(self.name)

    def __enter__(self) -> "Story":
        return self

    def __exit__(self, *_: object) -> None:
        self.graph.close()

    # -- the directory

    def create(self, path: str, **values: Any) -> str:
        """Create an object without Graph. Return its id."""
        object_id = str(values.setdefault("id", new_id()))
        self.graph.change(("create", _PATHS.get(path, path), values))
        return object_id

    def user(self, name: str, **values: Any) -> str:
        fixed = {"displayName": name, "mailNickname": name, "userPrincipalName": f"{name}@{DOMAIN}"}
        return self.create("users", **{"accountEnabled": True, **fixed, **values})

    def group(self, name: str, **values: Any) -> str:
        """Create a security group."""
        kinds: Json = {"mailEnabled": False, "securityEnabled": True, "groupTypes": []}
        return self.create("groups", **{"displayName": name, "mailNickname": name, **kinds, **values})

    def application(self, name: str, **values: Any) -> str:
        return self.create("applications", **{"appId": new_id(), "displayName": name, **values})

    def policy(self, name: str, conditions: Json | None = None, **values: Any) -> str:
        """Create an enabled Conditional Access policy."""
        fixed = {"displayName": name, "state": "enabled", "sessionControls": None}
        grant = {"operator": "OR", "builtInControls": ["mfa"]}
        given = {"conditions": conditions or for_all(), "grantControls": grant}
        return self.create(POLICIES, **{**fixed, **given, **values})

    def link(self, owners: str, owner: str, relation: str, *targets: str, kind: str = "users") -> None:
        """Add links without Graph."""
        value = {"@odata.type": f"#microsoft.graph.{_TYPES[kind]}"}
        self.graph.change(*(("create", f"{owners}/{owner}/{relation}", {**value, "id": each}) for each in targets))

    def members(self, group: str, *targets: str, kind: str = "users") -> None:
        self.link("groups", group, "members", *targets, kind=kind)

    def update(self, path: str, object_id: str, **values: Any) -> None:
        self.graph.change(("update", f"{_PATHS.get(path, path)}/{object_id}", values))

    def delete(self, path: str, *ids: str) -> None:
        """Delete objects; they are in the recycle bin where there is one."""
        self.graph.change(*(("delete", f"{_PATHS.get(path, path)}/{each}") for each in ids))

    def purge(self, path: str, *ids: str) -> None:
        """Delete objects for good."""
        self.delete(path, *ids)
        self.graph.change(*(("purge", f"{_PATHS.get(path, path)}/{each}") for each in ids))

    def all(self, path: str) -> dict[str, Json]:
        """Return the live objects of a kind, or the links of an object, by id."""
        values = map(json.loads, self.graph.values(_PATHS.get(path, path)))
        return {each["id"]: each for each in values}

    def one(self, path: str, **values: Any) -> Json:
        """Return the only object of a kind with these values."""
        matches = [each for each in self.all(path).values() if values.items() <= each.items()]
        assert len(matches) == 1, (path, values, matches)
        return matches[0]

    def created(self, path: str) -> int:
        """Return how many objects of a kind were ever created through Graph. Assert that no name occurs twice."""
        created = self.graph.get("created").get(_PATHS.get(path, path), {"created": 0, "repeated": {}})
        assert created["repeated"] == {}
        return int(created["created"])

    def writes(self) -> list[tuple[str, str, int]]:
        """Return method, path and count of the requests that were no reads, since the counters were reset."""
        rows = self.graph.get("requests")
        sent = [row for row in rows if row["method"] != "GET" and "token" not in row["path"]]
        return [
            (row["method"], row["path"].removeprefix("/v1.0/"), row["count"])
            for row in sent
            if not row["path"].endswith(("/$batch", "/getByIds"))
        ]

    def fault(self, what: str, method: str, path: str, **more: Any) -> None:
        """Script a fault for requests with this method whose path matches."""
        self.graph.fault({"what": what, "match": {"method": method, "path": path}, **more})

    # -- the commands

    def backup(self, *, partial: bool = False) -> str:
        """Make a backup, which is partial if Graph refuses something. Return the snapshot's id."""
        out, _ = self.commands.run("backup", self.name, "--wait", "--json")
        job = json.loads(out)
        assert job["state"] == ("succeeded_with_warnings" if partial else "succeeded"), job
        return str(job["snapshot"])

    def plan(self, snapshot: str, *words: str) -> Json:
        """Make a plan. Return its document."""
        out, _ = self.commands.run("plan", "make", self.name, snapshot, *words, "--wait", "--json")
        plan: Json = json.loads(out)
        return plan

    def compare(self, first: str, second: str) -> Json:
        """Compare two snapshots."""
        out, _ = self.commands.run("compare", self.name, first, second, "--json")
        comparison: Json = json.loads(out)
        return comparison

    def restore(self, *words: str, state: str = "succeeded") -> Json:
        """Restore, which must end in this state. Return the report."""
        self.graph.post("reset-counters")
        out, _ = self.commands.run("restore", self.name, *words, "--wait", "--json")
        job = json.loads(out)
        report = self.report(job["id"])
        assert job["state"] == state, [each for each in report["results"] if each["state"] != "done"] or report
        return report

    def request(self, *words: str) -> str:
        """Request a restore. Return the id of its job."""
        self.graph.post("reset-counters")
        job: Any = self.commands.document("restore", self.name, *words)
        return str(job["job"])

    def job(self, job_id: str) -> Json:
        document: Any = self.commands.document("jobs", "show", job_id)
        job: Json = document
        return job

    def ended(self, job_id: str) -> Json:
        """Wait until a job has ended. Return it."""
        until(lambda: self.job(job_id)["state"] not in ("queued", "running"), f"job {job_id} ends", pause=0.2)
        return self.job(job_id)

    def retry(self, job_id: str) -> Json:
        """Retry a job. Return the new one, once it has ended."""
        requested: Any = self.commands.document("jobs", "retry", job_id)
        return self.ended(requested["job"])

    def plan_of(self, report: Json) -> Json:
        """Return the plan that a restore has carried out."""
        plan: Any = self.commands.document("plan", "show", self.name, report["plan"])
        document: Json = plan
        return document

    def operation(self, report: Json, number: int) -> Json:
        """Return an operation that a restore has carried out."""
        operation: Json = self.plan_of(report)["operations"][number - 1]
        return operation

    def report(self, job_id: str) -> Json:
        """Return the report of a restore."""
        out, _ = self.commands.run("restore", self.name, "--report", job_id, "--format", "json")
        report: Json = json.loads(out)
        return report


def for_all(**users: Any) -> Json:
    """Return the conditions of a policy for all users, with these exclusions."""
    return {
        "clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]},
        "users": {"includeUsers": ["All"], **users},
    }


def ids(*object_ids: str) -> list[str]:
    """Return the options that choose these objects."""
    return [word for each in object_ids for word in ("--id", each)]


def steps(plan: Json) -> list[tuple[str, str]]:
    """Return action and key of a plan's operations."""
    return [(each["action"], each["key"]) for each in plan["operations"]]


def result(report: Json, key: str, action: str | None = None) -> Json:
    """Return the only result about a record, with this action if one is given."""
    matches: list[Json] = [
        each for each in report["results"] if each["key"] == key and action in (None, each["action"])
    ]
    assert len(matches) == 1, (key, report["results"])
    return matches[0]


def hindrances(plan: Json, kind: str) -> dict[str, Json]:
    """Return what a plan does not restore for this reason, by key."""
    return {each["key"]: each for each in plan["impossible"] if each["kind"] == kind}
