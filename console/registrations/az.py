"""Write a script for the Azure CLI (bash) that registers an application."""

from console.registrations import Registration, fill, role_comments

_SCRIPT = """\
#!/bin/bash
# Registers the application "@NAME@" with these permissions, and writes its client secret to @FILE@.
# Run it as a Global Administrator, or as a Privileged Role Administrator who may also register applications.
@ROLES@set -euo pipefail
umask 077
directory=@DIRECTORY@
graph=00000003-0000-0000-c000-000000000000 # Microsoft Graph, the same in every directory
permissions=(
@PERMISSIONS@
)

az login --tenant "$directory" --allow-no-subscriptions --output none
offered=$(az ad sp show --id "$graph" --output tsv \\
    --query "appRoles[?contains(allowedMemberTypes, 'Application')].[value, id]")
roles=()
for permission in "${permissions[@]}"; do
    id=$(awk -v name="$permission" '$1 == name { print $2 }' <<< "$offered")
    if [ -n "$id" ]; then
        roles+=("$id=Role")
    else
        echo "left out, because Microsoft Graph does not offer it here: $permission" >&2
    fi
done

app=$(az ad app create --display-name "@NAME@" --sign-in-audience AzureADMyOrg --query appId --output tsv)
az ad sp create --id "$app" --output none
az ad app permission add --id "$app" --api "$graph" --api-permissions "${roles[@]}" --only-show-errors
for attempt in 1 2 3 4 5 6; do # Microsoft needs time to distribute a new application
    if az ad app permission admin-consent --id "$app"; then break; fi
    if [ "$attempt" = 6 ]; then
        echo "no consent yet. Repeat: az ad app permission admin-consent --id $app" >&2
        exit 1
    fi
    sleep 20
done
az ad app credential reset --id "$app" --append --display-name entrakeep --years 1 \\
    --query password --output tsv > @FILE@
echo "client id: $app"
"""


def script(registration: Registration) -> str:
    """Return the script."""
    permissions = "\n".join(f"    {name}" for name in registration.permissions)
    return fill(_SCRIPT, registration, PERMISSIONS=permissions, ROLES=role_comments(registration))
