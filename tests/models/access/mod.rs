mod documented_permissions;
mod roles_and_permissions;
