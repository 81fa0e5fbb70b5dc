package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
)

func TestAProviderIsFoundByItsNameAndItsAlias(t *testing.T) { // R53
	t.Parallel()
	for _, name := range []string{idexxneo.Name, idexxneo.Alias, " Idexx_Neo "} {
		declared, known := DeclarationOf(name)
		require.True(t, known, name)
		require.Equal(t, idexxneo.Name, declared.Name)
	}
	_, known := DeclarationOf("vet 2000")
	require.False(t, known)
}
