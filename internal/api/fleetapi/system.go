package fleetapi

import (
	"net/http"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

type systemRecord struct {
	Version        string          `json:"version" doc:"Of the replica that responds."`
	Database       systemDatabase  `json:"database"`
	Replicas       []systemReplica `json:"replicas" nullable:"false" doc:"Those that were seen in the last day."`
	Queue          systemQueue     `json:"queue"`
	EncryptionKeys []systemKey     `json:"encryptionKeys" nullable:"false" doc:"Each that was ever the first in ENCRYPTION_KEY."`
	RateLimit      systemRateLimit `json:"rateLimit"`
	Browser        *string         `json:"browser" nullable:"true" doc:"The browser that signed in last on the replica that responds; null: none has." example:"Chrome/141.0.7390.37"`
	Libraries      []systemLibrary `json:"libraries" nullable:"false" doc:"The Go modules that the program is made of."`
}

type systemRateLimit struct {
	PerSecond float64      `json:"perSecond" doc:"Requests to one host of a PIMS, over all replicas; 0: no limit."`
	Hosts     []systemHost `json:"hosts" nullable:"false" doc:"Those that were asked in the last ten minutes."`
}

type systemHost struct {
	Host   string      `json:"host" doc:"A part of a host with a limit of its own follows the name, after a blank." example:"us.idexxneo.com"`
	FreeAt web.Instant `json:"freeAt" doc:"The moment of the latest request that was planned. Another one comes after it."`
}

type systemLibrary struct {
	Path    string `json:"path" example:"github.com/jackc/pgx/v5"`
	Version string `json:"version" example:"v5.7.6"`
}

type systemDatabase struct {
	Version   string `json:"version" example:"17.2"`
	Bytes     int64  `json:"bytes" doc:"On the disk." example:"432013312"`
	Migration int64  `json:"migration" doc:"The newest that was applied."`
	Roles     bool   `json:"roles" doc:"Whether database roles separate the clinics."`
}

type systemReplica struct {
	Name           string      `json:"name"`
	SeenAt         web.Instant `json:"seenAt"`
	EncryptionKeys []string    `json:"encryptionKeys" nullable:"false" doc:"The ids of the keys that it has."`
}

type systemQueue struct {
	Queued      int          `json:"queued"`
	InProgress  int          `json:"inProgress"`
	OldestSince *web.Instant `json:"oldestSince" nullable:"true" doc:"Since when the longest waits; null: none waits."`
}

type systemKey struct {
	ID        string      `json:"id"`
	CreatedAt web.Instant `json:"createdAt"`
}

func systemOf(x *fleet.System, version string) systemRecord {
	return systemRecord{
		Version: version, Database: systemDatabase{x.Database, x.Bytes, x.Migration, x.Walled},
		Queue: systemQueue{x.Queued, x.Running, web.Moment(x.Oldest)},
		Replicas: web.Items(x.Replicas, func(r *fleet.Replica) systemReplica {
			return systemReplica{r.Name, web.Instant(r.Seen), append([]string{}, r.Keys...)}
		}),
		EncryptionKeys: web.Items(x.Keys, func(k *fleet.EncryptionKey) systemKey { return systemKey{k.ID, web.Instant(k.Made)} }),
		RateLimit:      systemRateLimit{x.RateLimit, web.Items(x.Limits, func(l *fleet.HostLimit) systemHost { return systemHost{l.Host, web.Instant(l.FreeAt)} })},
		Browser:        web.Text(x.Browser),
		Libraries:      web.Items(x.Libraries, func(l *fleet.Library) systemLibrary { return systemLibrary{l.Path, l.Version} }),
	}
}

func (o *Options) showSystem() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/system", ID: "showSystem", Tag: TagFleet,
		Summary:     "Show the installation",
		Description: "Versions, replicas, the queue, the encryption keys by their ids, the requests planned for each host of a PIMS, and the libraries. Nothing of a clinic, and no secret.",
		Needs:       access.ReadSystem,
		Of:          web.OfInstallation,
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The installation.", Example: systemOf(sample.System(), "1.0.0")}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			found, err := o.System(c.Context())
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(systemOf(&found, o.Version))
		},
	}
}
