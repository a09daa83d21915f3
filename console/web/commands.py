"""The command line of each action of the console, made from the action's own arguments and quoted for a shell.

A test parses each line with the real command line, and compares what it asks for.
"""

import shlex
from collections.abc import Iterable

Option = str | bool | None
"""The value of an option. True is a flag. Options that are None or False are left out."""


def back_up(name: str, *, full: bool = False) -> str:
    """Return the command that requests a backup."""
    return _line("backup", name, full=full)


def verify(name: str, snapshot: str | None = None, *, shallow: bool = False) -> str:
    """Return the command that verifies a snapshot, or with None all of them."""
    return _line("verify", name, snapshot, shallow=shallow)


def snapshots(name: str) -> str:
    """Return the command that lists a tenant's snapshots."""
    return _line("snapshots", name)


def list_jobs(tenant: str | None = None, states: Iterable[str] = ()) -> str:
    """Return the command that lists jobs."""
    return _line("jobs list", tenant=tenant, state=states)


def show_job(job: str) -> str:
    """Return the command that shows a job."""
    return _line("jobs show", job)


def cancel_job(job: str) -> str:
    """Return the command that cancels a job."""
    return _line("jobs cancel", job)


def retry_job(job: str) -> str:
    """Return the command that retries a job."""
    return _line("jobs retry", job)


def set_schedule(name: str, cron: str, timezone: str) -> str:
    """Return the command that sets a schedule."""
    return _line("schedule set", name, cron=cron, timezone=timezone)


def pause_schedule(name: str) -> str:
    """Return the command that pauses a schedule."""
    return _line("schedule pause", name)


def resume_schedule(name: str) -> str:
    """Return the command that resumes a schedule."""
    return _line("schedule resume", name)


def show_key(name: str) -> str:
    """Return the command that shows a tenant's key."""
    return _line("key show", name)


def allow_key(name: str, *, take_back: bool = False) -> str:
    """Return the command that allows a tenant to have its own key, or takes the permission back."""
    return _line("key allow", name, take_back=take_back)


def key_policy(name: str, arn: str | None = None, principal: str | None = None) -> str:
    """Return the command that shows the policy for a tenant's key."""
    return _line("key policy", name, arn=arn, principal=principal)


def check_key(name: str) -> str:
    """Return the command that checks a tenant's current key."""
    return _line("key check", name)


def enable_key(name: str, arn: str, *, rehearse: bool = False) -> str:
    """Return the command that moves a tenant to its own key, or only checks that key. It shows the terms first."""
    return _line("key enable", name, arn=arn, rehearse=rehearse)


def update_key(name: str, arn: str) -> str:
    """Return the command that changes a tenant's own key."""
    return _line("key update", name, arn=arn)


def show_audit(name: str | None) -> str:
    """Return the command that shows the last events of a tenant's audit trail, or with None of the installation's."""
    return _line("audit show", name, installation=name is None)


def verify_audit(name: str | None) -> str:
    """Return the command that verifies an audit trail together with its heads in the store."""
    return _line("audit verify", name, installation=name is None)


def export_audit(name: str | None, output: str) -> str:
    """Return the command that writes an audit trail to a file."""
    return _line("audit export", name, output=output, installation=name is None)


def add_tenant(
    name: str,
    directory_id: str,
    client_id: str,
    *,
    secret_file: str | None = None,
    certificate: str | None = None,
    secret_expires: str | None = None,
) -> str:
    """Return the command that connects a directory. The secret or certificate is read from a file."""
    return _line(
        "tenant add",
        name,
        directory_id=directory_id,
        client_id=client_id,
        client_secret_file=secret_file,
        certificate=certificate,
        secret_expires=secret_expires,
    )


def update_tenant(
    name: str,
    *,
    client_id: str | None = None,
    secret_file: str | None = None,
    certificate: str | None = None,
    secret_expires: str | None = None,
) -> str:
    """Return the command that sets a new credential of the application that reads the directory."""
    return _line(
        "tenant update",
        name,
        client_id=client_id,
        client_secret_file=secret_file,
        certificate=certificate,
        secret_expires=secret_expires,
    )


def update_restore_identity(
    name: str, client_id: str, *, secret_file: str | None = None, certificate: str | None = None
) -> str:
    """Return the command that sets the application that restores."""
    return _line(
        "tenant update",
        name,
        restore_client_id=client_id,
        restore_client_secret_file=secret_file,
        restore_certificate=certificate,
    )


def check_tenant(name: str, *, restore: bool = False) -> str:
    """Return the command that checks what a tenant's application may do."""
    return _line("tenant check", name, restore=restore)


def show_tenant(name: str) -> str:
    """Return the command that shows a tenant."""
    return _line("tenant show", name)


def list_tenants() -> str:
    """Return the command that lists the tenants."""
    return _line("tenant list")


def remove_tenant(name: str, *, shred: bool = False) -> str:
    """Return the command that removes a tenant. It asks for confirmation."""
    return _line("tenant remove", name, shred=shred)


def list_people(tenant: str | None) -> str:
    """Return the command that lists the people with a role in a tenant, or with None all."""
    return _line("people list", tenant=tenant)


def add_person(handle: str, roles: Iterable[str], tenant: str | None, *, hours: str | None = None) -> str:
    """Return the command that adds a person with roles in a tenant, or with None in the installation."""
    return _line("people add", handle, role=roles, tenant=tenant, hours=hours)


def invite_person(handle: str) -> str:
    """Return the command that prints a new invitation of a person."""
    return _line("people invite", handle)


def grant_role(
    handle: str, role: str, tenant: str | None, *, hours: str | None = None, reason: str | None = None
) -> str:
    """Return the command that gives a person a role."""
    return _line("people grant", handle, role, tenant=tenant, hours=hours, reason=reason)


def take_role(handle: str, role: str, tenant: str | None) -> str:
    """Return the command that takes a role from a person."""
    return _line("people take", handle, role, tenant=tenant)


def end_sign_ins(handle: str) -> str:
    """Return the command that ends a person's sign-ins."""
    return _line("people sign-ins", handle, end=True)


def remove_person(handle: str) -> str:
    """Return the command that removes a person. It asks for confirmation."""
    return _line("people remove", handle)


def make_token(name: str, actions: Iterable[str], tenant: str | None, days: int, networks: Iterable[str] = ()) -> str:
    """Return the command that makes a token for a tenant, or with None for the installation."""
    return _line("token make", name, action=actions, tenant=tenant, days=str(days), network=networks)


def list_tokens(tenant: str | None) -> str:
    """Return the command that lists the tokens of a tenant, or with None all."""
    return _line("token list", tenant=tenant)


def end_token(name: str, tenant: str | None) -> str:
    """Return the command that ends a token."""
    return _line("token end", name, tenant=tenant)


def show_sign_ins(handle: str) -> str:
    """Return the command that lists a person's sign-ins."""
    return _line("people sign-ins", handle)


def reset_person(handle: str) -> str:
    """Return the command that removes every way to sign in of a person, and prints the link of an invitation."""
    return _line("people reset", handle)


def set_up_code() -> str:
    """Return the command that prints a code for the set-up."""
    return _line("people code")


def add_notice_target(
    name: str,
    kind: str,
    tenant: str | None,
    *,
    address: str | None = None,
    file: str | None = None,
    notices: Iterable[str] = (),
) -> str:
    """Return the command that adds a notice target of a tenant, or with None of the installation.

    ``address`` is a mail address. A URL stands in a file.
    """
    return _line("notices add", name, kind=kind, address=address, address_file=file, tenant=tenant, notice=notices)


def list_notice_targets(tenant: str | None) -> str:
    """Return the command that lists notice targets."""
    return _line("notices list", tenant=tenant)


def try_notice_target(name: str, tenant: str | None) -> str:
    """Return the command that sends a test to a notice target."""
    return _line("notices test", name, tenant=tenant)


def remove_notice_target(name: str, tenant: str | None) -> str:
    """Return the command that removes a notice target."""
    return _line("notices remove", name, tenant=tenant)


def _line(command: str, *arguments: str | None, **options: Option | Iterable[str]) -> str:
    """Return the line of a command with its arguments and options. Arguments that are None are left out.

    ``--`` stands before arguments of which one begins with a dash, as a tenant's name may.
    """
    given = [argument for argument in arguments if argument is not None]
    chosen = [word for name, value in options.items() for word in _option(f"--{name.replace('_', '-')}", value)]
    dashed = any(argument.startswith("-") for argument in given)
    return shlex.join(["entrakeep", *command.split(), *([*chosen, "--", *given] if dashed else [*given, *chosen])])


def _option(name: str, value: Option | Iterable[str]) -> list[str]:
    """Return the words of an option, which is repeated for several values."""
    if value is None or value is False:
        return []
    if value is True:
        return [name]
    return [word for each in ([value] if isinstance(value, str) else value) for word in (name, each)]
