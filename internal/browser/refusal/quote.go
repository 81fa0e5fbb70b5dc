package refusal

import (
	"strings"
	"sync"
	"unicode"
)

// maxQuote bounds how much of a page is quoted, in characters.
const maxQuote = 160

// Quote returns what a page asks a person to do, in its own words: the sentences that ask
// and the one after. Words that are not in the vocabulary below are replaced by "…". Names,
// numbers and addresses are never in the vocabulary (R40). What was typed into the form is
// replaced, too.
func Quote(text string, asks func(sentence string) bool, typed []string) string {
	secret := make(map[string]bool)
	for _, value := range typed {
		for _, word := range strings.FieldsFunc(fold(value), isNoLetter) {
			secret[word] = true
		}
	}
	var quoted []string
	lines := Sentences(text)
	for i, line := range lines {
		if asks(line) || i > 0 && asks(lines[i-1]) {
			quoted = append(quoted, knownWords(line, secret)...)
		}
	}
	said := strings.Join(quoted, " ")
	if runes := []rune(said); len(runes) > maxQuote {
		said = string(runes[:maxQuote]) + "…"
	}
	return said
}

// Sentences splits a text into sentences and lines, as they are written.
func Sentences(text string) []string {
	var sentences []string
	for line := range strings.Lines(text) {
		start := 0
		for i, r := range line {
			if strings.ContainsRune(".!?", r) && (i+1 == len(line) || unicode.IsSpace(rune(line[i+1]))) {
				sentences = append(sentences, line[start:i+1])
				start = i + 1
			}
		}
		sentences = append(sentences, line[start:])
	}
	return sentences
}

func knownWords(sentence string, secret map[string]bool) []string {
	var words []string
	for word := range strings.FieldsSeq(sentence) {
		known := true
		for _, part := range strings.FieldsFunc(fold(word), isNoLetter) {
			known = known && vocabulary()[part] && !secret[part]
		}
		if strings.ContainsFunc(word, unicode.IsDigit) {
			known = false
		}
		switch {
		case known:
			words = append(words, word)
		case len(words) == 0 || words[len(words)-1] != "…":
			words = append(words, "…")
		}
	}
	return words
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }

// vocabulary returns the words that requests to a person use, folded. A word that can be a
// name of a person, an animal or a place does not belong here.
var vocabulary = sync.OnceValue(func() map[string]bool {
	words := make(map[string]bool)
	for word := range strings.FieldsSeq(`
		a account accounts action active activated agreement already an and another app application are at attempts authentication authenticator
		available back been before blocked browser but by can cancel captcha change changed choose code codes complete computer conditions
		confirm contact continue could create current currently deactivated detected device different disabled do does elsewhere email end ended
		enter exceeded expired factor failed find first for from has have here human identity if in inactive is it log logged login later
		locked location machine many maximum minutes must need needs new not of on once one only open or other others out
		passcode password phone please recognised recognized registered required requires reset robot second
		security select sent session sessions set sign signed somewhere step still suspended take terms that the there these they this
		time times to too again try two unlock unrecognised unrecognized update use used user using verification verify want was we were with
		workstation would yes no you your
		aber abgelaufen abmelden aktiv akzeptieren an andere anderem anderen anderer andern angemeldet anmelden auf aus bereits bestatigen
		benutzer benutzt benutzung bitte browser computer das dass deaktiviert der des die dieses diese ein eine einem einen eingeben er fortfahren fur
		geandert gerat geoffnet gesendet gesperrt ihr ihre ihren ihrer in ist jetzt kein konto kennwort mochten mit mussen neu neuen nicht noch nutzungsbedingungen
		oder ort passwort roboter sicherheitscode sie sind sitzung trotzdem und unbekanntes verwendet verwendung von vorubergehend weiter wird wurde zu zwei
		acceptez active appareil autre avez bloque cet changer code compte confirmez connecte continuer d de deconnecter deja depuis desactive doit double
		est et etes expire identite les le la l mot motif navigateur nouvel nouvelle nouvelles ou ouverte passe poste reconnu robot session sur trop tentatives
		un une utilisee utilisateur verrouille vos votre voulez vous
		abierta acepte activa bloqueada cambiar cerrar ciones codigo como con confirme continuar contrasena cuenta debe del desactivada desea dispositivo el en equipo es
		esta este expirado caducado ha hay identidad iniciado introduzca la los navegador no nuevo nuevos o otra otro para por que reconocido se sesion sesiones su
		sus terminos uso usted usuario ya y
		aangemeld account al andere ander apparaat bent bevestig computer dit doorgaan een en geblokkeerd gebruik gebruiker geen het identiteit ingelogd is
		je moet nieuw nieuwe niet of op sessie te u uw verlopen voorwaarden wachtwoord wijzigen wilt wordt`) {
		words[word] = true
	}
	return words
})
