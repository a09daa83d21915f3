"""Write a script for PowerShell that registers an application."""

from console.registrations import Registration, fill, role_comments

_SCRIPT = """\
# Registers the application "@NAME@" with these permissions, and writes its client secret to @FILE@.
# Run it as a Global Administrator, or as a Privileged Role Administrator who may also register applications.
# It needs the module Microsoft.Graph.Applications: Install-Module Microsoft.Graph.Applications -Scope CurrentUser
@ROLES@$ErrorActionPreference = "Stop"
Connect-MgGraph -NoWelcome -TenantId @DIRECTORY@ `
    -Scopes Application.ReadWrite.All, AppRoleAssignment.ReadWrite.All
$names = @(
@PERMISSIONS@
)
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"
$roles = @($graph.AppRoles | Where-Object { $_.Value -in $names -and $_.AllowedMemberTypes -contains "Application" })
$names | Where-Object { $_ -notin $roles.Value } | ForEach-Object {
    Write-Warning "left out, because Microsoft Graph does not offer it here: $_"
}
$access = @{
    ResourceAppId  = $graph.AppId
    ResourceAccess = @($roles | ForEach-Object { @{ Id = $_.Id; Type = "Role" } })
}
$app = New-MgApplication -DisplayName "@NAME@" -SignInAudience AzureADMyOrg -RequiredResourceAccess @($access)
$principal = New-MgServicePrincipal -AppId $app.AppId
foreach ($role in $roles) {
    # The role assignment is the consent.
    New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id `
        -PrincipalId $principal.Id -ResourceId $graph.Id -AppRoleId $role.Id | Out-Null
}
$secret = Add-MgApplicationPassword -ApplicationId $app.Id `
    -PasswordCredential @{ DisplayName = "entrakeep"; EndDateTime = (Get-Date).AddYears(1) }
Set-Content -Path @FILE@ -Value $secret.SecretText -NoNewline
"client id: $($app.AppId)"
"""


def script(registration: Registration) -> str:
    """Return the script."""
    permissions = "\n".join(f'    "{name}"' for name in registration.permissions)
    return fill(_SCRIPT, registration, PERMISSIONS=permissions, ROLES=role_comments(registration))
