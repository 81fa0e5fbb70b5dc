package anonymous

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/replay"
)

// A reading is what the client makes of a recording's answers.
type reading struct {
	mu           sync.Mutex
	fingerprints map[string]string   // of the search's entries, by consultation (R19)
	texts        map[string][]string // of the consultations, as they are stored
}

// read plays a recording.
func read(ctx context.Context, r *recordings.Recording, o replay.Options) (*reading, error) {
	got := &reading{fingerprints: make(map[string]string), texts: make(map[string][]string)}
	o.Listed = func(entries []pims.ConsultationEntry) {
		got.mu.Lock()
		defer got.mu.Unlock()
		for i := range entries {
			got.fingerprints[entries[i].ID] = entries[i].Fingerprint
		}
	}
	o.Read = func(c pims.Consultation) {
		got.mu.Lock()
		defer got.mu.Unlock()
		texts := []string{c.SOAP.Subjective, c.SOAP.Objective, c.SOAP.Assessment, c.SOAP.Plan, c.Notes, c.Discharge, c.RawNotes, c.Reason}
		got.texts[c.ID] = append(texts, c.Diagnoses...)
	}
	_, err := replay.Play(ctx, r, o)
	return got, err
}

// follow puts into the copy what the client makes of the copy's answers, where the original
// has what it makes of the original's: fingerprints, and texts out of markup.
func (a *anonymiser) follow(ctx context.Context, r, held *recordings.Recording, o replay.Options) error {
	before, err := read(ctx, r, o)
	if err != nil {
		return err
	}
	after, err := read(ctx, held, o)
	if err != nil {
		return err
	}
	prints, texts := make(map[string]string), make(map[string]string)
	for id, fingerprint := range before.fingerprints {
		prints[fingerprint] = after.fingerprints[a.value(id)]
	}
	for id, originals := range before.texts {
		if copied := after.texts[a.value(id)]; len(copied) == len(originals) {
			for i, text := range originals {
				texts[text] = copied[i]
				texts[pims.Undamaged(text, "")] = pims.Undamaged(copied[i], "") // as it is stored (R7)
			}
		}
	}
	for i := range r.Before.Cases {
		c, original := &held.Before.Cases[i], &r.Before.Cases[i]
		if c.Reading != nil && prints[original.Reading.Fingerprint] != "" {
			c.Reading.Fingerprint = prints[original.Reading.Fingerprint]
		}
		if c.Metadata, err = followed(c.Metadata, original.Metadata, texts); err != nil {
			return err
		}
	}
	return nil
}

// followed returns a document of our own in which each text whose original has a counterpart
// is that.
func followed(document, original json.RawMessage, texts map[string]string) (json.RawMessage, error) {
	if len(document) == 0 || len(texts) == 0 {
		return document, nil
	}
	whole, err := decoded(document)
	if err != nil {
		return nil, err
	}
	from, err := decoded(original)
	if err != nil {
		return nil, err
	}
	return json.Marshal(counterpart(whole, from, texts))
}

func decoded(document json.RawMessage) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

// counterpart follows two documents of the same form.
func counterpart(value, original any, texts map[string]string) any {
	switch from := original.(type) {
	case string:
		if text, ok := texts[from]; ok && from != "" {
			return text
		}
	case []any:
		if list, ok := value.([]any); ok && len(list) == len(from) {
			for i := range from {
				list[i] = counterpart(list[i], from[i], texts)
			}
		}
	case map[string]any:
		if object, ok := value.(map[string]any); ok {
			for name := range from {
				if inner, ok := object[name]; ok {
					object[name] = counterpart(inner, from[name], texts)
				}
			}
		}
	}
	return value
}
