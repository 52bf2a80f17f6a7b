package catalog

func difyGatesFrom111() []Gate {
	return []Gate{
		{
			ID: "dify-1.11.0-init-permissions", App: Dify, At: "1.11.0",
			Title: "A one-shot service, init_permissions, runs before the API",
			Text: "It hands the storage folder to user 1001 and exits; `api`, `worker` and `worker_beat` wait until it has succeeded. " +
				"Its state `Exited (0)` is as it should be.",
			Duty: Services, Risks: []Risk{APIRisk}, Level: Low, Back: BackImages,
			Touches: []Touch{{NoService: "init_permissions", Text: "so that nothing hands the storage folder to user 1001"}},
			Do:      []Action{{When: BeforeMerge, Text: takeOver}},
			Sources: []string{difyPulls + "29297", difyCompose},
		},
		{
			ID: "dify-1.13.1-celery-queues", App: Dify, At: "1.13.1",
			Title: "A custom CELERY_QUEUES must name the queue of workflow-based apps",
			Text: "Workflow-based apps run on the queue `workflow_based_app_execution`. A list of your own that lacks it leaves their runs waiting for ever. " +
				"Where `ENABLE_API_TOKEN_LAST_USED_UPDATE_TASK` is `true` the list needs `api_token` too.",
			Duty: Settings, Risks: []Risk{APIRisk}, Level: High, Back: BackImages, OnlyIf: true,
			Touches: []Touch{
				{Key: "CELERY_QUEUES", Is: Lacks, Value: "workflow_based_app_execution", Text: "so that runs of workflow-based apps are never taken up"},
				{Key: "CELERY_QUEUES", Is: Lacks, Value: "api_token", Text: "which is needed where `ENABLE_API_TOKEN_LAST_USED_UPDATE_TASK` is `true`"},
			},
			Do:      []Action{{When: BeforeMerge, Text: "add `workflow_based_app_execution`, and `api_token` where it applies, to `CELERY_QUEUES`"}},
			Sources: []string{difyReleases + "1.13.1", difyReleases + "1.13.2"},
		},
		{
			ID: "dify-1.13.3-plugin-daemon-back", App: Dify, At: "1.13.3", Before: "1.14.0",
			Title: "The plugin daemon that is shipped goes back from 0.5.4 to 0.5.3",
			Text: "1.13.1 and 1.13.2 ship `0.5.4-local`, 1.13.3 ships `0.5.3-local`. With the wrong pair the API and the daemon disagree about a request and the daemon answers 400. " +
				"The daemon's tables have no version, so that it does not notice a database that a newer one has changed.",
			Duty: Watch, Risks: []Risk{DependencyRisk}, Level: Medium, Back: BackRestore,
			Do:      []Action{{When: BeforeMerge, Text: "use the daemon's tag that the release ships, although it is the lower one"}},
			Sources: []string{difyIssues + "34431", difyIssues + "35125", difyCompose},
		},
		{
			ID: "dify-1.14.1-env-split", App: Dify, At: "1.14.1",
			Title: "The env file is split: most keys move to docker/envs",
			Text: "`.env.example` shrinks from 721 keys to 224; the others are in `docker/envs/**/*.env.example` now and four are really gone. What `.env` sets still wins. " +
				"The compose file lists env files that need not exist, which Docker Compose before 2.24 cannot read.",
			Duty: Settings, Risks: []Risk{APIRisk}, Level: Medium, Back: BackImages,
			Do: []Action{
				{When: BeforeMerge, Text: "compare with `.env.example` and the files of `docker/envs` together; a key that only moved must not be deleted"},
				{When: BeforeStart, Text: "have Docker Compose 2.24 or newer on the host"},
			},
			Sources: []string{difyPulls + "31586", "docker/README.md of langgenius/dify at 1.16.1", difyExamples},
		},
		{
			ID: "dify-1.14.1-secret-key", App: Dify, At: "1.14.1",
			Title: "SECRET_KEY has no default any more",
			Text: "Up to 1.14.0 the compose file supplied a public key where `.env` set none. From here on Dify makes a random one and keeps it in the storage folder as `.dify_secret_key`: " +
				"all sessions, access tokens and signed addresses from before become invalid.",
			Duty: Settings, Risks: []Risk{DataRisk}, Level: High, Back: BackImages, OnlyIf: true,
			Touches: []Touch{{Key: "SECRET_KEY", Is: Empty, Text: "so that a new random key takes the place of the public one that was in use"}},
			Do: []Action{
				{When: BeforeMerge, Text: "set `SECRET_KEY` to the key in use to keep what was signed with it, and plan to replace it if that is the public default"},
			},
			Sources: []string{"api/configs/secret_key.py of langgenius/dify at 1.16.1", difyExamples},
		},
		{
			ID: "dify-1.14.1-websocket", App: Dify, At: "1.14.1",
			Title: "A new service, api_websocket, starts only with profile collaboration",
			Text: "Collaboration is on by default and needs `api_websocket`, a further container of the API's image. The example's `COMPOSE_PROFILES` gains `collaboration`; an older `.env` keeps the old list, " +
				"and with it the container never starts.",
			Duty: Services, Risks: []Risk{APIRisk}, Level: Medium, Back: BackImages,
			Touches: []Touch{
				{NoService: "api_websocket", Text: "which collaboration needs"},
				{Key: "COMPOSE_PROFILES", Is: Lacks, Value: "collaboration", Text: "without which `api_websocket` does not start"},
			},
			Do: []Action{
				{When: BeforeMerge, Text: takeOver},
				{When: BeforeMerge, Text: "add `collaboration` to `COMPOSE_PROFILES`, or set `ENABLE_COLLABORATION_MODE` to `false`"},
			},
			Sources: []string{difyCompose, difyExamples},
		},
	}
}

func difyGatesFrom115() []Gate {
	return []Gate{
		{
			ID: "dify-1.15.0-backfill", App: Dify, At: "1.15.0",
			Title: "Settings for automatic plugin upgrades must be carried over by a command",
			Text: "1.15.0 brings 24 migrations and keeps the settings for automatic upgrades per category of plugins. After the migration, and not before, a command has to carry the old ones over; " +
				"without it they are lost to the users. Statements that correct old values of `model_type` are said to be needed as well: see the discussion.",
			Duty: Command, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: AfterStart, Text: "carry the settings over, after the migration of the database", Command: "docker compose exec api flask backfill-plugin-auto-upgrade"},
				{When: AfterStart, Text: "read in the discussion whether values of `model_type` must be corrected in your database"},
			},
			Sources: []string{difyReleases + "1.15.0", "https://github.com/langgenius/dify/discussions/39009", "https://github.com/langgenius/dify/discussions/39678"},
		},
		{
			ID: "dify-1.16.0-agent-services", App: Dify, At: "1.16.0",
			Title: "Two new services, agent_backend and local_sandbox, carry the release's own tag",
			Text: "Agents run in `agent_backend` and `local_sandbox`, whose images must have the tag of the API. The token between the two is empty in the example: it is called `DIFY_AGENT_SHELLCTL_AUTH_TOKEN` in 1.16.0 and 1.16.1, " +
				"and `DIFY_AGENT_LOCAL_SANDBOX_AUTH_TOKEN` in Dify's documents for later releases. `DIFY_AGENT_SERVER_SECRET_KEY` has a public default.",
			Duty: Services, Risks: []Risk{APIRisk, DependencyRisk}, Level: High, Back: BackImages,
			Touches: []Touch{
				{NoService: "agent_backend", Text: "which runs the agents"},
				{NoService: "local_sandbox", Text: "in which agents execute commands"},
				{Key: "DIFY_AGENT_SERVER_SECRET_KEY", Is: Unset, Text: "so that the public default is in force"},
			},
			Do: []Action{
				{When: BeforeMerge, Text: takeOver},
				{When: BeforeMerge, Text: "set the token of the local sandbox and `DIFY_AGENT_SERVER_SECRET_KEY` to random values of your own"},
			},
			Sources: []string{difyReleases + "1.16.0", difyCompose, difyExamples},
		},
		{
			ID: "dify-1.16.1-agent-proxy", App: Dify, At: "1.16.1",
			Title: "A new service, agent_ssrf_proxy, stands between agents and the network",
			Text:  "Outgoing requests of agents pass a proxy of their own, which keeps them away from the internal network. Without the service agents have no way out, or an unguarded one.",
			Duty:  Services, Risks: []Risk{APIRisk}, Level: Medium, Back: BackImages,
			Touches: []Touch{{NoService: "agent_ssrf_proxy", Text: "through which agents reach the network"}},
			Do:      []Action{{When: BeforeMerge, Text: takeOver}},
			Sources: []string{difyReleases + "1.16.1", difyCompose},
		},
		{
			ID: "dify-1.17.0-renamed-keys", App: Dify, At: "1.17.0",
			Title: "EDITION and the agent's SHELLCTL keys are said to have new names",
			Text: "`EDITION` is said to be called `DEPLOYMENT_EDITION` from 1.17.0, and the keys `DIFY_AGENT_SHELLCTL_*` are called `DIFY_AGENT_LOCAL_SANDBOX_*` in the source after 1.16.1. " +
				"This was not read from the release itself: compare its example files.",
			Duty: Settings, Risks: []Risk{APIRisk}, Level: Medium, Back: BackImages, OnlyIf: true,
			Touches: []Touch{
				{Key: "EDITION", Is: Set, Text: "which is said to be called `DEPLOYMENT_EDITION`"},
				{Key: "DIFY_AGENT_SHELLCTL_AUTH_TOKEN", Is: Set, Text: "which is called `DIFY_AGENT_LOCAL_SANDBOX_AUTH_TOKEN`"},
				{Key: "DIFY_AGENT_SHELLCTL_ENTRYPOINT", Is: Set, Text: "which is said to be called `DIFY_AGENT_LOCAL_SANDBOX_ENTRYPOINT`"},
			},
			Do:      []Action{{When: BeforeMerge, Text: "compare your keys with the example files of the release"}},
			Sources: []string{"secondhand: third-party notes on 1.17.0", "docker/.env.example of langgenius/dify after 1.16.1"},
		},
		{
			ID: "dify-1.17.1-weaviate-ladder", App: Dify, At: "1.17.1",
			Title: "Weaviate must climb from 1.27 to 1.39 one minor version at a time first",
			Text: "The release ships Weaviate 1.39.2 in place of 1.27.0. Weaviate neither tests nor supports leaving out minor versions, and each may rewrite what is on disk, expecting that the one before has run. " +
				"Dify's guide leads through every minor version at its last patch; only a new, empty data folder needs none of it.",
			Duty: Stop, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{
				{App: Weaviate, Text: "whose data cannot cross from 1.27 to 1.39 in one step"},
				{Key: "VECTOR_STORE", Is: Equals, Value: "weaviate", Text: "whose data cannot cross from 1.27 to 1.39 in one step"},
			},
			Do: []Action{
				{When: BeforeMerge, Text: "keep Weaviate at its present tag in this change, and raise it by changes of its own, one minor version each"},
				{When: BeforeStart, Text: "back up the data folder of Weaviate with the server stopped, before each of them"},
			},
			Sources: []string{difyWeaviate, difyPulls + "38214"},
		},
		{
			ID: "dify-1.18.0-agents", App: Dify, At: "1.18.0",
			Title: "API, workers and agent images must move together, and the sandbox needs a token",
			Text: "The agent backend speaks a new protocol, so that the API, the workers and both agent images have to be of one release. A local sandbox refuses an empty token. " +
				"`PASSWORD_PEPPER` must stay as it is: it is part of every stored password. A new `difyctl` is needed, and signing in with it anew.",
			Duty: Settings, Risks: []Risk{APIRisk, DataRisk}, Level: High, Back: BackRestore,
			Touches: []Touch{
				{Key: "DIFY_AGENT_LOCAL_SANDBOX_AUTH_TOKEN", Is: Empty, Text: "and the local sandbox refuses an empty token"},
				{Key: "PASSWORD_PEPPER", Is: Set, Text: "which must keep its value"},
			},
			Do: []Action{
				{When: BeforeMerge, Text: "give `dify-api`, `dify-web`, `dify-agent-backend` and `dify-agent-local-sandbox` the same tag"},
				{When: BeforeMerge, Text: "set `DIFY_AGENT_LOCAL_SANDBOX_AUTH_TOKEN` to a random value"},
				{When: AfterStart, Text: "install the `difyctl` of this release where one is used, and sign in again"},
			},
			Sources: []string{difyReleases + "1.18.0", "https://github.com/langgenius/dify/discussions/44607", "https://docs.dify.ai/en/cli/upgrade-across-1-18"},
		},
	}
}
