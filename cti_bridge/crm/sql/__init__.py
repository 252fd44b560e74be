"""Any SQL database as the CRM, by the admin's own queries: PostgreSQL, MySQL and MariaDB."""
