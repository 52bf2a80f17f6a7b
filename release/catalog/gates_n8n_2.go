package catalog

// n8n2 is what n8n 2.0 breaks. First what a stack's files can show.
func n8n2() []n8nRule {
	return []n8nRule{
		{
			ID: "task-runner-docker-image-v2", Name: "runners", Severity: "medium", Category: "infrastructure", Duty: Services, Risk: DependencyRisk,
			Title: "Task runners leave the image and get one of their own",
			Text: "Code nodes run in task runners, which are on by default. For external mode their launcher is in the image `n8nio/runners` alone from now on, whose tag must be n8n's; " +
				"Python in Code nodes runs only there.",
			Do: "add a service of image `n8nio/runners` with n8n's tag, or leave `N8N_RUNNERS_MODE` internal and do without Python",
			Touches: []Touch{
				{NoApp: N8NRunners, Text: "without which external mode and Python in Code nodes do not work"},
				{Key: "N8N_RUNNERS_MODE", Is: Equals, Value: "external", Text: "which needs the image `n8nio/runners`"},
			},
			Doc: n8nDocs2 + "#remove-task-runner-from-n8nion8n-docker-image",
		},
		{
			ID: "binary-data-storage-v2", Name: "binary-data", Severity: "low", Category: "infrastructure", Risk: DataRisk,
			Title: "Files of executions are no longer kept in memory",
			Text:  "They go to the disk, below n8n's data folder, or into the database in queue mode. Both grow, and belong into the backup.",
			Do:    "make sure that `/home/node/.n8n` is on a volume with room, and is backed up",
			Touches: []Touch{
				{Key: "N8N_DEFAULT_BINARY_DATA_MODE", Is: Equals, Value: "default", Text: "which is the mode that is gone"},
				{Key: "N8N_DEFAULT_BINARY_DATA_MODE", Is: Unset, Text: "so that files were kept in memory so far"},
			},
			Doc: n8nDocs2 + "#remove-in-memory-binary-data-mode",
		},
		{
			ID: "settings-file-permissions-v2", Name: "settings-file", Severity: "low", Category: "infrastructure",
			Title:   "The settings file must belong to n8n alone",
			Text:    "n8n makes its settings file readable by its own user only (mode 0600). On volumes that know no modes, or that several instances share, that fails.",
			Do:      "set `N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS` to `false` where the volume cannot hold modes",
			Touches: []Touch{{Key: "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS", Is: Unset, Text: "which is `true` from now on"}},
			Doc:     n8nDocs2 + "#enforce-settings-file-permissions",
		},
		{
			ID: "queue-worker-max-stalled-count-v2", Name: "stalled-count", Severity: "low", Category: "environment",
			Title:   "QUEUE_WORKER_MAX_STALLED_COUNT has no effect any more",
			Text:    "The variable is gone and is ignored.",
			Do:      "remove `QUEUE_WORKER_MAX_STALLED_COUNT`",
			Touches: []Touch{{Key: "QUEUE_WORKER_MAX_STALLED_COUNT", Is: Set, Text: "which is ignored"}}, OnlyIf: true,
			Doc: n8nDocs2 + "#remove-queue_worker_max_stalled_count",
		},
		{
			ID: "file-access-restriction-v2", Name: "file-access", Severity: "medium", Category: "workflow",
			Title:   "Nodes reach files in one folder only",
			Text:    "`N8N_RESTRICT_FILE_ACCESS_TO` has a default now: workflows that read or write files elsewhere fail.",
			Do:      "set `N8N_RESTRICT_FILE_ACCESS_TO` to the folders that workflows use, as the container sees them",
			Touches: []Touch{{Key: "N8N_RESTRICT_FILE_ACCESS_TO", Is: Unset, Text: "which has a default from now on"}},
			Doc:     n8nDocs2 + "#set-default-value-for-n8n_restrict_file_access_to",
		},
		{
			ID: "process-env-access-v2", Name: "env-access", Severity: "low", Category: "workflow",
			Title:   "Expressions and Code nodes no longer see environment variables",
			Text:    "`N8N_BLOCK_ENV_ACCESS_IN_NODE` is `true` by default: workflows that read `$env` or `process.env` fail.",
			Do:      "move what workflows need into credentials, or set `N8N_BLOCK_ENV_ACCESS_IN_NODE` to `false` knowing what that opens",
			Touches: []Touch{{Key: "N8N_BLOCK_ENV_ACCESS_IN_NODE", Is: Unset, Text: "which is `true` from now on"}},
			Doc:     n8nDocs2 + "#block-environment-variable-access-from-code-node-by-default",
		},
		{
			ID: "disabled-nodes-v2", Name: "disabled-nodes", Severity: "medium", Category: "workflow",
			Title:   "Execute Command and Local File Trigger are off by default",
			Text:    "The default of `NODES_EXCLUDE` names both nodes, so that workflows with them fail. A list of your own takes the place of the default.",
			Do:      "set `NODES_EXCLUDE` to a list without the nodes that you need",
			Touches: []Touch{{Key: "NODES_EXCLUDE", Is: Unset, Text: "which names two nodes from now on"}},
			Doc:     n8nDocs2 + "#disable-executecommand-and-localfiletrigger-nodes-by-default",
		},
		{
			ID: "oauth-callback-auth-v2", Name: "oauth-callback", Severity: "medium", Category: "instance",
			Title:   "OAuth callbacks ask for a signed-in user",
			Text:    "`N8N_SKIP_AUTH_ON_OAUTH_CALLBACK` is `false` by default: whoever connects an account must be signed in to n8n in the same browser.",
			Do:      "try connecting an account, above all where n8n is embedded",
			Touches: []Touch{{Key: "N8N_SKIP_AUTH_ON_OAUTH_CALLBACK", Is: Unset, Text: "which is `false` from now on"}},
			Doc:     n8nDocs2 + "#require-authentication-on-oauth-callback-urls-by-default",
		},
		{
			ID: "dotenv-upgrade-v2", Name: "dotenv", Severity: "low", Category: "environment",
			Title: "Files that n8n itself reads as .env are parsed by newer rules",
			Text:  "The library is nine major versions newer: a `#` without quotes begins a comment, back quotes quote, and values may span lines. What Docker Compose reads from `.env` is not concerned.",
			Do:    "quote values with such characters in files that n8n reads itself",
			Doc:   n8nDocs2 + "#upgrade-dotenv",
		},
		{
			ID: "pyodide-removed-v2", Name: "pyodide", Severity: "medium", Category: "workflow", Risk: DependencyRisk,
			Title: "Python in Code nodes runs natively, in a task runner",
			Text:  "Pyodide is gone. Scripts run in a Python task runner, with other modules at hand and without its helpers.",
			Do:    "list the Code nodes in Python, set the runner up and try each of them",
			Doc:   n8nDocs2 + "#remove-pyodide-based-python-code-node",
		},
		{
			ID: "start-node-removed-v2", Name: "start-node", Severity: "medium", Category: "workflow",
			Title: "The Start node is gone",
			Text:  "Workflows that begin with it no longer run: a manual one begins with Manual Trigger, a sub-workflow with Execute Workflow Trigger.",
			Do:    "replace Start nodes, and delete those that are switched off",
		},
		{
			ID: "wait-node-subworkflow-v2", Name: "waiting-sub-workflow", Severity: "medium", Category: "workflow",
			Title: "A parent workflow gets the right data from a sub-workflow that waited",
			Text:  "Where a sub-workflow stops at a Wait node, a form or a person, its parent was given the wrong items so far. A workflow that was built around that changes its results.",
			Do:    "try the workflows that call such sub-workflows",
			Doc:   n8nDocs2 + "#return-expected-sub-workflow-data-when-the-sub-workflow-resumes-from-waiting-waiting-for-webhook-forms-hitl-etc",
		},
		{
			ID: "removed-nodes-v2", Name: "removed-nodes", Severity: "low", Category: "workflow", Risk: DependencyRisk,
			Title: "Nodes for services that no longer exist are gone",
			Text:  "Workflows with such a node no longer run.",
			Do:    "look for them in n8n's migration report",
			Doc:   n8nDocs2 + "#removed-nodes-for-retired-services",
		},
		{
			ID: "cli-activate-all-workflows-v2", Name: "update-workflow", Severity: "low", Category: "instance",
			Title: "The command update:workflow has two successors",
			Text:  "`publish:workflow` and `unpublish:workflow` take its place. Scripts that call the old one fail.",
			Do:    "change scripts that run `n8n update:workflow`",
			Doc:   n8nDocs2 + "#replace-cli-command-updateworkflow",
		},
		{
			ID: "tunnel-option-v2", Name: "tunnel", Severity: "low", Category: "instance",
			Title: "The option --tunnel is gone",
			Text:  "It is ignored; webhooks then do not reach a development instance behind a router.",
			Doc:   n8nDocs2 + "#remove-n8n-tunnel-option",
		},
		{
			ID: "workflow-hooks-deprecated-v2", Name: "hooks", Severity: "low", Category: "instance",
			Title: "Frontend hooks on activation have a successor",
			Text:  "`workflow.published` takes the place of `workflow.activeChange` and `workflow.activeChangeCurrent`.",
			Do:    "change integrations that use the two hooks",
			Doc:   n8nDocs2 + "#deprecated-frontend-workflow-hooks",
		},
	}
}
