// Package paging notices when an answer that should be whole is only one of several pages
// (R5).
package paging

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The members with which an envelope tells of pages, in the form of pims.PlainWord.
var (
	saysRows  = pims.WordSet("total totalcount totalitems totalrecords totalresults recordstotal")
	saysPages = pims.WordSet("pages totalpages pagecount lastpage")
	saysMore  = pims.WordSet("more hasmore hasnext hasnextpage next nextpage nextpageurl nextcursor nextpagetoken nextlink")
	saysInner = pims.WordSet("meta metadata pagination paging pageinfo links")
)

// nothing are values that tell of no further page, in lower case.
var nothing = []string{"", "0", "false", "no", "none", "null"}

// Told is what the members of an envelope tell.
type Told struct {
	total int
	more  bool
}

// Member reads the value of a member of the envelope that holds no rows. The options are
// those of the decoder.
func (t *Told) Member(name []byte, d *jsontext.Decoder, o ...jsontext.Options) error {
	word := pims.PlainWord(string(name))
	inner := saysInner[word] && d.PeekKind() == '{'
	if !inner && !saysRows[word] && !saysPages[word] && !saysMore[word] {
		return d.SkipValue()
	}
	raw, err := d.ReadValue()
	switch {
	case err != nil:
		return err
	case inner:
		return t.object(raw.Clone(), o)
	default:
		t.take(word, strings.ToLower(strings.Trim(string(raw), `" `)))
		return nil
	}
}

func (t *Told) take(word, value string) {
	number, _ := strconv.Atoi(value)
	switch {
	case saysRows[word]:
		t.total = max(t.total, number)
	case saysPages[word]:
		t.more = t.more || number > 1
	default:
		t.more = t.more || !slices.Contains(nothing, value) && value != "{}" && value != "[]"
	}
}

// object reads the members of an object in the envelope.
func (t *Told) object(raw jsontext.Value, o []jsontext.Options) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw), o...)
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := t.Member([]byte(name.String()), d, o...); err != nil {
			return err
		}
	}
	return nil
}

// Further reports whether there are more rows than came.
func (t *Told) Further(rows int) bool { return t.more || t.total > rows }
