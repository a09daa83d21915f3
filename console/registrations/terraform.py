"""Write a configuration of Terraform that registers an application."""

import re

from console.registrations import Registration, fill, role_comments

_CONFIGURATION = """\
# Registers the application "@NAME@" with these permissions. Terraform's state contains its client secret: protect it.
#   terraform init && terraform apply
#   (umask 077; terraform output -raw client_secret > @FILE@)
@ROLES@
terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
  }
}

provider "azuread" {
  tenant_id = "@DIRECTORY@"
}

locals {
  wanted = [
@PERMISSIONS@
  ]
  # A cloud that does not offer a permission does not stop the others.
  permissions = [for name in local.wanted : name if contains(keys(data.azuread_service_principal.graph.app_role_ids), name)]
}

data "azuread_application_published_app_ids" "well_known" {}

data "azuread_service_principal" "graph" {
  client_id = data.azuread_application_published_app_ids.well_known.result["MicrosoftGraph"]
}

resource "azuread_application" "@LABEL@" {
  display_name     = "@NAME@"
  sign_in_audience = "AzureADMyOrg"

  required_resource_access {
    resource_app_id = data.azuread_service_principal.graph.client_id

    dynamic "resource_access" {
      for_each = local.permissions
      content {
        id   = data.azuread_service_principal.graph.app_role_ids[resource_access.value]
        type = "Role"
      }
    }
  }
}

resource "azuread_service_principal" "@LABEL@" {
  client_id = azuread_application.@LABEL@.client_id
}

resource "azuread_app_role_assignment" "@LABEL@" {
  for_each            = toset(local.permissions)
  app_role_id         = data.azuread_service_principal.graph.app_role_ids[each.value]
  principal_object_id = azuread_service_principal.@LABEL@.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

resource "azuread_application_password" "@LABEL@" {
  application_id = azuread_application.@LABEL@.id
  display_name   = "entrakeep"
}

output "client_id" {
  value = azuread_application.@LABEL@.client_id
}

output "client_secret" {
  value     = azuread_application_password.@LABEL@.value
  sensitive = true
}
"""


def script(registration: Registration) -> str:
    """Return the configuration."""
    permissions = "\n".join(f'    "{name}",' for name in registration.permissions)
    label = re.sub(r"\W+", "_", registration.name.lower())
    return fill(_CONFIGURATION, registration, PERMISSIONS=permissions, LABEL=label, ROLES=role_comments(registration))
