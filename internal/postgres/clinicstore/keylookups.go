package clinicstore

import (
	"context"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
)

// KeysOf implements clinic.KeyStore.
func (s *Keys) KeysOf(ctx context.Context, prefix, hash string) ([]clinic.APIKey, error) {
	keys, err := s.presented.Of(ctx, hash)
	if err != nil {
		return nil, s.db.Translate(ctx, "look the API key up", err)
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k clinic.APIKey) bool { return k.Prefix != prefix }), nil
}

// byHash finds presented keys.
func (s *Keys) byHash(ctx context.Context, hashes []string) (found map[string][]clinic.APIKey, err error) {
	err = s.db.AskByKey(ctx, "look API keys up", func(q *dbsqlc.Queries) error {
		rows, err := q.KeysByHash(ctx, hashes)
		found = make(map[string][]clinic.APIKey, len(rows))
		for _, row := range rows {
			hash := strings.ToLower(row.KeyHash)
			found[hash] = append(found[hash], keyOfRow(row))
		}
		return err
	})
	return found, err
}
