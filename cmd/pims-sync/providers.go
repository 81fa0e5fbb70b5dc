package main

import (
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
)

// providers are the kinds of PIMS that there are. A further one is one package
// and one line here (docs/adding-a-provider.md).
var providers = map[string]pims.Constructor{
	idexxneo.Name: idexxneo.New,
}

// aliases are further names of providers on input.
var aliases = map[string]string{
	idexxneo.Alias: idexxneo.Name,
}
