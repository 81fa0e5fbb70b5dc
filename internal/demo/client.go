package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// client calls our own HTTP API, as a user of the demo would.
type client struct {
	base  *url.URL
	key   string
	async bool // starts syncs without waiting for their end
}

// The responses, with the fields that the demo reads.
type (
	fullResponse struct {
		Success              bool           `json:"success"`
		SyncID               uuid.UUID      `json:"syncId"`
		InboundResult        *phaseResponse `json:"inboundResult"`
		CasesResult          *phaseResponse `json:"casesResult"`
		ReconciliationResult *phaseResponse `json:"reconciliationResult"`
		DurationMS           int64          `json:"durationMs"`
		Code                 string         `json:"code,omitempty"`
		Error                string         `json:"error,omitempty"`
	}

	phaseResponse struct {
		Success bool           `json:"success"`
		Stats   map[string]any `json:"stats,omitempty"`
		Skipped bool           `json:"skipped,omitempty"`
		Reason  string         `json:"reason,omitempty"`
		Error   string         `json:"error,omitempty"`
	}

	syncJSON struct {
		ID       uuid.UUID     `json:"id"`
		Status   string        `json:"status"`
		Progress *progressJSON `json:"progress"`
		Error    string        `json:"error"`
	}

	progressJSON struct {
		Phase string `json:"phase"`
		Done  int    `json:"done"`
		Total int    `json:"total"`
	}

	caseJSON struct {
		ID            uuid.UUID                  `json:"id"`
		PIMSID        string                     `json:"pimsId"`
		ScheduledDate time.Time                  `json:"scheduledDate"`
		Status        string                     `json:"status"`
		UpdatedAt     time.Time                  `json:"updatedAt"`
		Metadata      map[string]json.RawMessage `json:"metadata"`
	}

	caseList struct {
		Items      []caseJSON `json:"items"`
		NextCursor *string    `json:"nextCursor"`
	}
)

// hasNotes reports whether a case has a consultation with a section.
func (c caseJSON) hasNotes() bool {
	var consultation struct {
		SOAPNotes map[string]string `json:"soapNotes"`
	}
	if json.Unmarshal(c.Metadata["consultation"], &consultation) != nil {
		return false
	}
	for _, section := range consultation.SOAPNotes {
		if section != "" {
			return true
		}
	}
	return false
}

// deletion is the reason of a soft delete; empty where there is none.
func (c caseJSON) deletion() string {
	var reconciliation struct {
		SoftDeleted bool   `json:"softDeleted"`
		Reason      string `json:"reason"`
	}
	if json.Unmarshal(c.Metadata["reconciliation"], &reconciliation) != nil || !reconciliation.SoftDeleted {
		return ""
	}
	return reconciliation.Reason
}

const watchEvery = 150 * time.Millisecond

// fullSync starts a full sync, reports its progress, and returns its result.
func (c *client) fullSync(ctx context.Context, body []byte, report func(progressJSON)) (done *fullResponse, err error) {
	watching, stop := context.WithCancel(ctx)
	wait := panics.Start(func() error {
		c.watch(watching, report)
		return nil
	})
	defer func() { stop(); err = errors.Join(err, wait()) }()

	var response fullResponse
	status, err := c.call(ctx, http.MethodPost, "/api/sync/full", bytes.NewReader(body), &response)
	if err != nil {
		return nil, err
	}
	if response.SyncID == uuid.Nil {
		return nil, fmt.Errorf("the API returned %d: %s", status, response.Error)
	}
	return &response, nil
}

// watch reports the progress of the clinic's newest sync until the context ends.
func (c *client) watch(ctx context.Context, report func(progressJSON)) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var list struct {
			Items []syncJSON `json:"items"`
		}
		if _, err := c.call(ctx, http.MethodGet, "/api/syncs?limit=1", nil, &list); err != nil || len(list.Items) == 0 {
			continue
		}
		if p := list.Items[0].Progress; p != nil {
			report(*p)
		}
	}
}

// cases reads all cases of the clinic by their PIMS ids.
func (c *client) cases(ctx context.Context) (map[string]caseJSON, error) {
	all := make(map[string]caseJSON)
	query := url.Values{"limit": {"200"}}
	for {
		var list caseList
		status, err := c.call(ctx, http.MethodGet, "/api/cases?"+query.Encode(), nil, &list)
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("the API returned %d", status)
		}
		for _, item := range list.Items {
			all[item.PIMSID] = item
		}
		if list.NextCursor == nil {
			return all, nil
		}
		query.Set("cursor", *list.NextCursor)
	}
}

// callTimeout is longer than a call waits for its sync.
const callTimeout = 2 * time.Minute

// call sends one request and reads its JSON response, whatever its status is.
func (c *client) call(ctx context.Context, method, path string, body io.Reader, answer any) (status int, err error) {
	target, err := c.base.Parse(path)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-API-Key", c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.async {
		request.Header.Set("Prefer", "respond-async")
	}
	response, err := (&http.Client{Timeout: callTimeout}).Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return response.StatusCode, fmt.Errorf("reading the response (status %d): %w", response.StatusCode, err)
	}
	return response.StatusCode, nil
}
