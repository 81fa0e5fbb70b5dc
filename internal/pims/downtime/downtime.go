// Package downtime recognises the page that a web site shows while it is closed for
// maintenance. Many send it with status 200, in the place of the login page and of answers.
package downtime

import (
	markup "html"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxText bounds the text of such a page, in characters without repeated blanks. A page of
// an application that works says more.
const maxText = 1500

// Says reports whether the text of a page says that the site is closed for maintenance or
// not available now, in English, German, French, Spanish or Dutch. A page on which one can
// enter something is none of those, whatever it says.
func Says(text string) bool {
	line := strings.Join(strings.Fields(text), " ")
	return utf8.RuneCountInString(line) <= maxText && (word.MatchString(text) || closed().MatchString(line))
}

// Page is Says for HTML.
func Page(html []byte) bool {
	html = unread.ReplaceAll(html, nil)
	return !entry.Match(html) && Says(markup.UnescapeString(string(tag.ReplaceAll(html, []byte("\n")))))
}

var (
	unread = regexp.MustCompile(`(?is)<!--.*?-->|<script\b.*?</script\s*>|<style\b.*?</style\s*>|<svg\b.*?</svg\s*>|<input\b[^>]*\btype\s*=\s*["']?hidden\b[^>]*>`)
	entry  = regexp.MustCompile(`(?i)<(?:input|textarea|select)\b`)
	tag    = regexp.MustCompile(`<[^>]*>`)
	word   = regexp.MustCompile(`(?im)^\s*(?:maintenance|unavailable|offline)[.!]?\s*$`)
)

// closed is for texts in which one blank separates words. Most processes never need it.
var closed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\pL])(?:` +
		`(?:under|for|undergoing|performing|doing|scheduled|planned|routine|site|system|server|emergency) (?:\pL+ ){0,2}maintenance|maintenance (?:mode|in progress|break|window|page)` +
		`|(?:(?:web)?site|service|system|server|app(?:lication)?|platform|portal|currently|temporarily) (?:\pL+ ){0,2}(?:unavailable|offline|down|out of service|not available)|back (?:\pL+ )?(?:soon|shortly)` +
		`|\pL*wartung(?:s\pL+)?|(?:vor[üu]e?bergehend|derzeit|momentan|zurzeit|zur zeit|gerade) (?:\pL+ ){0,2}(?:nicht (?:verf[üu]e?gbar|erreichbar)|au(?:ß|ss)er betrieb|offline)` +
		`|(?:bald|gleich|k[üu]e?rze) wieder (?:\pL+ ){0,2}(?:da|zur[üu]e?ck|verf[üu]e?gbar|erreichbar|online)` +
		`|(?:en|de|pour|une) maintenance|maintenance (?:en cours|pr[ée]vue|programm[ée]e)|(?:temporairement|momentan[ée]ment|actuellement) (?:hors (?:service|ligne)|indisponible|inaccessible)` +
		`|de retour (?:tr[èe]s )?(?:bient[ôo]t|rapidement|sous peu)` +
		`|mantenimiento|(?:temporalmente|actualmente|moment[áa]neamente) (?:no disponible|inaccesible)|(?:servicio|sistema|sitio|servidor|aplicaci[óo]n|plataforma|portal) (?:\pL+ ){0,2}no est[áa] disponible|fuera de (?:servicio|l[íi]nea)|(?:volve(?:mos|remos)|estaremos de vuelta) (?:\pL+ )?(?:pronto|breve|enseguida)` +
		`|\pL*onderhoud(?:s\pL+)?|(?:tijdelijk|momenteel|op dit moment) (?:\pL+ ){0,2}(?:niet (?:beschikbaar|bereikbaar)|buiten (?:gebruik|dienst)|offline)|(?:snel|spoedig|binnenkort|zo) (?:weer )?terug` +
		`)(?:$|[^\pL])`)
})
