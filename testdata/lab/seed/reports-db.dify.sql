-- A database of the same name as another's, on another server.
CREATE EXTENSION vector;
CREATE ROLE dify LOGIN PASSWORD 'another role of the same name';
CREATE ROLE analyst;
CREATE TABLE messages (id serial PRIMARY KEY, report text NOT NULL);
INSERT INTO messages (report) SELECT 'report ' || i FROM generate_series(1, 500) i;
ALTER TABLE messages OWNER TO analyst;
COMMENT ON DATABASE dify IS 'Reports, not Dify';
ALTER DATABASE dify SET lock_timeout = '7s';
REVOKE CONNECT ON DATABASE dify FROM PUBLIC;
GRANT CONNECT ON DATABASE dify TO analyst;
