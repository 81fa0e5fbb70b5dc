package idexxneo

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The versions of a saved state. Version 1 held cookies as text, without the quotes around
// a value; it can still be opened.
const (
	stateVersionText = 1
	stateVersion     = 2
)

// savedState is the decoded Data of a pims.State. It is secret.
type savedState struct {
	Base    string // where the API is
	Browser pims.BrowserSession
}

// stateJSON is the stored form of a savedState.
type stateJSON struct {
	Version int    `json:"version"`
	Base    string `json:"base"`
	Browser struct {
		URL       string            `json:"URL"`
		UserAgent string            `json:"UserAgent"`
		Cookies   []json.RawMessage `json:"Cookies"`
	} `json:"browser"`
}

// cookieJSON is a cookie of version 2. Name and value are bytes, which may be invalid
// UTF-8.
type cookieJSON struct {
	Name        []byte    `json:"name"`
	Value       []byte    `json:"value"`
	Host        string    `json:"host,omitempty"`
	Domain      string    `json:"domain,omitempty"`
	Path        string    `json:"path"`
	Secure      bool      `json:"secure,omitempty"`
	HTTPOnly    bool      `json:"httpOnly,omitempty"`
	Partitioned bool      `json:"partitioned,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
}

// textCookieJSON is a cookie of version 1.
type textCookieJSON struct {
	Name, Value, Host, Domain, Path string
	Quoted, Secure, HTTPOnly        bool
}

func encodeState(saved savedState) ([]byte, error) {
	document := stateJSON{Version: stateVersion, Base: saved.Base}
	document.Browser.URL, document.Browser.UserAgent = saved.Browser.URL, saved.Browser.UserAgent
	for _, c := range saved.Browser.Cookies {
		cookie, err := json.Marshal(cookieJSON{
			Name: []byte(c.Name), Value: []byte(c.Value), Host: c.Host, Domain: c.Domain, Path: c.Path,
			Secure: c.Secure, HTTPOnly: c.HTTPOnly, Partitioned: c.Partitioned, Expires: c.Expires,
		})
		if err != nil {
			return nil, fmt.Errorf("save the Neo session: %w", err)
		}
		document.Browser.Cookies = append(document.Browser.Cookies, cookie)
	}
	state, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("save the Neo session: %w", err)
	}
	return state, nil
}

var errState = errors.New("open a Neo session: the state is not one that this version saved; log in again")

// decodeState opens what encodeState made. Its error never quotes the state.
func decodeState(state []byte) (savedState, error) {
	var document stateJSON
	if err := json.Unmarshal(state, &document); err != nil {
		return savedState{}, errState
	}
	decode := decodeCookie
	switch document.Version {
	case stateVersion:
	case stateVersionText:
		decode = decodeTextCookie
	default:
		return savedState{}, errState
	}
	saved := savedState{Base: document.Base}
	saved.Browser.URL, saved.Browser.UserAgent = document.Browser.URL, document.Browser.UserAgent
	for _, raw := range document.Browser.Cookies {
		cookie, err := decode(raw)
		if err != nil {
			return savedState{}, errState
		}
		saved.Browser.Cookies = append(saved.Browser.Cookies, cookie)
	}
	return saved, nil
}

func decodeCookie(raw json.RawMessage) (pims.Cookie, error) {
	var c cookieJSON
	err := json.Unmarshal(raw, &c)
	return pims.Cookie{
		Name: string(c.Name), Value: string(c.Value), Host: c.Host, Domain: c.Domain, Path: c.Path,
		Secure: c.Secure, HTTPOnly: c.HTTPOnly, Partitioned: c.Partitioned, Expires: c.Expires,
	}, err
}

func decodeTextCookie(raw json.RawMessage) (pims.Cookie, error) {
	var c textCookieJSON
	err := json.Unmarshal(raw, &c)
	if c.Quoted {
		c.Value = `"` + c.Value + `"`
	}
	return pims.Cookie{
		Name: c.Name, Value: c.Value, Host: c.Host, Domain: c.Domain, Path: c.Path, Secure: c.Secure, HTTPOnly: c.HTTPOnly,
	}, err
}
