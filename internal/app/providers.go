package app

import (
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
)

// Providers maps names to providers. A further provider is one package and one line here
// (docs/adding-a-provider.md).
var Providers = map[string]pims.Constructor{
	idexxneo.Name: idexxneo.New,
}

// Aliases maps further names of providers, accepted on input, to their canonical names.
var Aliases = map[string]string{
	idexxneo.Alias: idexxneo.Name,
}
