"""An installation with something to see on every page: tenants that are well, revoked, short of a permission, and new."""

from contextlib import closing

from tests.browser.stack import Stack, until
from tests.parts import CLIENT, SECRET

WELL, OWN_KEY, REVOKED, SHORT, FAILED, NEW = "contoso", "wingtip", "fabrikam", "adatum", "tailspin", "northwind"
TENANTS = (WELL, OWN_KEY, REVOKED, SHORT, FAILED, NEW)

GRAPH_OPTIONS = ("--users", "60", "--groups", "10", "--applications", "4", "--policies", "3")


def fill(stack: Stack) -> None:
    """Connect the tenants and give each its story. Takes about a minute."""
    stack.connect(WELL)
    stack.backup(WELL)
    stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"jobTitle": "Lead"}))
    stack.backup(WELL)
    stack.run("schedule", "set", WELL, "--cron", "0 */6 * * *", "--timezone", "Europe/Berlin")
    stack.run("verify", WELL, "--shallow")
    stack.run("key", "allow", WELL)
    stack.run("key", "enable", WELL, "--arn", stack.new_customer_key(WELL), "--rehearse")
    _fill_own_keys(stack)
    _fill_short(stack)
    _fill_failed(stack)
    stack.connect(NEW, stack.graph.add_directory(objects=10, seed=4))


def _fill_own_keys(stack: Stack) -> None:
    """Connect two tenants under keys of their owner. Revoke one of them."""
    for number, name in enumerate((OWN_KEY, REVOKED)):
        stack.connect(name, stack.graph.add_directory(objects=20, seed=number + 2))
        stack.backup(name)
        arn = stack.new_customer_key(name)
        stack.run("key", "allow", name)
        stack.run("key", "enable", name, "--arn", arn, "--accept-terms", "--wait")
        stack.backup(name)
    stack.owner.disable(arn)
    stack.run("key", "check", REVOKED, status=1)
    until(lambda: stack.document("key", "show", REVOKED)["state"] == "revoked", "the key is revoked")


def _fill_short(stack: Stack) -> None:
    """Connect a tenant whose application lacks a permission."""
    directory = stack.graph.add_directory(objects=20, seed=5)
    stack.connect(SHORT, directory)
    app = {"client_id": CLIENT, "secret": SECRET, "permissions": ["Directory.Read.All"]}
    with closing(stack.graph.directory(directory)) as graph:
        graph.post("apps", app)
    stack.run("backup", SHORT, "--wait")
    stack.run("schedule", "set", SHORT, "--cron", "0 3 * * *")
    stack.run("schedule", "pause", SHORT)


def _fill_failed(stack: Stack) -> None:
    """Connect a tenant whose application has a new secret, so that its backup fails."""
    directory = stack.graph.add_directory(objects=10, seed=6)
    stack.connect(FAILED, directory)
    with closing(stack.graph.directory(directory)) as graph:
        graph.post("apps", {"client_id": CLIENT, "secret": "another-secret", "permissions": []})
    stack.run("backup", FAILED, "--wait", status=1)
