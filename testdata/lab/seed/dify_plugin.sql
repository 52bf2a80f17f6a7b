-- The plugin daemon's database, for stacks without the daemon too.
SET ROLE dify;
CREATE TABLE IF NOT EXISTS plugins (id uuid PRIMARY KEY, plugin_unique_identifier text NOT NULL, refers int NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS plugin_installations (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, plugin_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO plugins SELECT md5('plugin' || i)::uuid, 'langgenius/plugin' || i || ':0.0.' || i FROM generate_series(1, 25) i;
INSERT INTO plugin_installations SELECT md5('installation' || i)::uuid, md5('tenant')::uuid, 'langgenius/plugin' || i FROM generate_series(1, 25) i;

