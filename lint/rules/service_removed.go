package rules

import (
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
)

// serviceRemoved finds services with data that a change takes out of the
// stack, or gives another name.
func serviceRemoved() *lint.Rule {
	return &lint.Rule{
		ID:        "service-removed",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "A service with data is gone",
			Why: "docker compose leaves the container of a service that is no longer in the file running, with the data it has.\n" +
				"Under a new name the service starts as a second container: two servers on one data folder damage it. This is\n" +
				"what Dify 1.10.1 did when `db` became `db_postgres`. Other services keep looking for the old name. Services\n" +
				"without a volume are not reported.",
			Bad: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:15-alpine
    volumes:
      - ./volumes/db/data:/var/lib/postgresql/data
-- compose.yaml --
name: shop
services:
  db_postgres:
    image: postgres:15-alpine
    volumes:
      - ./volumes/db/data:/var/lib/postgresql/data
`,
			Good: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:15-alpine
    volumes:
      - ./volumes/db/data:/var/lib/postgresql/data
  proxy:
    image: nginx:1.28.0
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:15-alpine
    volumes:
      - ./volumes/db/data:/var/lib/postgresql/data
`,
		},
		Check: checkServiceRemoved,
	}
}

func checkServiceRemoved(p *lint.Pass) {
	if len(p.Stack.Services) == 0 || len(p.Stack.Files) == 0 {
		return // the stack could not be read: its problems say so
	}
	for _, old := range p.Base.Services {
		if p.Stack.Service(old.Name) != nil || !hasData(p, old) {
			continue
		}
		sev := p.Rule.Severity
		if !old.Enabled && !old.Perhaps {
			sev = lint.Note
		}
		now := successor(p, old)
		if now == nil {
			f := p.ReportAs(sev, p.Stack.Files[0].Start(), nil,
				"back its data up, stop and remove its container by hand, and take it out in a change of its own",
				"service %s is gone, and it had data: its container goes on running with the volumes it has", old.Name)
			f.Service = old.Name
			continue
		}
		f := p.ReportAs(sev, now.Key, nil, "stop and remove the container of "+old.Name+" before "+now.Name+
			" starts, and look for "+old.Name+" in the settings of other services",
			"service %s seems to be called %s now (the same image): the old container goes on running on the same data", old.Name, now.Name)
		f.Service = now.Name
	}
}

// successor is what became of the service old of the base: the service of the
// same name, else the only new one with the same image, which is a guess.
func successor(p *lint.Pass, old *compose.Service) *compose.Service {
	if svc := p.Stack.Service(old.Name); svc != nil {
		return svc
	}
	name := familiar(old)
	var found *compose.Service
	for _, svc := range p.Stack.Services {
		if name == "" || familiar(svc) != name || p.Base.Service(svc.Name) != nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = svc
	}
	return found
}

// familiar is the name of the service's image without tag, or "".
func familiar(svc *compose.Service) string {
	ref, err := image.Parse(svc.Image.Reveal())
	if err != nil {
		return ""
	}
	return ref.Familiar()
}

// hasData reports whether svc keeps data outside its container: in a volume,
// or in a folder where its image is known to keep some.
func hasData(p *lint.Pass, svc *compose.Service) bool {
	for _, m := range svc.Config.Volumes {
		if m.Type == types.VolumeTypeVolume && m.Source != "" || m.Type == types.VolumeTypeBind && holdsData(p, svc, m.Target) {
			return true
		}
	}
	return false
}
