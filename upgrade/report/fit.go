package report

// detail is how much of a run is shown.
type detail struct {
	lines  int  // of each output and log
	tables int  // that differ, of each database
	rows   int  // of any other list
	folds  bool // outputs and logs are there at all
}

// details are tried one after the other until the result fits; with the last,
// sections are left out too.
var details = [...]detail{
	{1000, 1000, 2000, true}, {60, 200, 500, true}, {20, 60, 200, true}, {10, 20, 80, true}, {5, 8, 40, true}, {0, 4, 25, false}, {0, 1, 8, false},
}

// section is a part of a report that may be left out for length.
type section struct {
	title string
	write func(*page, *Run)
}

// sections in their order.
var sections = [...]section{
	{"Services", func(m *page, r *Run) { m.services(r.Services) }},
	{"Files", func(m *page, r *Run) { m.files(r.Files) }},
	{"Databases", func(m *page, r *Run) { m.databases(r.Databases) }},
	{"Volumes", func(m *page, r *Run) { m.volumes(r.Volumes) }},
	{"Applications", func(m *page, r *Run) { m.facts(r.Facts) }},
	{"Probes", func(m *page, r *Run) { m.probes(r.Probes) }},
	{"Commands", func(m *page, r *Run) { m.commands(r.Commands) }},
	{"Last lines of what did not get well", func(m *page, r *Run) { m.logs(r.Logs) }},
	{"New error lines", func(m *page, r *Run) { m.logs(r.Errors) }},
	{"Downtime", func(m *page, r *Run) { m.downtime(r.Downtime) }},
	{"Steps", func(m *page, r *Run) { m.steps(r.Steps) }},
	{"Resources", func(m *page, r *Run) { m.stats(r.Stats) }},
	{"Backups", func(m *page, r *Run) { m.backups(r.Backups) }},
}

// least leaves out the sections that have no room, the last first; where not
// even what decides has room, all but the verdict.
func least(r *Run, o Options) string {
	d := details[len(details)-1]
	without := map[string]bool{}
	for _, s := range sections {
		without[s.title] = true
	}
	best := whole(r, o, d, without)
	if !o.fits(best) {
		m := &page{o: o}
		m.title(r)
		return m.String()
	}
	for _, s := range sections {
		without[s.title] = false
		if more := whole(r, o, d, without); o.fits(more) {
			best = more
		} else {
			without[s.title] = true
		}
	}
	return best
}

// fits reports whether s keeps to the limit.
func (o Options) fits(s string) bool {
	if o.Bytes {
		return len(s) <= o.Limit
	}
	units := 0
	for _, c := range s {
		if units++; c >= 0x10000 {
			units++
		}
	}
	return units <= o.Limit
}

// where what was left out can be seen.
func (o Options) where() string {
	if address(o.More) != "" {
		return "in the whole report"
	}
	return "left out for length"
}
