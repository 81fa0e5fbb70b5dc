package app

import (
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
)

// Providers are the kinds of PIMS that the program knows. A further one is one package and
// one line here (docs/adding-a-provider.md). Their names, hosts and fields are in their
// declarations.
var Providers = []pims.Constructor{
	idexxneo.New,
}

// Declarations returns what the providers say of themselves, in the order of Providers
// (R53).
func Declarations() []pims.Declaration {
	declared := make([]pims.Declaration, len(Providers))
	for i, construct := range Providers {
		declared[i] = construct(pims.Environment{}).Declaration()
	}
	return declared
}

// DeclarationOf returns the declaration of the provider with a name or alias, in any case;
// false: there is none.
func DeclarationOf(name string) (pims.Declaration, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, d := range Declarations() {
		if d.Name == name || slices.Contains(d.Aliases, name) {
			return d, true
		}
	}
	return pims.Declaration{}, false
}

// KnownHosts returns the hosts that the providers know; see pims.HostPolicy.
func KnownHosts() (hosts []string) {
	for _, declared := range Declarations() {
		hosts = append(hosts, declared.Hosts...)
	}
	return hosts
}

// DefaultProvider returns the name of the one provider that there is, or "" where there are
// several: then a person names one.
func DefaultProvider() string {
	if declared := Declarations(); len(declared) == 1 {
		return declared[0].Name
	}
	return ""
}

// names returns the providers' names.
func names() []string {
	var names []string
	for _, declared := range Declarations() {
		names = append(names, declared.Name)
	}
	return names
}
