-- n8n's own tables are there once it migrated.
SET ROLE n8n;
INSERT INTO workflow_entity (id, name, active, nodes) SELECT 'workflow' || i, 'Workflow ' || i || ' ✓', i % 3 = 0, json_build_array(json_build_object('type', 'n8n-nodes-base.start', 'i', i)) FROM generate_series(1, 30) i;
INSERT INTO credentials_entity SELECT 'credential' || i, 'Credential ' || i, 'U2FsdGVkX1' || md5(i::text), 'httpBasicAuth' FROM generate_series(1, 8) i;
INSERT INTO execution_entity ("workflowId", status, "startedAt") SELECT 'workflow' || 1 + i % 30, (ARRAY['success', 'error', 'waiting'])[1 + i % 3], timestamptz '2026-01-01' + i * interval '1 hour' FROM generate_series(1, 400) i;
INSERT INTO settings VALUES ('lab.apiKey', 'n8n-lab-api-key'), ('ui.banners.dismissed', '["V1"]');
