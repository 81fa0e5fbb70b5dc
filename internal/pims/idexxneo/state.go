package idexxneo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// stateVersion changes when an older state can no longer be opened.
const stateVersion = 1

// savedState is a pims.State in clear. It is secret.
type savedState struct {
	Version int                 `json:"version"`
	Base    string              `json:"base"` // where the API is
	Browser pims.BrowserSession `json:"browser"`
}

func encodeState(saved savedState) (pims.State, error) {
	saved.Version = stateVersion
	state, err := json.Marshal(saved)
	if err != nil {
		return nil, fmt.Errorf("save the Neo session: %w", err)
	}
	return state, nil
}

// decodeState opens what encodeState made. Its error never quotes the state.
func decodeState(state pims.State) (savedState, error) {
	var saved savedState
	if err := json.Unmarshal(state, &saved); err != nil || saved.Version != stateVersion {
		return savedState{}, errors.New("open a Neo session: the state is not one that this version saved; log in again")
	}
	return saved, nil
}
