package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// Retrieval is a question to a knowledge base: it takes the vector store, the embedding
// model with its plugin, and the credentials that decrypt.
type Retrieval struct {
	Name    string `json:"name"`
	Dataset string `json:"dataset"` // its id
	Query   string `json:"query"`
	KeyEnv  string `json:"keyEnv"` // the variable of Belay's environment with the dataset's key
}

// Retrieve asks for knowledge twice: what comes is not always the same, and after an
// upgrade no more is asked of it. Each question is a row of dataset_queries.
// POST /v1/datasets/{id}/retrieve is in 0.15.3 to 1.16.1 (controllers/service_api/dataset).
func (d *Dify) Retrieve(ctx context.Context, r Retrieval, key string) Fact {
	f := d.fact("retrieval "+r.Name, Overlaps)
	i := slices.IndexFunc(d.APIs, func(m Member) bool { return m.Running })
	switch {
	case key == "":
		f.Unasked = r.KeyEnv + " is not set"
		return f
	case i < 0:
		f.Unasked = "no api runs"
		return f
	}
	body, _ := json.Marshal(map[string]string{"query": r.Query}) // two texts are always JSON
	question := Request{Method: "POST", URL: d.apiBase(i) + "/v1/datasets/" + url.PathEscape(r.Dataset) + "/retrieve", Body: string(body),
		Headers: map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"}}
	got, err := d.st.Ask(ctx, d.APIs[i].Service, question, question)
	if err != nil {
		f.Unasked = why(err)
		return f
	}
	var sets [2]map[string]string
	for n, answer := range got {
		if answer.Error == "" && answer.Status != 200 {
			var told struct{ Code string }
			_ = json.Unmarshal(answer.Body, &told) // without a code the status says enough
			f.Wrong = fmt.Sprintf("it answers %d %s", answer.Status, told.Code)
			return f
		}
		var found struct {
			Records []struct{ Segment struct{ ID string } }
		}
		if err := decode(answer, "retrieve", &found); err != nil {
			f.Wrong = why(err)
			return f
		}
		sets[n] = map[string]string{}
		for _, record := range found.Records {
			sets[n][record.Segment.ID] = ""
		}
	}
	f.Items, f.Least = sets[0], overlap(sets[0], sets[1])
	return f
}
