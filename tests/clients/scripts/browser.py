"""A browser for scripts: it keeps cookies, follows redirects, and fills in forms."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class Page:
    """Where a way has ended."""

    def __init__(self, response):
        self.url, self.status, self.text = response.url, response.status_code, response.text
        parser = _Parser()
        parser.feed(self.text)
        self._forms = parser.forms

    @property
    def action(self):
        """Where the page's first form leads; nowhere where there is no form."""
        return urljoin(self.url, self._forms[0].action) if self._forms else None

    @property
    def fields(self):
        """The fields of the page's first form; none where there is no form."""
        return dict(self._forms[0].fields) if self._forms else {}

    def pressed(self, text):
        """Where the button with that text leads, and the fields of its form."""
        for form in self._forms:
            for action, shown in form.buttons:
                if text in shown:
                    return urljoin(self.url, action or form.action), dict(form.fields)
        raise AssertionError(f"{self.url} has no button {text}:\n{self.text}")


class Browser:
    def __init__(self):
        self._session = requests.Session()
        self._session.trust_env = False

    def open(self, url):
        return Page(self._session.get(url))

    def submit(self, page, filled):
        fields = page.fields
        for name, value in filled.items():
            assert name in fields, f"{page.url} has no field {name}:\n{page.text}"
            fields[name] = value
        return Page(self._session.post(page.action, fields))

    def press(self, page, text):
        return Page(self._session.post(*page.pressed(text)))

    def post_from_another_site(self, url, fields):
        """Sends a form as another site does: without the cookies, which are all SameSite=Lax. A page that sends its form back there itself does so with them."""
        stranger = requests.Session()
        stranger.trust_env = False
        page = Page(stranger.post(url, fields, allow_redirects=False))
        return self.submit(page, {}) if page.action == url else page


class _Form:
    def __init__(self, action):
        self.action, self.fields, self.buttons = action, [], []


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []
        self._in_form = self._in_button = False

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._in_form = True
            self.forms.append(_Form(attributes.get("action")))
        elif tag == "input" and self._in_form and "name" in attributes:
            self.forms[-1].fields.append((attributes["name"], attributes.get("value") or ""))
        elif tag == "button" and self._in_form:
            self._in_button = True
            self.forms[-1].buttons.append((attributes.get("formaction"), ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._in_form = False
        elif tag == "button":
            self._in_button = False

    def handle_data(self, data):
        if self._in_button:
            action, shown = self.forms[-1].buttons[-1]
            self.forms[-1].buttons[-1] = (action, shown + data)
