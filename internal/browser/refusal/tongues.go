package refusal

import "sync"

// tongues returns the languages in which refusals are understood. testdata/refusals holds
// texts that must be distinguished. The patterns are compiled at the first login: most
// commands have none.
var tongues = sync.OnceValue(func() []tongue {
	return []tongue{newTongue(english), newTongue(german), newTongue(french), newTongue(spanish), newTongue(dutch)}
})

var english = words{
	secret: `user ?names?|user-names?|user ?ids?|log-?in (?:names?|ids?|details|credentials|data|information)|sign-?in (?:names?|details)|pass ?words?|passphrases?|credentials?` +
		`|e-?mails?(?: address(?:es)?)?`,
	broad: `users?|log-?ins?(?: attempt)?|logon|accounts?(?: (?:id|name|number))?|(?:company|practice|clinic|site)(?: (?:id|code|number|name))?`,
	fill: `the|your|this|that|an?|or|and|and/or|nor|either|neither|both|of|for|with|to|in|by|which|you|you've|have|has|been|just|entered|provided|typed|specified|supplied|given|gave|used` +
		`|combination|pair|we|it|is|are|was|were|be|being|seems?|appears?|must|address|our|system|/|&|-`,
	wrong: `invalid|incorrect|wrong|bad|unknown|unrecogni[sz]ed|mistyped|misspell?ed|mismatch(?:ed)?|non-?existent|not (?:valid|correct|right|recogni[sz]ed|found|known|registered|accepted)` +
		`|not (?:the|a|your|an) (?:right|correct|valid|existing|known|registered)`,
	not: `(?:is|are|was|were|does|do|did|could|can) ?n[o']t (?:be )?(?:valid|correct|right|recogni[sz]ed|found|known|registered|exist|match|verified|validated|accepted|authenticated|belong)|(?:was|were) (?:entered|typed) (?:incorrectly|wrongly)` +
		`|(?:isn't|aren't|wasn't|weren't|doesn't|don't|didn't|couldn't|cannot|can't) (?:be )?(?:valid|correct|right|recogni[sz]ed|found|known|registered|exist|match|verified|validated|accepted)`,
	verbs:   `(?:do not|don't|does not|doesn't|did not|didn't|could not|couldn't|can't|cannot|unable to|failed to) (?:recogni[sz]e|find|know|match|locate)|no (?:such|matching)`,
	slips:   `(?:do not|don't|does not|doesn't|did not|didn't|could not|couldn't|can't|cannot|unable to|failed to) (?:verify|validate)`,
	given:   `(?:that |which )?you(?:'ve| have)? (?:just )?(?:entered|provided|typed|gave|used)`,
	checked: `user ?names?|user-names?|user ?ids?|log-?in (?:names?|ids?|details|credentials|data|information)|sign-?in (?:names?|details)|pass ?words?|passphrases?|credentials?`,
	check:   `(?:check|double-?check|recheck|verify|make sure|ensure|correct|re-?enter)(?: that| if| whether)?`,
	more: `no (?:user|account|login) (?:(?:was|is|could be|with|for|that|which|has|exists|matching|registered|found) ?)+.*` +
		`|(?:unable to|cannot|can't|can not|could not|couldn't) (?:log|sign) ?in with (?:the |these |those )?(?:(?:provided|given|supplied|specified|entered) )?credentials`,
	others: `sessions?|tokens?|csrf|requests?|responses?|pages?|servers?|services?|connections?|network|internet|time-?out|timed out|maintenance|unavailable|licen[cs]es?|subscriptions?|certificates?` +
		`|browser|devices?|cookies?|links?|codes? (?:sent|we)|sent|inbox|spam|code in|new (?:password|email)|error \d+|database|support`,
	masks: `one-? ?time (?:pass ?words?|passcodes?|codes?|pins?)|pass ?word (?:resets?|recovery|change|manager|policy|hint|history)(?: (?:links?|tokens?|codes?|requests?|page|service))?` +
		`|(?:incorrect|wrong|invalid|bad|failed|unsuccessful) (?:user ?name |pass ?word |login |log-in |sign-in |logon |or |credentials? )*(?:attempts|tries|entries|log-?ins|sign-?ins)|unknown (?:log-?in|logon|sign-?in|account) (?:errors?|problems?|failures?|issues?)` +
		`|(?:find|found|verify|verified|validated?) (?:\S+ ){0,8}(?:at (?:this|the) (?:time|moment)|right now|just now)` +
		`|(?:if|in case|unless|once|when|should) (?:you|your|the|this|it|an?)\b.*|(?:forgot|forgotten|change|reset|new|old|current|confirm|repeat) (?:your |the |my )?(?:new )?pass ?words?(?: and .*)?` +
		`|after (?:\S+ ){0,3}(?:incorrect|wrong|invalid|bad) (?:user ?names|pass ?words)|in case of (?:an? )?(?:incorrect|wrong|invalid|bad) (?:user ?names?|pass ?words?)`,
	persons: `lock(?:ed|out)|locked out|(?:choose|select) (?:a|your|the|which) (?:location|practice|clinic|hospital)|blocked|suspended|disabled|deactivated|de-activated|inactive|not (?:yet )?(?:active|activated)|too many .*(?:attempts|tries|log-?ins|sign-?ins|times|sessions)|(?:maximum|exceeded) .*attempts|attempts .*exceeded` +
		`|(?:re|h)?captcha|robot|human|codes?|passcode|(?:two|2|multi)[- ]?(?:factor|step)|[2m]fa|one-? ?time|authenticator|pass ?word (?:has |is |was )?(?:been )?expired|expired pass ?word` +
		`|(?:reset|change|update|renew|choose a new|set a new|create a new) (?:your |the |a new )?pass ?word|pass ?word must be (?:changed|reset|updated|renewed)` +
		`|(?:device|browser|computer|location) (?:is |was |has )?(?:not (?:been )?|un)(?:recogni[sz]ed|known|trusted|registered|verified)|(?:new|unknown|unrecogni[sz]ed|unfamiliar|untrusted) (?:device|browser|computer|location)` +
		`|(?:verify|confirm) (?:it's you|that it's you|it is you|your (?:identity|e-?mail|account|phone|device|e-?mail address))` +
		`|(?:accept|agree to) (?:the |our )?(?:new |updated )?(?:terms|licen[cs]e|conditions|agreement)`,
	inUse: `session (?:is |was )?(?:already )?(?:in use|active|open) .*|session (?:is )?(?:already )?in use` +
		`|(?:already|currently) (?:logged|signed) (?:in|on)|(?:logged|signed) in (?:on |from |at |in )?(?:another|other|elsewhere|a different) ?.*|in use (?:elsewhere|on another|by another|at another)`,
	threats: `(?:will|may|can|could|might|would) be (?:temporarily |permanently )?(?:locked|blocked|disabled|suspended)(?: out)?|(?:before|until|prior to|to avoid|avoid) (?:a |the |your |being )?(?:account )?(?:is |gets |being )?(?:lock(?:ed)? ?(?:out)?|lockout|locked|blocked).*` +
		`|(?:error|status|company|practice|clinic|site|zip|country|area) codes?|(?:if|unless|once|when) (?:you|your|the|this|it|an?) .*|(?:forgot|forgotten|reset|change) (?:your |my )?pass ?word\?`,
}

var german = words{
	secret: `benutzernamen?s?|nutzernamen?|anmeldenamen?|login-?namen?|usernamen?|passwort(?:e|er|ern|s)?|kennwort(?:e|er|ern|s)?|zugangsdaten|anmeldedaten|anmeldeinformationen|login-?daten|benutzerdaten` +
		`|e-?mail(?:-? ?adressen?)?|mail-?adressen?|benutzerkennung|kennung|benutzer-?id`,
	broad: `benutzers?|nutzers?|konto|benutzerkonto|nutzerkonto|account|login|anmeldung|praxis|praxis-?(?:id|nummer)|mandant(?:en)?|mandantennummer`,
	given: `(?:das|den|die) (?:sie|du)`,
	fill: `der|die|das|den|dem|des|ihre?[nrsm]?|deine?[nrsm]?|eine?[nrsm]?|diese[nrsm]?|und|oder|bzw|und/oder|sowie|weder|noch|/|&|eingegebene[nrs]?|angegebene[nrs]?|verwendete[nrs]?|sie|du|haben|hast|mit|zu|fur|fuer` +
		`|kombination|von|aus|ist|sind|war|waren|wurde|wurden|konnten?|leider|in|unserem|system|uns|scheint|zu|sein|name`,
	wrong: `falsche?[nrsm]?|ungue?ltige?[nrsm]?|inkorrekte?[nrsm]?|fehlerhafte?[nrsm]?|unbekannte?[nrsm]?|unrichtige?[nrsm]?|verkehrte?[nrsm]?|nicht (?:korrekte?[nrsm]?|gue?ltige?[nrsm]?|richtige?[nrsm]?|existierende?[nrsm]?)`,
	not:   `(?:stimm(?:t|en)|pass(?:t|en)|existier(?:t|en)) (?:leider |so )?nicht.*|nicht (?:korrekt|gue?ltig|richtig|bekannt|gefunden|erkannt|registriert|vorhanden|ue?berein|zusammen)`,
	verbs: `(?:kennen|finden|erkennen) (?:wir )?(?:leider )?nicht|(?:kennen|finden|erkennen) (?:wir )?keine?n?`,
	check: `(?:ue?berprue?f|prue?f|kontrollier)(?:en|e|t)(?: sie)?(?: bitte)?(?: ob)?`,
	more: `keine? (?:benutzer|nutzer|konto|benutzerkonto|account) .*(?:gefunden|vorhanden|registriert|bekannt)|(?:gibt|existiert|besteht) (?:es )?(?:leider )?keine?n? (?:benutzer|nutzer|konto|benutzerkonto|account) (?:mit|fur|fuer|unter|zu) .*|(?:benutzernamen?|passwort|kennwort|zugangsdaten|anmeldedaten|daten) (?:bitte )?(?:ue?ber)?prue?fen` +
		`|(?:benutzernamen?|passwort|kennwort|konto|benutzer) (?:leider )?nicht (?:erkannt|gefunden)|konn(?:t?en|te) (?:\S+ ){0,2}keine? (?:benutzer|nutzer|konto|account) (?:\S+ ){0,6}finden|bei der eingabe (?:des|der|ihres|ihrer) (?:passworts|kennworts|zugangsdaten) .*fehler`,
	others: `sitzung|token|csrf|anfrage|antwort|seite|server|dienst|verbindung|netzwerk|internet|internetverbindung|zeituberschreitung|wartung|wartungsarbeiten|lizenz|abo|zertifikat|browser|gerat|geraet|cookies?|link|neues (?:passwort|kennwort)|gesendet|geschickt|posteingang`,
	masks: `einmal-?(?:passwort|kennwort|code)|passwort-?(?:zurucksetzung|link|richtlinie)|(?:falsche|ungue?ltige|fehlgeschlagene|fehlerhafte)n? (?:passwort|kennwort|anmelde|login)?-?(?:versuche?n?|eingaben?|anmeldeversuche?n?|anmeldungen)` +
		`|(?:falls|wenn|sofern|sollten?) (?:sie|ihre?|das|der|die|du|dein)\b.*|(?:bei|nach \S+(?: \S+)?) (?:falsche|ungue?ltige|fehlerhafte|inkorrekte)[nmr] (?:benutzername|passwort|passwoert|kennwort|kennwoert)\S*|(?:altes|neues|aktuelles) (?:passwort|kennwort).*|(?:passwort|kennwort) vergessen`,
	persons: `(?:ist|wurde|sind|war|temporar|vorubergehend|voruebergehend|konto|benutzer|zugang|account) (?:\S+ ){0,4}(?:gesperrt|deaktiviert|blockiert|inaktiv|stillgelegt|noch nicht (?:aktiviert|freigeschaltet))|gesperrt|zu viele (?:\S+ )?(?:\S*versuche|\S*anmeldungen|fehlversuche|eingaben)` +
		`|captcha|roboter|mensch sind|\S*code|zwei-?faktor.*|2-?faktor.*|2fa|mfa|einmal-?(?:passwort|kennwort)|authenticator\S*|(?:passwort|kennwort) ist abgelaufen|(?:passwort|kennwort) .*abgelaufen|abgelaufenes (?:passwort|kennwort)` +
		`|(?:andern|aendern|erneuern|zurucksetzen) sie (?:bitte )?ihr (?:passwort|kennwort)|(?:passwort|kennwort) (?:muss|mussen) (?:\S+ ){0,3}(?:andern|geandert|aendern|erneuert|zuruckgesetzt)(?: werden)?|(?:mussen|muessen) (?:\S+ ){0,2}(?:passwort|kennwort) (?:andern|aendern|erneuern|zurucksetzen)` +
		`|(?:gerat|geraet|browser|computer) (?:\S+ ){0,3}(?:nicht (?:erkannt|bekannt|registriert)|unbekannt)|(?:neues|unbekanntes) (?:gerat|geraet)|bestatigen sie (?:ihre identitat|dass sie es sind|ihre e-?mail.*)|akzeptieren sie .*(?:bedingungen|agb|nutzungsbedingungen|lizenz\S*)`,
	inUse: `sitzung (?:\S+ ){0,4}(?:in verwendung|verwendet|aktiv|geoffnet|benutzt).*` +
		`|bereits (?:\S+ ){0,4}angemeldet|(?:an|auf|von|in) einem anderen (?:gerat|geraet|computer|browser|ort) .*`,
	threats: `(?:wird|werden|konnte|kann) (?:\S+ ){0,5}gesperrt(?: werden)?|(?:bevor|bis|vor) (?:\S+ ){0,4}(?:gesperrt|sperrung|sperre).*|(?:fehler|status|mandanten|praxis|postleit|qr-?|zugangs)-?code|(?:falls|wenn|sofern) (?:sie|ihr|das|der|die) .*`,
}

var french = words{ //nolint:gosec // words for passwords, no password
	secret: `mots? de passe|noms? d'utilisateurs?|identifiants?(?: de connexion)?|adresses? (?:e-?mail|mail|electronique|courriel)|e-?mail|courriel|informations (?:de connexion|d'identification)|donnees de connexion|codes? d'acces`,
	broad:  `utilisateurs?|comptes?|login|societe|cabinet|clinique|numero de (?:cabinet|clinique)`,
	given:  `que vous (?:avez|venez)`,
	fill:   `le|la|les|l'|votre|vos|ce|cet|cette|ces|un|une|des|et|ou|et/ou|ni|soit|de|du|d'|est|sont|etait|saisie?s?|entree?s?|fournie?s?|indiquee?s?|que|vous|avez|avec|a|au|combinaison|semblent?|etre|nous|/|&|combinaison|d'utilisateur|passe`,
	wrong:  `incorrecte?s?|invalides?|erronee?s?|inconnue?s?|faux|fausses?|mauvaise?s?|inexacte?s?|inexistante?s?|introuvables?|non (?:valides?|reconnue?s?|valables?|trouvee?s?)`,
	not:    `(?:n'est|ne sont|n'etait|n'a|n'ont) pas (?:ete )?(?:valides?|correcte?s?|reconnue?s?|trouvee?s?|bons?|bonnes?|exacte?s?|valables?|enregistree?s?|connue?s?|le bon|la bonne)|ne (?:correspond|correspondent|concordent) (?:pas|a aucun.*)|n'existe(?:nt)? pas`,
	verbs:  `ne (?:reconnaissons|trouvons|connaissons) pas|impossible de (?:trouver|reconnaitre)`,
	slips:  `impossible de verifier|erreur (?:d[eu]|des|dans|sur)`,
	check:  `(?:verifie[zr]|verifier|controlez)(?: que| si)?`,
	more:   `aucune? (?:compte|utilisateur|identifiant) .*(?:trouve|correspond|existe|associe)\S*|aucune? (?:compte|utilisateur) (?:avec|pour|a) (?:cet?|cette|l')\s?.*|n'existe pas (?:de|d') ?(?:compte|utilisateur).*|n'y a pas (?:de|d') ?(?:compte|utilisateur) (?:avec|pour) .*|l'utilisateur n'existe pas|erreur d'(?:identifiants?|adresse|utilisateur)`,
	others: `session|jeton|csrf|requete|reponse|page|serveur|service|connexion internet|reseau|internet|delai|maintenance|indisponible|licence|abonnement|certificat|navigateur|appareil|cookies?|lien|nouveau mot de passe|envoye|boite`,
	masks: `impossible de (?:\S+ ){1,8}(?:pour le moment|actuellement|pour l'instant)|mots? de passe (?:a usage unique|unique|temporaire)|codes? a usage unique|(?:reinitialisation|recuperation) (?:de|du) (?:votre )?mot de passe|(?:tentatives|essais|saisies) .*(?:incorrect|infructueu|erron|echou)\S*` +
		`|(?:si|lorsque|quand) (?:vous|votre|le|la|ce)\b.*|(?:ancien|nouveau|nouvel) mot de passe.*|mot de passe oublie|(?:en cas de|apres \S+(?: \S+)?) (?:mots? de passe|identifiants?) (?:incorrect|errone|invalide|inexact)\S*`,
	persons: `(?:est|a ete|compte|acces|utilisateur) (?:\S+ ){0,3}(?:verrouille|bloque|desactive|suspendu|inactif)e?|(?:verrouille|bloque|desactive|suspendu)e?|trop de (?:tentatives|essais|connexions).*|nombre maximum de tentatives.*|captcha|robot|codes?` +
		`|(?:double|deux) (?:authentification|facteurs?|etapes?)|authentification (?:a|en) (?:deux|2) (?:facteurs|etapes)|2fa|mfa|a usage unique|application d'authentification|mot de passe (?:a |est )?expire|(?:changer|changez|modifier|modifiez|reinitialiser|reinitialisez|renouveler) (?:de |votre )?mot de passe|mot de passe doit etre (?:change|modifie|renouvele)` +
		`|(?:appareil|navigateur|ordinateur) (?:\S+ ){0,3}(?:pas reconnu|non reconnu|inconnu|pas enregistre)|(?:nouvel|nouveau) (?:appareil|navigateur)|(?:confirmez|verifiez) (?:votre identite|que c'est (?:bien )?vous|votre adresse.*)` +
		`|accepte[zr] (?:les )?(?:nouvelles )?(?:conditions|cgu).*`,
	inUse:   `session (?:\S+ ){0,4}(?:utilisee|ouverte|active|en cours).*|deja connecte.*|connecte (?:sur|depuis|a partir d')\s?un autre .*`,
	threats: `(?:sera|seront|pourrait|peut|risque d') ?(?:etre )?(?:\S+ )?(?:bloque|verrouille|suspendu|desactive)e?|avant (?:le |la |que )?(?:\S+ ){0,3}(?:blocage|verrouillage|bloque|verrouille).*|codes? (?:d'erreur|erreur|postal|de la clinique|du cabinet|d'acces)|(?:si|lorsque) (?:vous|votre|le) .*`,
}

var spanish = words{ //nolint:gosec // words for passwords, no password
	secret: `contrasenas?|claves?(?: de acceso)?|nombres? de usuarios?|credencial(?:es)?|correos?(?: electronicos?)?|e-?mail|datos de (?:acceso|inicio de sesion)|direccion de correo(?: electronico)?`,
	broad:  `usuari[oa]s?|cuentas?|login|inicio de sesion|empresa|clinica|codigo de (?:la )?(?:empresa|clinica)`,
	given:  `que (?:has|ha|usted)`,
	fill:   `el|la|los|las|su|sus|tu|tus|un|una|este|esta|ese|esa|y|o|y/o|e|u|ni|de|del|es|son|era|fue|que|ha|han|has|introducid[oa]s?|ingresad[oa]s?|proporcionad[oa]s?|indicad[oa]s?|combinacion|parecen?|ser|con|para|electronico|acceso|/|&`,
	wrong:  `incorrect[oa]s?|invalid[oa]s?|errone[oa]s?|equivocad[oa]s?|desconocid[oa]s?|mal[oa]s?|inexistentes?|no (?:valid[oa]s?|correct[oa]s?|reconocid[oa]s?|encontrad[oa]s?|registrad[oa]s?)`,
	not:    `no (?:es|son|fue|fueron|ha sido|han sido|se ha|esta|estan|parece|parecen) (?:la |el |ser )?(?:valid[oa]s?|correct[oa]s?|reconocid[oa]s?|encontrad[oa]s?|registrad[oa]s?)|no (?:existen?|coinciden?|corresponden?|se encontro|se reconoce|se encuentra)`,
	verbs:  `no (?:existe|reconocemos|encontramos|hemos (?:encontrado|reconocido)|se (?:ha )?encontr(?:o|ado)|se reconoce)(?: ningun[oa]?)?`,
	slips:  `error en`,
	check:  `(?:verifi(?:que|ca|quen)|comprueb[ea]|revis[ea]|asegurese de)(?: que| si)?`,
	more:   `ningun[oa]? (?:usuario|cuenta) .*(?:encontrad|registrad|coincide|existe|asociad)\S*|no (?:existe|hay) (?:ningun[oa]? )?(?:usuario|cuenta) (?:con|para|asociad[oa]) .*`,
	others: `sesion caducada|sesion expirada|token|csrf|solicitud|respuesta|pagina|servidor|servicio|conexion|red|internet|tiempo de espera|mantenimiento|licencia|suscripcion|certificado|navegador|dispositivo|cookies?|enlace|nueva contrasena|enviado|bandeja`,
	masks:  `contrasenas? de un solo uso|codigos? de un solo uso|(?:restablecimiento|recuperacion) de (?:la |su )?contrasena|intentos (?:de \S+ )?(?:\S+ )?(?:incorrect|fallid|erron|invalid)[oa]s|(?:si|cuando) (?:ha|su|usted|la|el|olvido)\b.*|(?:nueva|antigua) contrasena.*|(?:en caso de|(?:tras|despues de) \S+(?: \S+)?) (?:contrasenas?|claves?|usuarios?) (?:incorrect|erron|invalid|equivocad)\S*`,
	persons: `(?:bloquead|deshabilitad|desactivad|suspendid|inactiv|inhabilitad)[oa]|demasiad[oa]s (?:intentos|sesiones).*|numero maximo de intentos.*|captcha|robot|codigos?|(?:doble|dos) (?:factor(?:es)?|pasos|autenticacion)|verificacion en dos pasos|2fa|mfa|un solo uso|aplicacion de autenticacion` +
		`|contrasena (?:ha |esta )?(?:caducad[oa]|expirad[oa]|vencid[oa])|(?:cambie|cambiar|restablezca|restablecer|actualice|renueve) (?:su |la )?contrasena|(?:dispositivo|navegador|equipo) (?:\S+ ){0,3}(?:no (?:es |esta |ha sido )?reconocido|desconocido|no registrado)|nuevo (?:dispositivo|navegador)` +
		`|(?:verifique|confirme) (?:su identidad|que es usted|su (?:correo|cuenta|direccion).*)|acept(?:e|ar) (?:los|las) (?:nuev[oa]s )?(?:terminos|condiciones).*`,
	inUse:   `sesion (?:\S+ ){0,4}(?:en uso|activa|abierta|iniciada) ?.*|ya (?:ha iniciado|tiene una|hay una|existe una) sesion.*|otro dispositivo .*`,
	threats: `(?:sera|seran|podria|puede|podra) (?:ser )?(?:\S+ )?(?:bloquead|deshabilitad|suspendid)[oa]|(?:antes de|hasta) (?:\S+ ){0,4}(?:bloque|bloqueo|bloquead)\S*.*|codigos? (?:de error|postal|de (?:la )?(?:empresa|clinica)|de estado)|(?:si|cuando) (?:ha|su|usted|la|el) .*`,
}

var dutch = words{ //nolint:gosec // words for passwords, no password
	secret: `gebruikersna(?:am|men)|wachtwoord(?:en)?|inloggegevens|aanmeldgegevens|inlognaam|loginnaam|e-?mail-?(?:adres(?:sen)?)?|gebruikers-?id|referenties`,
	broad:  `gebruikers?|accounts?|login|inlog|inlogpoging|praktijk|praktijk(?:nummer|code|id)|bedrijf`,
	given:  `dat (?:je|u|jij)`,
	fill:   `de|het|uw|je|jouw|een|deze|dit|die|dat|en|of|en/of|noch|is|zijn|was|waren|werd|werden|opgegeven|ingevoerde?|ingevulde?|gebruikte|combinatie|van|met|voor|lijkt|lijken|te|u|heeft|hebt|kon|konden|bij|ons|/|&`,
	wrong:  `onjuiste?|ongeldige?|verkeerde?|foute?|foutie(?:f|ve)|incorrecte?|onbekende?|niet-bestaande?|niet (?:juiste?|correcte?|geldige?|bestaande?)`,
	not:    `(?:klopt|kloppen|bestaat|bestaan) niet|komen? niet overeen|niet (?:juist|correct|geldig|gevonden|herkend|bekend|geregistreerd|goed|worden gevonden|worden herkend)`,
	verbs:  `(?:kennen|herkennen|vinden) (?:we|wij)|(?:we|wij) (?:kennen|herkennen|vinden)`,
	check:  `(?:controleer|controleert|check|verifieer)(?: of| dat)?`,
	more: `geen (?:account|gebruiker) .*(?:gevonden|bekend|geregistreerd|gekoppeld)|(?:bestaat|is) (?:er )?geen (?:account|gebruiker) (?:met|voor|bij|onder) .*|(?:gebruiker|account) (?:bestaat|bestaan) niet` +
		`|(?:(?:we|wij) (?:kunnen|konden)|(?:kunnen|konden) (?:we|wij)) (?:\S+ ){0,4}(?:gebruiker|gebruikersnaam|account|e-?mail-?adres|wachtwoord|inloggegevens) (?:\S+ ){0,5}(?:vinden|herkennen)`,
	others: `sessie|token|csrf|verzoek|antwoord|pagina|server|dienst|verbinding|internetverbinding|netwerk|internet|time-?out|onderhoud|licentie|abonnement|certificaat|browser|apparaat|cookies?|link|nieuw wachtwoord|verstuurd|gestuurd|postvak`,
	masks:  `eenmalige? (?:wachtwoord|code)s?|wachtwoord-?(?:herstel|reset)\S*|(?:onjuiste|verkeerde|mislukte|ongeldige|foutieve) (?:\S+ )?(?:pogingen|inlogpogingen|aanmeldpogingen|wachtwoordpogingen)|(?:als|indien|wanneer) (?:u|uw|je|het|de)\b.*|(?:nieuwe?|oude?) wachtwoord.*|wachtwoord vergeten|(?:bij|na \S+(?: \S+)?) (?:een )?(?:onjuiste?|verkeerde?|foute?|foutieve?|ongeldige?) (?:wachtwoord|gebruikersna)\S*`,
	persons: `(?:geblokkeerd|vergrendeld|gedeactiveerd|uitgeschakeld|opgeschort|inactief|niet actief)|te veel (?:\S+ ){0,2}(?:pogingen|\S*pogingen).*|maximaal aantal pogingen.*|captcha|robot|mens bent|\S*codes?|(?:twee|2)-?(?:factor|staps|traps).*|2fa|mfa|eenmalige?|authenticator\S*` +
		`|wachtwoord (?:is |was )?(?:verlopen|verstreken)|(?:wijzig|verander|vernieuw|reset) (?:uw|je|het) wachtwoord|wachtwoord (?:moet|dient) (?:\S+ ){0,3}(?:gewijzigd|wijzigen|veranderd|vernieuwd)|(?:apparaat|browser|computer) (?:\S+ ){0,3}(?:niet herkend|onbekend|niet bekend)|(?:nieuw|onbekend) apparaat` +
		`|(?:bevestig|verifieer) (?:uw|je) (?:identiteit|e-?mail\S*|account)|bevestig dat u het bent|accepteer (?:de )?(?:nieuwe )?(?:voorwaarden|gebruiksvoorwaarden).*`,
	inUse:   `sessie (?:\S+ ){0,4}(?:in gebruik|actief|geopend).*|al (?:\S+ ){0,4}(?:ingelogd|aangemeld).*|(?:op|vanaf|in) een ander(?:e)? (?:apparaat|computer|browser|locatie).*`,
	threats: `(?:wordt|worden|kan|kunnen|zal) (?:\S+ ){0,5}(?:geblokkeerd|vergrendeld)(?: worden)?|(?:voordat|tot|totdat) (?:\S+ ){0,5}(?:geblokkeerd|vergrendeld|blokkering).*|(?:fout|status|post|praktijk|bedrijfs|qr-?)-?codes?|(?:als|indien|wanneer) (?:u|uw|je|het) .*`,
}
