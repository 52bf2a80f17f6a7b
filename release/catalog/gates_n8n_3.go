package catalog

// n8n3 is what n8n 3.0 breaks, as 2.41.3 announces it. First what a stack's
// files can show.
func n8n3() []n8nRule {
	return []n8nRule{
		{
			ID: "storage-path-rename-v3", Name: "storage-path", Severity: "medium", Category: "infrastructure", Risk: DataRisk,
			Title: "The folder of execution files is renamed at the first start",
			Text: "`~/.n8n/binaryData` becomes `~/.n8n/storage`. n8n does not start where both exist, and a volume that is mounted at the old folder is left behind; " +
				"an old image does not find the files in the new one.",
			Do: "mount the volume at the new folder, and make sure that not both exist",
			Touches: []Touch{
				{Key: "N8N_BINARY_DATA_STORAGE_PATH", Is: Set, Text: "which gives way to `N8N_STORAGE_PATH`"},
			},
			Doc: n8nDocs3,
		},
		{
			ID: "in-memory-binary-data-v3", Name: "binary-data", Severity: "medium", Category: "infrastructure", Risk: DataRisk,
			Title:   "The binary data mode default is gone",
			Text:    "Files of executions are kept by `filesystem`, `s3` or `database`; the mode that kept them in memory is refused.",
			Do:      "set `N8N_DEFAULT_BINARY_DATA_MODE` to one of the three",
			Touches: []Touch{{Key: "N8N_DEFAULT_BINARY_DATA_MODE", Is: Equals, Value: "default", Text: "which is the mode that is gone"}}, OnlyIf: true,
			Doc: n8nDocs3,
		},
		{
			ID: "task-runner-task-timeout-v3", Name: "runner-timeout", Severity: "low", Category: "environment",
			Title:   "Code nodes may run for one minute by default, not for five",
			Text:    "The default of `N8N_RUNNERS_TASK_TIMEOUT` falls from 300 seconds to 60. What takes longer is broken off.",
			Do:      "set `N8N_RUNNERS_TASK_TIMEOUT` to what your Code nodes need",
			Touches: []Touch{{Key: "N8N_RUNNERS_TASK_TIMEOUT", Is: Unset, Text: "which is 60 seconds from now on"}},
			Doc:     n8nDocs3,
		},
		{
			ID: "unverified-packages-v3", Name: "unverified-packages", Severity: "medium", Category: "environment", Risk: DependencyRisk,
			Title:   "Community packages that n8n has not verified no longer load",
			Text:    "`N8N_UNVERIFIED_PACKAGES_ENABLED` is `false` by default. Workflows with nodes of such packages fail.",
			Do:      "set `N8N_UNVERIFIED_PACKAGES_ENABLED` to `true` where you trust the packages that are installed",
			Touches: []Touch{{Key: "N8N_UNVERIFIED_PACKAGES_ENABLED", Is: Unset, Text: "which is `false` from now on"}},
			Doc:     n8nDocs3,
		},
		{
			ID: "compression-node-limits-v3", Name: "compression-limits", Severity: "low", Category: "environment",
			Title: "The Compression node takes smaller archives",
			Text:  "It unpacks 256 MiB at most instead of 2 GiB, and 1000 entries of a ZIP instead of 5000.",
			Do:    "set both limits where your archives are larger",
			Touches: []Touch{
				{Key: "N8N_COMPRESSION_NODE_MAX_DECOMPRESSED_SIZE_BYTES", Is: Unset, Text: "which is 256 MiB from now on"},
				{Key: "N8N_COMPRESSION_NODE_MAX_ZIP_ENTRIES", Is: Unset, Text: "which is 1000 from now on"},
			},
			Doc: n8nDocs3,
		},
		{
			ID: "ssrf-default-blocked-ranges-v3", Name: "blocked-ranges", Severity: "medium", Category: "environment",
			Title:   "Protection against request forgery blocks more addresses",
			Text:    "100.64.0.0/10 and IPv6 transition ranges are blocked too where the protection is on: requests to hosts there fail, for instance in a Tailscale network.",
			Do:      "name the hosts that workflows need in `N8N_SSRF_ALLOWED_HOSTNAMES` or `N8N_SSRF_ALLOWED_IP_RANGES`",
			Touches: []Touch{{Key: "N8N_SSRF_PROTECTION_ENABLED", Is: Equals, Value: "true", Text: "so that the new ranges are blocked"}}, OnlyIf: true,
			Doc: "https://docs.n8n.io/deploy/host-n8n/configure-n8n/basic-configuration/use-environment-variables/security",
		},
		{
			ID: "caller-policy-default-any-v3", Name: "caller-policy-default", Severity: "medium", Category: "instance",
			Title:   "The default caller policy any is gone",
			Text:    "Workflows without a policy of their own take that of the instance. Where it is `any`, calls of sub-workflows fail after the upgrade.",
			Do:      "set `N8N_WORKFLOW_CALLER_POLICY_DEFAULT_OPTION` to a value that 3.0 knows",
			Touches: []Touch{{Key: "N8N_WORKFLOW_CALLER_POLICY_DEFAULT_OPTION", Is: Equals, Value: "any", Text: "which is gone"}}, OnlyIf: true,
			Doc: "https://docs.n8n.io/deploy/host-n8n/configure-n8n/basic-configuration/use-environment-variables/workflows",
		},
		{
			ID: "chat-hub-deprecated-v3", Name: "chat-hub", Severity: "medium", Category: "instance",
			Title:   "The chat hub is off by default",
			Text:    "The section disappears from the interface; it can be switched on by `N8N_ENABLED_MODULES` until 4.0 removes it.",
			Do:      "name the module in `N8N_ENABLED_MODULES` where people use it",
			Touches: []Touch{{Key: "N8N_ENABLED_MODULES", Is: Set, Text: "which has to name the chat hub to keep it"}},
			Doc:     n8nDocs3,
		},
		{
			ID: "offload-manual-executions-v3", Name: "manual-executions", Severity: "medium", Category: "instance",
			Title:   "In queue mode manual executions always run on workers",
			Text:    "`OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS` is gone, and with it the way to run them on the main instance. Workers need what such executions need: files, packages, network.",
			Do:      "set it to `true` before the upgrade, and try manual executions",
			Touches: []Touch{{Key: "EXECUTIONS_MODE", Is: Equals, Value: "queue", Text: "so that manual executions move to the workers"}}, OnlyIf: true,
			Doc: n8nDocs3,
		},
		{
			ID: "pre-execute-error-creates-execution-v3", Name: "pre-execute", Severity: "medium", Category: "instance",
			Title:   "An error in workflow.preExecute leaves no execution behind",
			Text:    "`N8N_PRE_EXECUTE_ERROR_CREATES_EXECUTION` is gone; what such a hook refuses is not recorded.",
			Do:      "remove `N8N_PRE_EXECUTE_ERROR_CREATES_EXECUTION`",
			Touches: []Touch{{Key: "N8N_PRE_EXECUTE_ERROR_CREATES_EXECUTION", Is: Set, Text: "which is ignored"}}, OnlyIf: true,
		},
		{
			ID: "docker-only-deployment-v3", Name: "docker-only", Severity: "medium", Category: "infrastructure", Duty: Watch,
			Title: "n8n runs from its Docker image only",
			Text:  "There is no npm package to run any more. A stack of the official image is not concerned; an image of your own that installs n8n by npm is.",
			Do:    "build images of your own on the official one",
			Doc:   "https://docs.n8n.io/deploy/host-n8n",
		},
		{
			ID: "external-secrets-project-roles-default-v3", Name: "external-secrets", Severity: "medium", Category: "environment", Duty: Watch,
			Title: "Project editors and admins get access to external secrets",
			Text:  "Both roles have the scopes by default and the switch in the settings is gone: where it was off, more people reach secrets after the upgrade.",
			Do:    "look through who is an editor or an admin of a project",
			Doc:   "https://docs.n8n.io/external-secrets/#access-for-project-roles",
		},
		{
			ID: "agent-removed-modes-v3", Name: "agent-modes", Severity: "critical", Category: "workflow", Risk: DependencyRisk,
			Title: "AI Agent nodes in a removed mode fail",
			Text:  "With the versions below 2 go the modes Conversational, OpenAI Functions, Plan and Execute, ReAct and SQL Agent. Nodes in one of them fail when they are executed.",
			Do:    "build such nodes anew as Tools Agents",
		},
		{
			ID: "agent-node-version-v3", Name: "agent-version", Severity: "medium", Category: "workflow", Risk: DependencyRisk,
			Title: "AI Agent nodes below version 2 run as version 2",
			Text:  "Version 2 knows the Tools Agent alone; nodes of version 1 behave otherwise after the upgrade.",
			Do:    "move AI Agent nodes to the latest version and try them",
		},
		{
			ID: "caller-policy-any-removed-v3", Name: "caller-policy", Severity: "medium", Category: "workflow",
			Title: "Workflows that any workflow may call need another policy",
			Text:  "The option is gone from the settings of workflows. Calls of those that still have it fail.",
			Do:    "choose another caller policy for each of them",
			Doc:   "https://docs.n8n.io/build/manage-workflows/configure-workflow-settings#this-workflow-can-be-called-by",
		},
		{
			ID: "execute-workflow-each-mode-v3", Name: "sub-workflow-each", Severity: "medium", Category: "workflow",
			Title: "Execute Sub-workflow no longer runs once for each item",
			Text:  "The mode is gone. A Loop Over Items node in front of one that runs once with all items does the same.",
			Do:    "put Loop Over Items in front of such nodes",
		},
		{
			ID: "execute-workflow-source-modes-v3", Name: "sub-workflow-source", Severity: "medium", Category: "workflow",
			Title: "Execute Sub-workflow loads nothing from files or addresses",
			Text:  "The sources Local File and URL are gone; a sub-workflow comes from the database or stands in the node.",
			Do:    "import such sub-workflows and call them from the database",
		},
		{
			ID: "always-output-data-multi-output-v3", Name: "always-output-data", Severity: "medium", Category: "workflow",
			Title: "Always Output Data adds an item only where every output is empty",
			Text:  "On nodes with several outputs it added an empty item to the first even when another had data. Workflows that count on that give other results.",
			Do:    "try the workflows with such nodes",
		},
		{
			ID: "gmail-trigger-version-v3", Name: "gmail-trigger", Severity: "medium", Category: "workflow",
			Title: "Every Gmail Trigger behaves as version 1.4",
			Text:  "It takes ten messages per poll by default and the rest later, leaves out drafts unless they are asked for, and is no longer set off by sent or scheduled messages.",
			Do:    "look through the settings of Gmail Trigger nodes",
		},
		{
			ID: "get-paired-item-v3", Name: "paired-item", Severity: "medium", Category: "workflow",
			Title: "The expression helper $getPairedItem is gone",
			Text:  "Expressions with it cannot be evaluated.",
			Do:    "rewrite expressions with `$getPairedItem`",
		},
		{
			ID: "ai-transform-deprecated", Name: "ai-transform", Severity: "medium", Category: "workflow", Risk: DependencyRisk,
			Title: "The AI Transform node gives way to Code",
			Text:  "What it has generated runs as a Code node instead.",
			Do:    "replace AI Transform nodes by Code nodes",
		},
		{
			ID: "removed-nodes-with-replacements-v3", Name: "replaced-nodes", Severity: "medium", Category: "workflow", Risk: DependencyRisk,
			Title: "Over thirty old nodes are gone that have successors",
			Text: "Their successors are nodes such as Code, Schedule Trigger, HTML, Aggregate, Convert to File, Extract From File, Read/Write Files from Disk, OpenAI Chat Model and vector stores. " +
				"n8n's migration report names the nodes in use that are concerned.",
			Do: "replace the nodes that the migration report names",
		},
		{
			ID: "removed-nodes-v3", Name: "removed-nodes", Severity: "low", Category: "workflow", Risk: DependencyRisk,
			Title: "Several nodes are gone without a successor",
			Text:  "Workflows with such a node no longer run.",
			Do:    "look for them in n8n's migration report",
		},
		{
			ID: "chat-trigger-embedded-json-v3", Name: "embedded-chat", Severity: "low", Category: "workflow",
			Title: "Embedded chats speak JSON over their socket",
			Text:  "A chat widget that is pinned to an old version, or a client of your own, does not understand the messages; chats that n8n serves are not concerned.",
			Do:    "update the chat widgets that you embed",
			Doc:   "https://www.npmjs.com/package/@n8n/chat",
		},
		{
			ID: "workflow-import-url-removed-v3", Name: "import-url", Severity: "low", Category: "instance",
			Title: "The editor imports no workflow from an address",
			Text:  "Workflows are handed on as files.",
		},
	}
}
