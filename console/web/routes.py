"""The one table of routes: method, path, action, handler, and the face that answers. A route without an action fails.

Each module of pages has a section. ``{name}`` in a path is a tenant: dispatch reads it and checks the action in it.
"""

from console.web.auth import codes, confirm, directory, invitation, provider, set_up, sign_in
from console.web.pages import (
    audit,
    files,
    fleet,
    help_pages,
    home,
    job,
    jobs,
    key_dialog,
    keys,
    me,
    overview,
    preferences,
    probes,
    schedule,
)
from console.web.table import Route
from shared.domain.access import Action

_KEY = "/t/{name}/settings/key-management"

ROUTES: tuple[Route, ...] = (
    # probes, files, help, preferences
    Route("GET", "/healthz", Action.PUBLIC, probes.alive),
    Route("GET", "/readyz", Action.PUBLIC, probes.ready),
    Route("GET", "/static/{digest}/{file}", Action.PUBLIC, files.static),
    Route("GET", "/favicon.ico", Action.PUBLIC, files.icon),
    Route("GET", "/", Action.PUBLIC, home.home),
    Route("GET", "/tenants", Action.SELF_SEE, home.tenants),
    Route("GET", "/help", Action.PUBLIC, help_pages.contents),
    Route("GET", "/help/{topic}", Action.PUBLIC, help_pages.topic),
    Route("POST", "/preferences", Action.PUBLIC, preferences.save),
    # signing in and out, confirming
    Route("GET", "/sign-in", Action.PUBLIC, sign_in.show),
    Route("POST", "/sign-in", Action.PUBLIC, sign_in.by_password),
    Route("POST", "/sign-in/passkey", Action.PUBLIC, sign_in.by_passkey),
    Route("POST", "/sign-in/passkey/options", Action.PUBLIC, sign_in.options),
    Route("GET", "/sign-in/provider", Action.PUBLIC, provider.to_sign_in),
    Route("GET", "/sign-in/return", Action.PUBLIC, provider.returned),
    Route("POST", "/sign-out", Action.SELF_SEE, sign_in.leave),
    Route("GET", "/confirm", Action.SELF_SEE, confirm.show),
    Route("POST", "/confirm", Action.SELF_SEE, confirm.confirm),
    Route("POST", "/confirm/options", Action.SELF_SEE, confirm.options),
    Route("GET", "/confirm/provider", Action.SELF_SEE, provider.to_confirm),
    # invitations and the first set-up
    Route("GET", "/invitation", Action.PUBLIC, invitation.show),
    Route("POST", "/invitation", Action.PUBLIC, invitation.choose),
    Route("POST", "/invitation/passkey", Action.PUBLIC, invitation.by_passkey),
    Route("POST", "/invitation/passkey/options", Action.PUBLIC, invitation.options),
    Route("POST", "/invitation/password", Action.PUBLIC, invitation.by_password),
    Route("GET", "/invitation/provider", Action.PUBLIC, provider.to_accept),
    Route("GET", "/set-up", Action.PUBLIC, set_up.show),
    Route("POST", "/set-up", Action.PUBLIC, set_up.check),
    Route("POST", "/set-up/passkey", Action.PUBLIC, set_up.by_passkey),
    Route("POST", "/set-up/passkey/options", Action.PUBLIC, set_up.options),
    Route("POST", "/set-up/password", Action.PUBLIC, set_up.by_password),
    Route("GET", "/set-up/directory", Action.TENANT_ADD, directory.show),
    Route("GET", "/me/codes", Action.SELF_SEE, codes.show),
    Route("POST", "/me/codes", Action.SELF_CHANGE, codes.make),
    Route("POST", "/me/codes/check", Action.SELF_SEE, codes.check),
    # fleet, overview, snapshots, connection
    Route("GET", "/fleet", Action.FLEET_SEE, fleet.show),
    Route("GET", "/t/{name}", Action.TENANT_SEE, overview.show),
    # jobs, schedule, audit, live
    Route("GET", "/jobs", Action.FLEET_SEE, jobs.of_all),
    Route("GET", "/t/{name}/jobs", Action.TENANT_SEE, jobs.of_tenant),
    Route("GET", "/t/{name}/jobs/{job}", Action.TENANT_SEE, job.show),
    Route("POST", "/t/{name}/jobs/{job}/cancel", Action.JOB_CANCEL, jobs.cancel),
    Route("POST", "/t/{name}/jobs/{job}/retry", Action.TENANT_SEE, jobs.retry),
    Route("POST", "/t/{name}/backup", Action.BACKUP_ASK, jobs.back_up),
    Route("POST", "/t/{name}/verify", Action.VERIFY_ASK, jobs.verify),
    Route("GET", "/t/{name}/schedule", Action.TENANT_SEE, schedule.show),
    Route("POST", "/t/{name}/schedule", Action.SCHEDULE_SET, schedule.save),
    Route("POST", "/t/{name}/schedule/pause", Action.SCHEDULE_SET, schedule.pause),
    Route("POST", "/t/{name}/schedule/resume", Action.SCHEDULE_SET, schedule.resume),
    Route("GET", "/t/{name}/audit", Action.AUDIT_SEE, audit.show),
    Route("GET", "/t/{name}/audit/verify", Action.AUDIT_VERIFY, audit.verify),
    Route("GET", "/t/{name}/audit/export", Action.AUDIT_EXPORT, audit.export),
    Route("GET", "/audit", Action.AUDIT_SEE, audit.show),
    Route("GET", "/audit/verify", Action.AUDIT_VERIFY, audit.verify),
    Route("GET", "/audit/export", Action.AUDIT_EXPORT, audit.export),
    Route("GET", "/live/jobs/{job}", Action.SELF_SEE, job.live),
    # key management
    Route("GET", _KEY, Action.TENANT_SEE, keys.show),
    Route("GET", f"{_KEY}/history", Action.TENANT_SEE, keys.history),
    Route("POST", f"{_KEY}/allow", Action.KEY_ALLOW, keys.allow),
    Route("POST", f"{_KEY}/take-back", Action.KEY_ALLOW, keys.take_back),
    Route("POST", f"{_KEY}/check", Action.KEY_CHECK, keys.check),
    Route("POST", f"{_KEY}/retry", Action.KEY_UPDATE, keys.retry),
    Route("GET", f"{_KEY}/rehearse", Action.KEY_CHECK, key_dialog.rehearse),
    Route("POST", f"{_KEY}/rehearse", Action.KEY_CHECK, key_dialog.next_rehearse),
    Route("GET", f"{_KEY}/rehearse/{{job}}", Action.KEY_CHECK, key_dialog.rehearse_checks),
    Route("GET", f"{_KEY}/enable", Action.KEY_ENABLE, key_dialog.enable),
    Route("POST", f"{_KEY}/enable", Action.KEY_ENABLE, key_dialog.next_enable, confirm=False),
    Route("GET", f"{_KEY}/enable/{{job}}", Action.KEY_ENABLE, key_dialog.enable_checks),
    Route("POST", f"{_KEY}/enable/{{job}}/save", Action.KEY_ENABLE, key_dialog.save_enable, confirm=False),
    Route("GET", f"{_KEY}/enable/{{job}}/saved", Action.KEY_ENABLE, key_dialog.saved),
    Route("GET", f"{_KEY}/enable/{{job}}/terms", Action.KEY_TERMS, key_dialog.terms),
    Route("POST", f"{_KEY}/enable/{{job}}/agree", Action.KEY_TERMS, key_dialog.agree),
    Route("GET", f"{_KEY}/update", Action.KEY_UPDATE, key_dialog.update),
    Route("POST", f"{_KEY}/update", Action.KEY_UPDATE, key_dialog.save_update),
    Route("GET", f"{_KEY}/update/{{job}}", Action.KEY_UPDATE, key_dialog.update_checks),
    Route("POST", f"{_KEY}/update/{{job}}/cancel", Action.KEY_UPDATE, key_dialog.cancel_update, confirm=False),
    # people, me
    Route("GET", "/me", Action.SELF_SEE, me.show),
    Route("GET", "/me/provider", Action.SELF_SEE, provider.to_add),
    Route("POST", "/me/passkeys", Action.SELF_CHANGE, me.add_passkey),
    Route("POST", "/me/passkeys/options", Action.SELF_SEE, me.passkey_options),
    Route("POST", "/me/passkeys/remove", Action.SELF_CHANGE, me.remove_passkey),
    Route("POST", "/me/ways/remove", Action.SELF_CHANGE, me.remove_way),
    Route("POST", "/me/sign-ins/end", Action.SELF_SEE, me.end_sign_in),
    # notices
    # the API
)
