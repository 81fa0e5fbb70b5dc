package clinic_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
)

func TestCredentialsSurviveTheirSealByteForByte(t *testing.T) {
	t.Parallel()
	r := ring(t)
	rapid.Check(t, func(t *rapid.T) {
		want := pims.Credentials{
			pims.FieldBaseURL:    rapid.String().Draw(t, "base URL"),
			pims.FieldUsername:   rapid.String().Draw(t, "username"),
			pims.FieldPassword:   rapid.String().Draw(t, "password"),
			pims.FieldPracticeID: rapid.String().Draw(t, "practice"),
		}
		stored, err := clinic.SealCredential(r, uuid.New(), "some_pims", want)
		require.NoError(t, err)
		got, err := stored.Open(r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestAPasswordThatWouldBeChangedIsRefused(t *testing.T) {
	t.Parallel()
	_, err := clinic.SealCredential(ring(t), uuid.New(), "some_pims", pims.Credentials{pims.FieldPassword: "caf\xe9-secret"})
	var field *pims.FieldError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "password", field.Field)
	require.NotContains(t, err.Error(), "secret")
}

func TestAReplacedCredentialHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	r, owner := ring(t), uuid.New()
	one, err := clinic.SealCredential(r, owner, "some_pims", pims.Credentials{})
	require.NoError(t, err)
	two, err := clinic.SealCredential(r, owner, "some_pims", pims.Credentials{})
	require.NoError(t, err)
	require.NotEqual(t, one.ID, two.ID)

	two.Sealed = one.Sealed
	_, err = two.Open(r)
	require.ErrorIs(t, err, clinic.ErrCredentialsInvalid)
	require.ErrorIs(t, err, seal.ErrBroken)
}

func TestCredentialsOfALostKeyAreNotInvalid(t *testing.T) {
	t.Parallel()
	stored, err := clinic.SealCredential(ring(t), uuid.New(), "some_pims", pims.Credentials{})
	require.NoError(t, err)
	_, err = stored.Open(ring(t))
	require.ErrorIs(t, err, seal.ErrKeyUnknown)
	require.NotErrorIs(t, err, clinic.ErrCredentialsInvalid)
	require.NotContains(t, err.Error(), seal.CredentialsTable, "callers of the API read it")
	require.NotRegexp(t, `key "`, err.Error())
}

func TestSealedTextThatIsNoCredentialsIsInvalidAndNotEchoed(t *testing.T) {
	t.Parallel()
	r := ring(t)
	stored := clinic.StoredCredential{ID: uuid.New(), ClinicID: uuid.New(), Provider: "some_pims"}
	for _, plain := range []string{"", "hunter2", `["hunter2"]`, `{"password": {"hunter2": 1}}`} {
		sealed, err := r.Seal([]byte(plain), stored.Subject())
		require.NoError(t, err)
		stored.Sealed = sealed
		_, err = stored.Open(r)
		require.ErrorIs(t, err, clinic.ErrCredentialsInvalid)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestASessionAndItsCredentialAreSealedForDifferentPlaces(t *testing.T) {
	t.Parallel()
	stored := clinic.StoredCredential{ID: uuid.New(), ClinicID: uuid.New(), Provider: "some_pims"}
	require.NotEqual(t, stored.Subject(), stored.SessionSubject())
}
