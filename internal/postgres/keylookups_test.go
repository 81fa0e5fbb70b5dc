package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// Strangers present any number of wrong keys. They get right answers, of which each takes no
// transaction of its own, and a right key among them is found.
func TestManyWrongKeysAreLookedUpTogether(t *testing.T) { // R39
	t.Parallel()
	db := pgtest.New(t)
	keys, clinicID := clinicstore.NewKeys(db), newClinic(t, db)
	row, text := clinic.IssueKey(clinicID, "portal", nil, monday.AddDate(1, 0, 0), monday)
	row.LastUsedAt = monday
	_, err := keys.AddKey(t.Context(), row)
	require.NoError(t, err)

	lock, err := db.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer lock.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // it is committed below, unless the test fails
	_, err = lock.Exec(t.Context(), "lock table clinic_api_keys in access exclusive mode")
	require.NoError(t, err)
	var group sync.WaitGroup
	begun := make(chan struct{}, 501)
	for i := range 500 {
		group.Go(func() {
			begun <- struct{}{}
			found, err := keys.KeysOf(t.Context(), row.Prefix, clinic.Hash(fmt.Sprintf("%s wrong %d", row.Prefix, i)))
			if err != nil || len(found) != 0 {
				t.Errorf("a wrong key found %d keys: %v", len(found), err)
			}
		})
	}
	group.Go(func() {
		begun <- struct{}{}
		found, err := keys.KeysOf(t.Context(), row.Prefix, clinic.Hash(text))
		if err != nil || len(found) != 1 || found[0].ClinicID != clinicID {
			t.Errorf("the right key found %d keys: %v", len(found), err)
		}
	})
	for range cap(begun) {
		<-begun
	}
	blocked := func() (n int) {
		require.NoError(t, db.Pool().QueryRow(t.Context(), // a transaction would see the activity of its first look
			"select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&n))
		return n
	}
	require.Eventually(t, func() bool { return blocked() > 0 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, blocked(), "one statement at a time, however many wait")
	require.NoError(t, lock.Commit(t.Context()))
	group.Wait()
}

func TestAHashInCapitalsIsFoundAndAnotherPrefixIsNot(t *testing.T) { // R39, W1
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	exec(t, db, "insert into clinic_api_keys (clinic_id, key_prefix, key_hash) values ($1, 'abcdefgh', upper($2))", clinicID, clinic.Hash("abcdefgh and more"))
	found, err := clinic.Authenticate(t.Context(), "abcdefgh and more", clinicstore.NewKeys(db), monday)
	require.NoError(t, err)
	require.Equal(t, clinicID, found.ClinicID)
	exec(t, db, "update clinic_api_keys set key_prefix = 'other'")
	_, err = clinic.Authenticate(t.Context(), "abcdefgh and more", clinicstore.NewKeys(db), monday)
	require.ErrorIs(t, err, clinic.ErrUnauthorized)
}
