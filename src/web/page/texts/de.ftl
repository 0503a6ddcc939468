# Texte der Seiten, Deutsch.

# Anmeldung
login-title = Anmelden
login-lead = weiter zu { $application }
login-username = Benutzername
login-password = Passwort
login-submit = Anmelden
login-or = oder
login-with = Weiter mit { $provider }
login-failed = Benutzername oder Passwort stimmt nicht.
login-must-change = Das Passwort stimmt, muss aber vor der Benutzung geändert werden. Fragen Sie die Verwaltung.
login-factor-required = Das Passwort stimmt, aber die Anwendung verlangt mehr als ein Passwort, und das bietet dieser Pool nicht. Fragen Sie die Verwaltung.
login-password-expired = Das Passwort stimmt, ist aber zu alt. Fragen Sie die Verwaltung.
login-busy = Gerade melden sich zu viele Personen an. Versuchen Sie es gleich noch einmal.
login-again = Diese Seite wurde neben einer anderen geöffnet. Melden Sie sich bitte noch einmal an.
login-upstream-failed = { $provider } hat nicht bestätigt, wer Sie sind. Versuchen Sie es noch einmal oder melden Sie sich anders an.
login-tagline = Ein Konto für alles bei { $pool }.

# Wartende Anfragen
expired-title = Diese Anmeldung ist abgelaufen
expired-text = Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.
cookies-title = Ihr Browser speichert keine Cookies
cookies-text = Ohne sie geht die Anmeldung nicht. Erlauben Sie Cookies für diese Seite, gehen Sie zurück zur Anwendung und beginnen Sie von vorn.
elsewhere-title = Beginnen Sie in der Anwendung
elsewhere-text = Öffnen Sie die Anwendung, die Sie benutzen möchten; sie führt Sie zur Anmeldung hierher.

# Abmeldung
logout-title = Abmelden
logout-question = Möchten Sie sich bei { $pool } abmelden?
logout-submit = Abmelden
logged-out-title = Sie sind abgemeldet
logged-out-text = Sie können dieses Fenster schließen.
continue = Weiter

# Einwilligung
consent-title = Zugriff erlauben
consent-question = { $application } möchte Teile Ihres Kontos bei { $pool } sehen:
consent-person = Sie sind angemeldet als { $person }.
consent-openid = wer Sie sind: eine Nummer, die für Sie steht
consent-profile = Ihren Namen, Ihren Benutzernamen und Ihre Sprache
consent-email = Ihre Mailadresse
consent-address = Ihre Postanschrift
consent-phone = Ihre Telefonnummer
consent-groups = die Namen Ihrer Gruppen
consent-on-device = Die Antwort geht an ein Programm auf diesem Gerät. Erlauben Sie es nur, wenn Sie { $application } gerade selbst geöffnet haben.
consent-allow = Erlauben
consent-deny = Nicht erlauben

# Fehler
error-title = Das hat nicht geklappt
error-request = Die Anwendung hat eine Anfrage geschickt, die nicht beantwortet werden kann. Sagen Sie es denen, die sie betreiben.
error-application = Diese Anwendung ist hier nicht bekannt oder nicht so, wie sie gefragt hat.
error-upstream = Der andere Anmeldedienst hat nicht bestätigt, wer Sie sind. Gehen Sie zurück zur Anwendung und versuchen Sie es noch einmal.
error-upstream-refused = Das Konto, mit dem Sie sich angemeldet haben, kann hier nicht verwendet werden. Fragen Sie die Verwaltung.
error-upstream-factor = Die Anwendung verlangt eine stärkere Anmeldung als diese. Fragen Sie die Verwaltung.
error-internal = Bei uns ist etwas schiefgegangen. Versuchen Sie es gleich noch einmal.
error-form = Dieses Formular ist veraltet. Gehen Sie zurück und senden Sie es noch einmal.
error-detail = Einzelheiten

# Weiterleitung
post-title = Einen Augenblick
post-text = Sie werden zu { $application } zurückgebracht.
handover-text = Sie werden zur Anmeldung für { $application } gebracht.
