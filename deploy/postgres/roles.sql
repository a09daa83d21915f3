-- Run once by the image of PostgreSQL, when its volume is new. One role owns the tables and migrates them; the others own
-- nothing, so that row-level security keeps the tenants apart for them. The console has one of its own, which reads no key.
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv user_password POSTGRES_USER_PASSWORD
\getenv console_password POSTGRES_CONSOLE_PASSWORD
CREATE ROLE entrakeep_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE entrakeep LOGIN PASSWORD :'user_password';
CREATE ROLE entrakeep_console LOGIN PASSWORD :'console_password';
CREATE DATABASE entrakeep OWNER entrakeep_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE CONNECT ON DATABASE entrakeep FROM PUBLIC;
GRANT CONNECT ON DATABASE entrakeep TO entrakeep, entrakeep_console;
