package report

import (
	"fmt"
	"math"
	"time"
)

// Measures of the drawings, in units of their view boxes.
const (
	nameWidth  = 140.0 // of the names at the left
	trackWidth = 560.0 // of the time line
	noteWidth  = 190.0 // of what stands at the right of it
	rowHeight  = 24.0
	barHeight  = 12.0
	headHeight = 26.0 // above the first row
	footHeight = 22.0 // below the last
	leastBar   = 2.0  // a bar that is shorter would not show

	panelWidth = 350.0 // memory, CPU
	usageWidth = 180.0 // of the longest bar in it
)

// px is a coordinate as it is written.
type px float64

// String writes no more digits than show; what is no number is 0.
func (p px) String() string {
	if f := float64(p); math.IsNaN(f) || math.IsInf(f, 0) {
		return "0"
	}
	return fmt.Sprintf("%.1f", float64(p))
}

// stroke is a bar or a band, W wide from X on; a W of 0 is not drawn.
type stroke struct{ X, W px }

// timeline is the drawing of the steps.
type timeline struct {
	Width, Height, Top, Bottom px
	Tall                       px // of all rows
	Rows                       []timeRow
	Ticks                      []tick
	Down                       stroke
	DownAt                     px // middle of its label
	DownLabel                  string
}

type timeRow struct {
	Name, State, Label string
	Line, Bar          px // where text stands and where the bar begins, from the top
	Do, Undo           stroke
}

type tick struct {
	X     px
	Label string
}

// intervals between two ticks of a time line.
var intervals = [...]time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
	5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// maxTicks are as many as have room below a time line.
const maxTicks = 7

// scale puts moments on the time line.
type scale struct{ from, to time.Time }

// see widens the scale to a moment.
func (s *scale) see(all ...time.Time) {
	for _, t := range all {
		if t.IsZero() {
			continue
		}
		if s.from.IsZero() || t.Before(s.from) {
			s.from = t
		}
		if t.After(s.to) {
			s.to = t
		}
	}
}

func (s *scale) at(t time.Time) px {
	return nameWidth + px(trackWidth*float64(t.Sub(s.from))/float64(s.to.Sub(s.from)))
}

// stroke gives the bar of a span; one without an end goes on to the right edge.
func (s *scale) stroke(from, to time.Time) stroke {
	if from.IsZero() {
		return stroke{}
	}
	if to.IsZero() {
		to = s.to
	}
	x, end := s.at(from), s.at(to)
	x = min(x, nameWidth+trackWidth-leastBar)
	return stroke{x, max(end-x, leastBar)}
}

// timelineOf gives the drawing of a run, nil where no time passed in a step.
func timelineOf(r *Run) *timeline {
	var s scale
	for _, step := range r.Steps {
		s.see(step.Started, step.Ended, step.Undo.From, step.Undo.To)
	}
	if s.from.IsZero() || !s.to.After(s.from) {
		return nil
	}
	if r.Downtime != nil {
		s.see(r.Downtime.From, r.Downtime.To)
	}
	l := &timeline{Width: nameWidth + trackWidth + noteWidth, Top: headHeight}
	y := px(headHeight)
	for _, step := range r.Steps {
		label := between(step.Started, step.Ended)
		if u := undone(step); u != "" {
			label += ", undo " + u
		}
		if step.Started.IsZero() {
			label = stepWord(step)
		}
		l.Rows = append(l.Rows, timeRow{Name: clean(step.Name, 18), State: string(step.State), Label: clean(label, 30), Line: y + 16, Bar: y + (rowHeight-barHeight)/2,
			Do: s.stroke(step.Started, step.Ended), Undo: s.stroke(step.Undo.From, step.Undo.To)})
		y += rowHeight
	}
	l.Bottom, l.Tall, l.Height = y, y-headHeight, y+footHeight
	l.ticks(s)
	if d := r.Downtime; d != nil {
		l.Down = s.stroke(d.From, d.To)
		l.DownLabel = "down for " + between(d.From, d.To)
		if d.To.IsZero() {
			l.DownLabel = "still down"
		}
		half := px(4 * len(l.DownLabel))
		l.DownAt = min(max(l.Down.X+l.Down.W/2, nameWidth+half), nameWidth+trackWidth-half)
	}
	return l
}

// ticks marks the time line at round durations since its start.
func (l *timeline) ticks(s scale) {
	whole := s.to.Sub(s.from)
	every := intervals[0]
	for _, i := range intervals {
		if every = i; whole/i < maxTicks {
			break
		}
	}
	for whole/every >= maxTicks {
		every *= 2
	}
	for d := time.Duration(0); d <= whole; d += every {
		l.Ticks = append(l.Ticks, tick{s.at(s.from.Add(d)), took(d)})
	}
}

// chart is the drawing of docker stats: for each service a pair of bars for the
// memory and a pair for the CPU.
type chart struct {
	Width, Height, CPU px // CPU is where its panel begins
	Rows               []chartRow
}

type chartRow struct {
	Name   string
	Line   px
	Usages []usageBar
}

type usageBar struct {
	When     string // "before" or "after"
	X, Y, W  px
	TextX, L px // of the label
	Label    string
}

// chartOf gives the drawing of the stats, nil where nothing was measured.
func chartOf(all []Stat) *chart {
	var memory, cpu float64
	for _, s := range all {
		for _, u := range [...]*Usage{s.Before, s.After} {
			if u != nil {
				memory, cpu = max(memory, float64(u.Memory)), max(cpu, finite(u.CPU))
			}
		}
	}
	if memory == 0 && cpu == 0 {
		return nil
	}
	c := &chart{Width: nameWidth + 2*panelWidth, CPU: nameWidth + panelWidth}
	y := px(headHeight)
	for _, s := range all {
		r := chartRow{Name: clean(s.Service, 18), Line: y + 20}
		for i, u := range [...]*Usage{s.Before, s.After} {
			top := y + 4 + px(i)*14
			when := [...]string{"before", "after"}[i]
			if u == nil {
				r.Usages = append(r.Usages, bar(when, nameWidth, top, 0, 0, "not measured"), bar(when, c.CPU, top, 0, 0, "not measured"))
				continue
			}
			r.Usages = append(r.Usages, bar(when, nameWidth, top, float64(u.Memory), memory, usage(u)), bar(when, c.CPU, top, u.CPU, cpu, load(u)))
		}
		c.Rows = append(c.Rows, r)
		y += 38
	}
	c.Height = y
	return c
}

// bar is one bar of a panel that begins at x, most the value of the longest.
func bar(when string, x, y px, value, most float64, label string) usageBar {
	w := px(0)
	if most > 0 {
		w = px(usageWidth * finite(value) / most)
	}
	return usageBar{when, x, y, w, x + w + 6, y + 10, label}
}

// finite gives f, and 0 for what no bar can show.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return 0
	}
	return f
}
