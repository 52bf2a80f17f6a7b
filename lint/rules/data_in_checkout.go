package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/lint"
)

// dataInCheckout finds data in the folder in which a self-hosted runner of GitHub checks
// repositories out: _work beside the runner, with a folder for each (actions/runner,
// docs/design/runnerworkfolder).
func dataInCheckout() *lint.Rule {
	return &lint.Rule{
		ID:       "data-in-checkout",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "Data lies in the runner's working folder",
			Why: "A self-hosted runner checks every repository out below its folder `_work`, and `actions/checkout` removes there\n" +
				"what git does not track: with the next job the data of a bind mount is gone. A stack belongs into a folder of its\n" +
				"own, which `deploy:` in belay.yml names; Belay refuses to upgrade one that lies below `_work`.",
			Bad: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:17
    volumes:
      - /home/runner/actions-runner/_work/shop/shop/data:/var/lib/postgresql/data
`,
			Good: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:17
    volumes:
      - /srv/shop/data:/var/lib/postgresql/data
`,
		},
		Check: checkDataInCheckout,
	}
}

func checkDataInCheckout(p *lint.Pass) {
	for _, svc := range p.Stack.Services {
		for _, m := range svc.Config.Volumes {
			if m.Type != types.VolumeTypeBind || m.ReadOnly || !path.IsAbs(m.Source) {
				continue
			}
			if slices.Contains(strings.Split(path.Clean(m.Source), "/"), "_work") {
				p.Report(svc.MountAt(m.Target), svc, "move the folder out of the runner's, with what is in it",
					"%s writes to the working folder of a runner, where a checkout removes what git does not track", svc.Name)
			}
		}
	}
}
