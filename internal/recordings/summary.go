package recordings

import (
	"encoding/json"
	"net/url"

	"github.com/pims-sync/pims-sync/internal/drift"
)

// A Summary is what a recording tells without its answers and the cases. It has no name, number or note of
// a patient or client (R40).
type Summary struct {
	Program string // the version that recorded it
	Cases   int    // the stored cases before the sync
	Logins  []Login
	Sent    []Sent
	Outcome Outcome
	Cut     string // why the recording is not whole; empty: it is
}

// A Sent is one request to the PIMS.
type Sent struct {
	Number   int // from 1, in the order in which the answers ended
	Method   string
	Endpoint string // the path, without ids
	AfterMS  int64  // from the beginning of the sync
	TookMS   int64
	Status   int   // 0: no answer came
	Fault    Fault // why no answer came, or not all of it; empty: it is whole
	Bytes    int   // of the answer
}

// Summarize reads what Encode made, part by part: it holds one answer at a time, and no more of what it
// passes over.
func Summarize(packed []byte) (*Summary, error) {
	unpacked, err := open(packed)
	if err != nil {
		return nil, err
	}
	r := reader{json.NewDecoder(unpacked)}
	summary, format := Summary{}, 0
	err = r.object(func(field string) error {
		switch field {
		case "format":
			return r.Decode(&format)
		case "program":
			return r.Decode(&summary.Program)
		case "logins":
			return r.Decode(&summary.Logins)
		case "after":
			return r.Decode(&summary.Outcome)
		case "cut":
			return r.Decode(&summary.Cut)
		case "before":
			return r.before(&summary)
		case "exchanges":
			return r.exchanges(&summary)
		default:
			return r.skip()
		}
	})
	if err == nil {
		err = end(unpacked)
	}
	if err != nil || format != Format {
		return nil, unreadable(format, err)
	}
	return &summary, nil
}

// A reader reads a document part by part.
type reader struct{ *json.Decoder }

func (r reader) before(s *Summary) error {
	return r.object(func(field string) error {
		if field != "cases" {
			return r.skip()
		}
		return r.list(func() error {
			s.Cases++
			return r.skip()
		})
	})
}

func (r reader) exchanges(s *Summary) error {
	return r.list(func() error {
		var x Exchange
		if err := r.Decode(&x); err != nil {
			return err
		}
		s.Sent = append(s.Sent, sentOf(len(s.Sent)+1, &x))
		return nil
	})
}

func sentOf(number int, x *Exchange) Sent {
	sent := Sent{
		Number: number, Method: x.Method, AfterMS: x.AfterMS, TookMS: x.TookMS, Status: x.Status, Fault: x.Fault, Bytes: x.Body.Size(),
	}
	if sent.Fault == "" {
		sent.Fault = x.End
	}
	if u, err := url.Parse(x.URL); err == nil {
		sent.Endpoint = drift.Endpoint(u.Path)
	}
	return sent
}

// object reads an object. read reads the value of one field. Null has no fields.
func (r reader) object(read func(field string) error) error {
	return r.within('{', func() error {
		field, err := r.Token()
		if err != nil {
			return err
		}
		name, _ := field.(string)
		return read(name)
	})
}

// list reads a list. read reads one item. Null has no items.
func (r reader) list(read func() error) error { return r.within('[', read) }

func (r reader) within(opening json.Delim, read func() error) error {
	token, err := r.Token()
	if err != nil || token == nil {
		return err
	}
	if token != opening {
		return ErrUnknownFormat
	}
	for r.More() {
		if err := read(); err != nil {
			return err
		}
	}
	_, err = r.Token()
	return err
}

// skip passes over one value.
func (r reader) skip() error {
	for depth := 0; ; {
		token, err := r.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
