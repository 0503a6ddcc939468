# Texts of the hosted pages, English.

# Login
login-title = Sign in
login-lead = to continue to { $application }
login-username = Username
login-password = Password
login-submit = Sign in
login-or = or
login-with = Continue with { $provider }
login-failed = The username or the password is not right.
login-must-change = The password was right, but it must be changed before it can be used. Ask the administrator.
login-factor-required = The password was right, but the application demands more than a password, and this pool cannot ask for it. Ask the administrator.
login-password-expired = The password was right, but it is too old. Ask the administrator.
login-busy = Too many people are signing in just now. Try again in a moment.
login-again = This page was opened beside another one. Please sign in once more.
login-upstream-failed = { $provider } did not confirm who you are. Try again, or sign in another way.
login-tagline = One account for everything at { $pool }.

# Waiting requests
expired-title = This sign-in has expired
expired-text = Go back to the application and start again.
cookies-title = Your browser keeps no cookies
cookies-text = Signing in needs them. Allow cookies for this site, go back to the application and start again.
elsewhere-title = Start from the application
elsewhere-text = Open the application that you want to use; it brings you here to sign in.

# Logout
logout-title = Sign out
logout-question = Do you want to sign out of { $pool }?
logout-submit = Sign out
logged-out-title = You are signed out
logged-out-text = You can close this window.
continue = Continue

# Consent
consent-title = Allow access
consent-question = { $application } asks to see parts of your { $pool } account:
consent-person = You are signed in as { $person }.
consent-openid = who you are: a number that stands for you
consent-profile = your name, your username and your language
consent-email = your mail address
consent-address = your postal address
consent-phone = your telephone number
consent-groups = the names of your groups
consent-on-device = The answer goes to a program on this device. Allow it only if you have just opened { $application } yourself.
consent-allow = Allow
consent-deny = Do not allow

# Errors
error-title = This did not work
error-request = The application sent a request that cannot be answered. Tell the people who run it.
error-application = This application is not known here, or not in the way it asked.
error-upstream = The other sign-in service did not confirm who you are. Go back to the application and try again.
error-upstream-refused = The account that you have signed in with cannot be used here. Ask the administrator.
error-upstream-factor = The application demands a stronger sign-in than this one. Ask the administrator.
error-internal = Something went wrong on our side. Try again in a moment.
error-form = This form is out of date. Go back and send it again.
error-detail = Details

# Sending on
post-title = One moment
post-text = You are being sent back to { $application }.
handover-text = You are being brought to the sign-in for { $application }.
