package main

import (
	"os"
	"path/filepath"
	"strings"
)

// refused: what the Action turns down on the host, with nothing changed there. Each case
// spoils one thing, and what it spoilt is mended afterwards.
func (l *labRunner) refused() {
	old := l.head()
	l.pushed(1, "nginx", "1.28.0-alpine", "1.29.0-alpine")
	l.workflow()
	l.does(0, "push", "command=upgrade")
	l.script("inert")
	own := []string{"files stack ./belay.yml ", "files stack ./docker-compose.yml "} // when they were written: here
	before, deployments := l.world(own...), 1
	config, file := l.read("belay.yml"), l.read("docker-compose.yml")
	missing, other := filepath.Join(l.TempDir(), "nowhere"), l.TempDir()
	bound := filepath.Join(l.ws, "uploads")
	for _, c := range []struct {
		name        string
		spoil, mend func()
		says        []string
	}{
		{"another project", func() {
			l.edit("docker-compose.yml", "x-dify-env: &dify-env", "name: other\nx-dify-env: &dify-env")
			l.commit("main", "another name")
		}, func() {
			l.edit("docker-compose.yml", "name: other\n", "")
			l.commit("main", "the old name")
		}, []string{"gives the project another name", "found " + filepath.Base(l.dir) + ", needed other"}},
		{"an old job again", func() { l.checkout(old) }, func() { l.checkout("main") }, []string{"does not come after what is deployed", "belay rollback"}},
		{"a second state", func() { l.write("belay.yml", strings.Replace(config, l.state, other, 1)) }, func() { l.write("belay.yml", config) }, []string{"its state is in", l.state}},
		{"no state folder", func() { l.write("belay.yml", strings.Replace(config, l.state, missing, 1)) }, func() { l.write("belay.yml", config) }, []string{missing, "mkdir -p -m 700 " + missing}},
		{"data in the checkout", func() {
			l.write("docker-compose.yml", strings.Replace(file, "- dify_storage:/app/api/storage\n", "- dify_storage:/app/api/storage\n      - "+bound+":/app/api/more\n", 1))
			l.compose("up", "-d", "--wait")
		}, func() {
			l.write("docker-compose.yml", file)
			l.compose("up", "-d", "--wait")
			if err := os.Remove(bound); err != nil {
				l.Fatal(err)
			}
		}, []string{"in the runner's working folder", bound, "deploy: /srv/shop"}},
	} {
		c.spoil()
		spoilt := l.containers()
		l.workflow()
		end := l.start("push", "command=upgrade").wait()
		if end.code != exitRefused || end.outputs["result"] != "" && end.outputs["result"] != "refused" || l.containers() != spoilt {
			l.Errorf("%s: exit code %d, %v\n%s", c.name, end.code, end.outputs, end.log)
		}
		l.says(strings.Join(strings.Fields(end.log), " "), c.says...)
		deployments++
		l.deployed(deployments, l.head(), "in_progress", "error")
		c.mend()
	}
	l.same(before, "refused", own...)
}
