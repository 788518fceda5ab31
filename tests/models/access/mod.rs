mod roles_and_permissions;
