package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// redisClient speaks to database n of the Redis that Dify's variables name.
func redisClient(s *Settings, n int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:            s.get("REDIS_HOST", "redis") + ":" + s.get("REDIS_PORT", "6379"),
		Password:        s.env["REDIS_PASSWORD"],
		DB:              n,
		DisableIdentity: true,
	})
}

// dify is the image dify-api: MODE says which of its programs runs.
func dify(ctx context.Context, s *Settings) error {
	mode := s.get("MODE", "api")
	if s.env["MIGRATION_ENABLED"] == "true" || mode == "migration" {
		s.log("INFO", "Running migrations")
		if err := upgradeDB(ctx, s); err != nil {
			return err
		}
	}
	if mode == "migration" {
		s.log("INFO", "Migration completed, exiting normally")
		return nil
	}
	pool, err := pgxpool.New(ctx, s.postgres(s.get("DB_DATABASE", "dify")))
	if err != nil {
		return err
	}
	defer pool.Close()
	go scribble(ctx, s, pool)
	switch mode {
	case "worker":
		return worker(ctx, s, pool)
	case "beat":
		<-ctx.Done()
		return nil
	}
	return serve(ctx, s, 5001, (&api{s: s, db: pool, queue: redisClient(s, 1)}).routes())
}

// scribble writes rows all the time when STANDIN_WRITE_SECONDS says how often:
// a writer that was not stopped shows.
func scribble(ctx context.Context, s *Settings, db *pgxpool.Pool) {
	if s.env["STANDIN_WRITE_SECONDS"] == "" {
		return
	}
	for ctx.Err() == nil {
		_, err := db.Exec(ctx, `INSERT INTO workflow_runs (status, inputs) VALUES ('succeeded', '{"by": "scribble"}')`)
		if err != nil {
			s.log("ERROR", "scribble: %v", err)
		}
		time.Sleep(s.seconds("STANDIN_WRITE_SECONDS", 1))
	}
}

type api struct {
	s     *Settings
	db    *pgxpool.Pool
	queue *redis.Client
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /v1/{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]string{"welcome": "Dify OpenAPI", "api_version": "v1", "server_version": a.s.version()})
	})
	mux.HandleFunc("GET /console/api/ping", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]string{"result": "pong"})
	})
	mux.HandleFunc("GET /console/api/setup", a.setup)
	mux.HandleFunc("POST /v1/datasets/{id}/retrieve", a.retrieve)
	mux.HandleFunc("POST /v1/datasets/{id}/hit-testing", a.retrieve)
	mux.HandleFunc("POST /v1/chat-messages", a.chat)
	return mux
}

// health touches neither the database nor Redis, as Dify's does not.
func (a *api) health(w http.ResponseWriter, _ *http.Request) {
	if a.s.has("unhealthy") {
		answer(w, 503, map[string]string{"status": "starting"})
		return
	}
	answer(w, 200, map[string]any{"pid": os.Getpid(), "status": "ok", "version": a.s.version()})
}

// setup reads dify_setups: the cheapest question that needs the database.
func (a *api) setup(w http.ResponseWriter, r *http.Request) {
	var at time.Time
	err := a.db.QueryRow(r.Context(), `SELECT setup_at FROM dify_setups LIMIT 1`).Scan(&at)
	switch {
	case errors.Is(err, pgx.ErrNoRows), a.s.has("notsetup"):
		answer(w, 200, map[string]string{"step": "not_started"})
	case err != nil:
		a.fail(w, err)
	default:
		answer(w, 200, map[string]string{"step": "finished", "setup_at": at.Format(time.RFC3339)})
	}
}

// allowed checks the bearer token against the database.
func (a *api) allowed(w http.ResponseWriter, r *http.Request) bool {
	var n int
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if err := a.db.QueryRow(r.Context(), `SELECT count(*) FROM api_tokens WHERE token = $1`, token).Scan(&n); err != nil {
		a.fail(w, err)
		return false
	}
	if n == 0 {
		answer(w, 401, map[string]string{"code": "unauthorized", "message": "Access token is invalid"})
		return false
	}
	return true
}

// retrieve finds the segments nearest to the query, and writes down that it was asked.
func (a *api) retrieve(w http.ResponseWriter, r *http.Request) {
	var body struct{ Query string }
	if !a.allowed(w, r) {
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, 400, map[string]string{"code": "invalid_param", "message": "query is required"})
		return
	}
	records, err := a.nearest(r.Context(), r.PathValue("id"), body.Query)
	if err != nil {
		a.fail(w, err)
		return
	}
	if a.s.has("emptyretrieve") {
		records = []record{}
	}
	if a.s.has("fewretrieve") {
		records = records[:min(1, len(records))]
	}
	answer(w, 200, map[string]any{"query": map[string]string{"content": body.Query}, "records": records})
}

type segment struct {
	ID         string `json:"id"`
	Position   int    `json:"position"`
	DocumentID string `json:"document_id"`
	Content    string `json:"content"`
	Status     string `json:"status"`
}

type record struct {
	Segment segment `json:"segment"`
	Score   float64 `json:"score"`
}

func (a *api) nearest(ctx context.Context, dataset, query string) ([]record, error) {
	rows, err := a.db.Query(ctx, `SELECT s.id::text, s.position, s.document_id::text, s.content, s.status, 1 - (v.embedding <=> $2::vector)
		FROM embedding_vectors v JOIN document_segments s ON s.id = v.id
		WHERE v.dataset_id = $1::uuid ORDER BY v.embedding <=> $2::vector LIMIT 4`, dataset, vector(query))
	if err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r record, err error) {
		err = row.Scan(&r.Segment.ID, &r.Segment.Position, &r.Segment.DocumentID, &r.Segment.Content, &r.Segment.Status, &r.Score)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	_, err = a.db.Exec(ctx, `INSERT INTO dataset_queries (dataset_id, content) VALUES ($1::uuid, $2)`, dataset, query)
	return records, err
}

// chat is a user's message: a row, and a task for the worker.
func (a *api) chat(w http.ResponseWriter, r *http.Request) {
	var body struct{ Query string }
	if !a.allowed(w, r) {
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, 400, map[string]string{"code": "invalid_param"})
		return
	}
	var id int64
	err := a.db.QueryRow(r.Context(), `INSERT INTO messages (query, answer) VALUES ($1, 'an answer') RETURNING id`, body.Query).Scan(&id)
	if err == nil {
		err = a.queue.LPush(r.Context(), "workflow_based_app_execution", task(body.Query)).Err()
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, 200, map[string]any{"event": "message", "message_id": id, "answer": "an answer"})
}

func (a *api) fail(w http.ResponseWriter, err error) {
	a.s.log("ERROR", "Exception on request: %v", err)
	answer(w, 500, map[string]string{"code": "internal_server_error"})
}

// task is what the api puts on a queue.
func task(query string) []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	out, _ := json.Marshal(map[string]string{"id": hex.EncodeToString(id), "query": query})
	return out
}

// worker takes tasks from the queues and writes what came of them.
func worker(ctx context.Context, s *Settings, db *pgxpool.Pool) error {
	client := redisClient(s, 1)
	defer client.Close()
	s.log("INFO", "celery@worker ready.")
	for ctx.Err() == nil {
		got, err := client.BRPop(ctx, time.Second, "dataset", "workflow_based_app_execution", "mail", "plugin").Result()
		if errors.Is(err, redis.Nil) || ctx.Err() != nil {
			continue
		}
		if err == nil {
			_, err = db.Exec(ctx, `INSERT INTO workflow_runs (status, inputs, finished_at) VALUES ('succeeded', $1::jsonb, now())`, got[1])
		}
		if err != nil {
			s.log("ERROR", "task failed: %v", err)
			time.Sleep(time.Second)
			continue
		}
		s.log("INFO", "Task %s succeeded", got[0])
	}
	return nil
}
