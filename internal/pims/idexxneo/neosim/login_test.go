package neosim_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestAnAcceptedLoginOpensTheAPI(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{})
	status, _ := b.get("/users/providers?includeInactive=true")
	require.Equal(t, http.StatusUnauthorized, status)

	status, answer := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, b.base+"/dashboard", answer["redirect"])

	status, text := b.get("/users/providers?includeInactive=true")
	require.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, decode[[]map[string]any](t, text))
}
