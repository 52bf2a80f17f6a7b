// Package report shows one run: as Markdown for a comment or a job summary, as
// a page of HTML that stands alone, as JSON, and as text for a terminal. It
// knows no engine and reads nothing; who has the run's journal fills a Run.
//
// What must stay true: every text of a Run is shown as text, whatever it holds:
// it becomes no markup, link, mention, control sequence or workflow command; a
// result of Markdown fits its limit and says what was left out; equal runs give
// equal bytes; what is unknown is said to be, and never shown as zero.
//
// To show another field: model.go, then its section in sections.go, page.html
// and text.go, then UPDATE=1 go test for the schema and the goldens.
package report
