// Package wanted says what runs, what is wanted instead, and what stands against
// it: it finds the stack that is deployed, works out its files and images before
// and after, and refuses what an upgrade must not do.
//
// What must stay true: nothing here changes the stack or a file of it; what runs
// is read from the containers and not from files; each file is changed by byte
// edits that are checked by reading the result with docker compose; no value of an
// env file gets into an error or a note.
//
// Files are looked at in a mirror: a temporary folder with a copy of them below
// their own absolute paths. There docker compose resolves them whatever state they
// are in, old, new or only thought of, and the result, with the mirror's name taken
// out of it, is hashed by docker compose as the containers' labels were: `config
// --hash` on files with an `env_file:` gives another hash than `up` writes (compose
// 2.40.3, cmd/compose/config.go, WithoutEnvironmentResolution), on resolved ones the
// same.
//
// To add a check: a function in the list of refusals, and its rows in the tests.
package wanted
