package notes

import (
	"html"
	"regexp"
	"strings"
	"unicode"

	xhtml "golang.org/x/net/html"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The marks of a marked text. A mark stands for a meaning that markup has and its text does
// not. Cleaned text contains no NUL (R7), so NUL can mark.
const (
	boldMark    = "\x00"     // emphasised text begins
	headingMark = "\x00\x00" // the line is a heading
)

// Plain turns HTML into text (R7).
func Plain(note string) string { return strings.ReplaceAll(markedText(note), "\x00", "") }

// OneLine returns the text of a name without markup, entities, invisible characters and
// line breaks (R7).
func OneLine(name string) string {
	seen := strings.Map(func(r rune) rune {
		if invisible(r) && !joins(r) && r != pims.Lost {
			return -1
		}
		return r
	}, Plain(name))
	return strings.Join(strings.Fields(seen), " ")
}

// joins reports whether an invisible character forms letters, emoji or flags with others.
func joins(r rune) bool {
	return r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r) || r >= '\U000e0020' && r <= '\U000e007f'
}

// markedText turns HTML into text with marks. Block elements become line breaks, and inline
// elements disappear. Comments, scripts and styles are removed, and entities are decoded. A
// text without markup stays as it is, except for its entities. The time is proportional to
// the length of the note, whatever its content.
func markedText(note string) string {
	escaped, found := escapeText(note)
	if !found {
		return decodeEntities(note)
	}
	w := walker{source: escaped, tokens: xhtml.NewTokenizer(strings.NewReader(escaped))}
	w.walk()
	var lines []string
	for line := range strings.Lines(w.text.String()) {
		if line = strings.TrimSpace(decodeEntities(line)); strings.Trim(line, "\x00") != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// A walker writes the text of a note token by token. It keeps no tree, so nesting may have
// any depth.
type walker struct {
	source string // of the tokens
	tokens *xhtml.Tokenizer
	read   int // bytes of source
	text   strings.Builder
	hidden string // what ends the hiding: the name of an element, or endOfCondition
	absent map[string]bool
}

func (w *walker) walk() {
	for {
		kind := w.tokens.Next()
		raw := w.tokens.Raw()
		w.read += len(raw)
		switch kind {
		case xhtml.ErrorToken:
			return
		case xhtml.TextToken:
			if w.hidden == "" {
				w.text.Write(raw)
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			w.start(kind)
		case xhtml.EndTagToken:
			w.end()
		case xhtml.CommentToken:
			w.comment(string(w.tokens.Text()))
		case xhtml.DoctypeToken:
		}
	}
}

func (w *walker) start(kind xhtml.TokenType) {
	tag, _ := w.tokens.TagName()
	name := string(tag)
	switch {
	case name == "noscript": // its content is shown where no script runs
		w.tokens.NextIsNotRawText()
		if w.hidden == "" {
			w.text.WriteByte('\n')
		}
	case w.hidden != "":
		return
	case invisibleElements[name]:
		if (kind == xhtml.StartTagToken || rawElements[name]) && (endless[name] || w.comes("</"+name)) {
			w.hidden = name
		}
	case len(name) == 2 && name[0] == 'h' && name[1] != 'r':
		w.text.WriteString("\n" + headingMark)
	case blockElements[name]:
		w.text.WriteByte('\n')
	case emphasis[name]:
		w.text.WriteString(boldMark)
	}
}

func (w *walker) end() {
	tag, _ := w.tokens.TagName()
	name := string(tag)
	switch {
	case w.hidden == name:
		w.hidden = ""
	case w.hidden == "" && blockElements[name]:
		w.text.WriteByte('\n')
	}
}

const (
	numberOfAList  = "[if !supportlists" // Word: "1." for those that cannot count
	endOfCondition = "[endif]"
)

// comment reads a comment. Word writes conditions as comments. Only the condition around
// the number of a list hides something, and that number is not part of the text.
func (w *walker) comment(text string) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch {
	case w.hidden == endOfCondition && strings.HasPrefix(text, endOfCondition):
		w.hidden = ""
	case w.hidden == "" && strings.HasPrefix(text, numberOfAList) && w.comes(endOfCondition):
		w.hidden = endOfCondition
	}
}

// comes reports whether a text is still to come. An element that never ends hides nothing.
func (w *walker) comes(text string) bool {
	if w.absent[text] {
		return false
	}
	if indexFold(w.source[w.read:], text) >= 0 {
		return true
	}
	if w.absent == nil {
		w.absent = make(map[string]bool)
	}
	w.absent[text] = true
	return false
}

// indexFold is strings.Index without regard to case, for a text in lower case.
func indexFold(in, text string) int {
	for from := 0; ; from++ {
		next := strings.IndexByte(in[from:], text[0])
		if next < 0 || len(in)-from-next < len(text) {
			return -1
		}
		from += next
		if strings.EqualFold(in[from:from+len(text)], text) {
			return from
		}
	}
}

var (
	entity = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

	// headings, blockElements: elements on their own line.
	blockElements = pims.WordSet(
		"address article aside blockquote body br caption center col colgroup dd details dir div dl dt fieldset figcaption figure footer form",
		"h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav noscript ol option p pre section select summary table tbody td textarea tfoot th thead tr ul",
	)

	// emphasis are the elements at which a head may begin in the middle of a line.
	emphasis = pims.WordSet("b big em i mark strong u")

	// inlineElements have no effect on the text.
	inlineElements = pims.WordSet(
		"a abbr acronym area audio base bdi bdo blink button canvas cite code data del dfn embed font head iframe img input ins kbd label link map meta",
		"meter nobr object output param picture progress q rp rt ruby s samp script small source span strike style sub sup svg template time",
		"title tt var video wbr xml",
	)

	// invisibleElements are the elements whose content is never shown.
	invisibleElements = pims.WordSet("iframe script style template title xml")

	// endless are invisible elements that hide everything after them where they do not end.
	endless = pims.WordSet("script style")

	// rawElements contain no markup; all other elements may.
	rawElements = pims.WordSet("iframe script style textarea title")

	// wordless are the attributes that may have no value.
	wordless = pims.WordSet(
		"allowfullscreen align alt async autofocus autoplay bgcolor border cellpadding cellspacing checked class color cols colspan compact",
		"contenteditable controls declare defer dir disabled download draggable face height hidden href hreflang hspace id inert ismap lang loop",
		"multiple muted noshade novalidate nowrap onclick open readonly rel required reversed rows rowspan scope selected size spellcheck src start",
		"style tabindex target translate truespeed type valign value vspace width xmlns",
	)

	// officeTag matches the elements of Word and its smart tags: o:p, st1:place, w:sdt. "o"
	// and "p" are letters of SOAP, so of these prefixes it matches only what Word writes.
	officeTag = regexp.MustCompile(`^(?:o:(?:p|lock|idmap|shapedefaults|shapelayout|smarttagtype|documentproperties|officedocumentsettings|` +
		`allowpng|pixelsperinch|relyonvml)|(?:st[0-9]+|v|w|x|m|u[0-9]+|ns[0-9]+):[a-z][a-z0-9]*)$`)
)

func knownElement(name string) bool {
	return blockElements[name] || emphasis[name] || inlineElements[name] || officeTag.MatchString(name)
}

// decodeEntities decodes entities with a semicolon; "R&D" and "&copyright" stay.
func decodeEntities(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return entity.ReplaceAllStringFunc(text, decodeEntity)
}

// decodeEntity decodes a text that is one whole entity: "&notit;" is not one, although it
// begins like one.
func decodeEntity(text string) string {
	decoded := html.UnescapeString(text)
	if len(decoded) > 1 && strings.HasSuffix(decoded, ";") {
		return text
	}
	return pims.Clean(decoded)
}
