package app

import (
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
)

// Providers are the kinds of PIMS that there are. A further one is one package
// and one line here (docs/adding-a-provider.md).
var Providers = map[string]pims.Constructor{
	idexxneo.Name: idexxneo.New,
}

// Aliases are further names of providers on input.
var Aliases = map[string]string{
	idexxneo.Alias: idexxneo.Name,
}
