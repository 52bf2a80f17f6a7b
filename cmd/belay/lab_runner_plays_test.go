package main

import (
	"slices"
	"strings"

	"github.com/belaystack/belay/release/github/githubtest"
)

// The image that these plays move, and its versions.
const (
	labImage  = "langgenius/dify-api"
	labOld    = "1.13.3"
	labNew    = "1.14.1"
	labBroken = "1.14.0-failmigrate"
)

// merged: a pull request is checked and merged, the stack is upgraded, and the repository
// learns of it. What it learns is merged too, which starts nothing.
func (l *labRunner) merged() {
	l.propose(1, labImage, labOld, labNew)
	l.workflow()
	end := l.does(0, "pull_request", "command=check", "upstream-api="+l.github.URL)
	l.says(l.commentOn(1, 0), labNew)
	if end.outputs["comment"] != "posted" {
		l.Errorf("outputs of the check: %v", end.outputs)
	}
	merge := l.merge(1)
	l.workflow()
	end = l.does(0, "push", "command=upgrade")
	l.upgraded(labNew)
	for name, want := range map[string]string{"result": "done", "run-id": "", "backup": "", "downtime-seconds": "", "report": ""} {
		if got := end.outputs[name]; got == "" || want != "" && got != want {
			l.Errorf("output %s is %q", name, got)
		}
	}
	l.says(end.summary, labImage+":"+labNew, "done")
	l.says(l.commentOn(1, 1), end.outputs["run-id"], labNew, end.outputs["backup"])
	l.deployed(1, merge, "in_progress", "success")
	if issues := l.github.Issues(labRepo); len(issues) > 0 {
		l.Errorf("issues: %+v", issues)
	}
	record := l.proposal("Record what runs in shop")
	l.says(record.Files["docker-compose.yml"].Content, "belay", labImage+":"+labNew)
	if got := record.Files["docker-compose.yml"].Content; got != l.read("docker-compose.yml") {
		l.Errorf("the host has another file than the record:\n%s", differs(got, l.read("docker-compose.yml")))
	}
	l.says(record.Message, "Belay-Run: "+end.outputs["run-id"])

	before := l.containers()
	pulls := len(l.github.Pulls(labRepo))
	l.merge(l.lastPull().Number)
	l.workflow()
	end = l.does(0, "push", "command=upgrade")
	if end.outputs["result"] != "nothing" || l.containers() != before || len(l.github.Pulls(labRepo)) != pulls {
		l.Errorf("the record was merged: %v\n%s\n%s", end.outputs, differs(before, l.containers()), end.log)
	}
	l.upgraded(labNew)
}

// broken: a version that fails is taken back, and a person hears of it, once. What they
// merge then ends it.
func (l *labRunner) broken() {
	before, file := l.world(), l.read("docker-compose.yml")
	bad := l.pushed(1, labImage, labOld, labBroken)
	l.workflow()
	end := l.does(exitRolledBack, "push", "command=upgrade")
	l.same(before, end.log)
	if end.outputs["result"] != "rolled-back" {
		l.Errorf("outputs: %v", end.outputs)
	}
	l.deployed(1, bad, "in_progress", "failure")
	issue := l.issue(false)
	l.says(issue.Title, "upgrade of shop failed and was rolled back")
	l.says(issue.Body, end.outputs["run-id"], labBroken)
	l.says(l.commentOn(1, 0), end.outputs["run-id"], "rolled")
	if got := l.proposal("Go back to what runs in shop").Files["docker-compose.yml"].Content; got != file {
		l.Errorf("the way back brings another file:\n%s", differs(file, got))
	}
	revert := l.lastPull().Number

	l.workflow()
	end = l.does(exitRefused, "push", "command=upgrade")
	l.says(end.log, "this was tried in run")
	l.deployed(2, bad, "in_progress", "error")
	if again := l.issue(false); again.Body != issue.Body || len(l.github.Comments()) != 1 {
		l.Errorf("told again: %+v %+v", again, l.github.Comments())
	}
	l.same(before, end.log)

	l.merge(revert)
	l.workflow()
	end = l.does(0, "push", "command=upgrade")
	if end.outputs["result"] != "nothing" {
		l.Errorf("the way back was merged: %v\n%s", end.outputs, end.log)
	}
	l.same(before, end.log)
	l.pushed(9, labImage, labOld, labNew)
	l.workflow()
	l.does(0, "push", "command=upgrade")
	l.upgraded(labNew)
	l.issue(true)
}

// back: a person takes one service back, and a whole run with its data.
func (l *labRunner) back() {
	const proxy = "nginx"
	l.pushed(1, proxy, "1.28.0-alpine", "1.29.0-alpine")
	l.workflow()
	l.does(0, "push", "command=upgrade")
	l.runsOn(proxy+":1.29.0-alpine", "proxy")
	l.write3()
	l.workflow()
	end := l.does(0, "workflow_dispatch", "command=rollback", "service=proxy", "version=1.28.0-alpine")
	l.runsOn(proxy+":1.28.0-alpine", "proxy")
	l.script("inert")
	if n := l.written(); n != "3" {
		l.Errorf("%s of 3 rows are there", n)
	}
	l.says(l.proposal("Go back to what runs in shop").Files["docker-compose.yml"].Content, "image: "+proxy+":1.28.0-alpine\n")
	if end.outputs["result"] != "done" {
		l.Errorf("outputs: %v", end.outputs)
	}

	l.merge(l.lastPull().Number)
	l.workflow()
	l.does(0, "push", "command=upgrade")
	others := append([]string{"tables postgres dify audit.counts "}, recordBlock...) // a view had not seen the rows that were written
	before := l.world(others...)
	l.pushed(11, labImage, labOld, labNew)
	l.workflow()
	end = l.does(0, "push", "command=upgrade")
	l.upgraded(labNew)
	l.write3()
	l.workflow()
	l.says(l.does(exitRefused, "workflow_dispatch", "command=rollback", "run="+end.outputs["run-id"]).log, "rows were written since")
	l.upgraded(labNew)
	l.workflow()
	end = l.does(0, "workflow_dispatch", "command=rollback", "run="+end.outputs["run-id"], "accept-data-loss=true")
	l.upgraded(labOld)
	l.same(before, end.log, others...)
	l.says(l.proposal("Go back to what runs in shop").Files["docker-compose.yml"].Content, "image: "+labImage+":"+labOld+"\n")
	l.deployed(6, l.head(), "in_progress", "success")
}

// approved: a push only plans; what a person approves by its hash is done, once.
func (l *labRunner) approved() {
	before := l.world()
	merge := l.pushed(1, labImage, labOld, labNew)
	l.workflow()
	end := l.does(exitWaiting, "push", "command=upgrade")
	hash := end.outputs["plan-hash"]
	if end.outputs["result"] != "waiting" || !hashRE.MatchString(hash) {
		l.Fatalf("outputs: %v", end.outputs)
	}
	l.says(end.summary, hash, labImage+":"+labNew)
	l.says(l.commentOn(1, 0), hash, labNew)
	l.deployed(1, merge, "in_progress", "inactive")
	l.workflow()
	end = l.does(exitWaiting, "workflow_dispatch", "command=upgrade", "plan-hash="+strings.Repeat("0", 64))
	l.says(end.log, "what was approved is another plan")
	l.same(before, end.log)
	l.workflow()
	end = l.does(0, "workflow_dispatch", "command=upgrade", "plan-hash="+hash)
	l.upgraded(labNew)
	if end.outputs["result"] != "done" || end.outputs["plan-hash"] != hash {
		l.Errorf("outputs: %v", end.outputs)
	}
	l.deployed(3, merge, "in_progress", "success")
	was := l.containers()
	l.workflow()
	end = l.start("workflow_dispatch", "command=upgrade", "plan-hash="+hash).wait()
	if end.code != exitWaiting && (end.code != 0 || end.outputs["result"] != "nothing") || l.containers() != was {
		l.Errorf("the same hash again: %d %v\n%s", end.code, end.outputs, end.log)
	}
}

// held: later steps of a job give the verdict, or nobody does, which the next job tells.
func (l *labRunner) held() {
	before := l.world()
	merge := l.pushed(1, labImage, labOld, labNew)
	hold := func(time string) labEnd {
		l.Helper()
		l.workflow()
		end := l.does(0, "push", "command=upgrade", "retry=true", "hold="+time)
		if end.outputs["result"] != "held" {
			l.Errorf("outputs: %v\n%s", end.outputs, end.log)
		}
		return end
	}
	end := hold("10m")
	if l.answers() {
		l.Error("a stack that is held closed answers the outside")
	}
	l.says(l.compose("exec", "-T", "dify-worker", "curl", "-fsS", "http://dify-api:5001/health"), labNew)
	l.deployed(1, merge, "in_progress", "in_progress")
	end = l.does(0, "push", "command=rollback", "run="+end.outputs["run-id"])
	l.same(before, end.log)
	l.deployed(2, merge, "in_progress", "success")
	l.states(0, "in_progress", "in_progress", "failure")

	hold("2s")
	l.rests("upgrade")
	l.same(before, "no verdict")
	l.states(2, "in_progress", "in_progress")
	l.workflow()
	l.does(0, "workflow_dispatch", "command=status") // it tells nothing, and leaves that to others
	l.workflow()
	end = l.does(0, "workflow_dispatch", "command=recover")
	l.says(end.log, "which no job waited for: rolled-back")
	l.states(2, "in_progress", "in_progress", "failure")
	l.says(l.issue(false).Title, "failed and was rolled back")
	l.says(l.commentOn(1, 0), "no verdict until")

	hold("10m")
	end = l.does(0, "push", "command=commit")
	l.upgraded(labNew)
	if end.outputs["result"] != "done" {
		l.Errorf("outputs: %v\n%s", end.outputs, end.log)
	}
	l.deployed(4, merge, "in_progress", "in_progress", "success")
	l.issue(true)
	l.says(l.proposal("Record what runs in shop").Files["docker-compose.yml"].Content, labImage+":"+labNew)
}

// upgraded fails unless the stack runs on a version, is whole, and answers.
func (l *labRunner) upgraded(version string) {
	l.Helper()
	l.runsOn(labImage+":"+version, "dify-api", "dify-worker")
	l.script("inert")
	if !l.answers() {
		l.Error("the stack does not answer")
	}
}

// containers tells the stack's containers apart, and when each was started.
func (l *labRunner) containers() string {
	l.Helper()
	out, _ := l.labStack.run("docker", append([]string{"inspect", "--format", "{{ .Name }} {{ .Id }} {{ .State.StartedAt }}"}, strings.Fields(l.compose("ps", "-aq"))...)...)
	return out
}

// commentOn gives the n-th comment on a pull request.
func (l *labRunner) commentOn(pull, n int) string {
	l.Helper()
	var found []string
	for _, c := range l.github.Comments() {
		if c.Pull == pull {
			found = append(found, c.Body)
		}
	}
	if len(found) != n+1 {
		l.Fatalf("%d comments on %d, want %d:\n%s", len(found), pull, n+1, strings.Join(found, "\n---\n"))
	}
	return found[n]
}

// deployed fails unless there are so many deployments, the last one of a commit with these
// states one after the other, each with a link to its log.
func (l *labRunner) deployed(number int, commit string, states ...string) {
	l.Helper()
	all := l.github.Deployments(labRepo)
	if len(all) != number {
		l.Fatalf("%d deployments, want %d: %+v", len(all), number, all)
	}
	d := all[number-1]
	if d.SHA != commit || d.Environment != "shop" {
		l.Errorf("deployment of %s to %s, want %s", d.SHA, d.Environment, commit)
	}
	l.states(number-1, states...)
}

// states fails unless a deployment has these, one after the other, each with a link to its
// log.
func (l *labRunner) states(n int, states ...string) {
	l.Helper()
	d := l.github.Deployments(labRepo)[n]
	var got []string
	for _, s := range d.Statuses {
		got = append(got, s.State)
		if !strings.HasPrefix(s.LogURL, "https://github.com/"+labRepo+"/actions/runs/") {
			l.Errorf("a log at %q", s.LogURL)
		}
	}
	if !slices.Equal(got, states) {
		l.Errorf("deployment %d: %v, want %v", n, got, states)
	}
}

// issue gives the only one, which is closed or not.
func (l *labRunner) issue(closed bool) githubtest.Issue {
	l.Helper()
	all := l.github.Issues(labRepo)
	if len(all) != 1 || all[0].Closed != closed {
		l.Fatalf("issues: %+v", all)
	}
	return all[0]
}

func (l *labRunner) lastPull() githubtest.Pull {
	l.Helper()
	all := l.github.Pulls(labRepo)
	return all[len(all)-1]
}

// proposal gives the commit of the last pull request, which Belay opened under this title.
func (l *labRunner) proposal(title string) githubtest.Commit {
	l.Helper()
	p := l.lastPull()
	if p.Title != title || p.Author != "github-actions[bot]" || p.Closed || p.Base != "main" {
		l.Fatalf("the last pull request is %+v, want %s", p, title)
	}
	return l.github.Commit(labRepo, p.HeadBranch)
}
