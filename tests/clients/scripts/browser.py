"""A browser for scripts: it keeps cookies, follows redirects, and fills in forms."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class Page:
    """Where a way has ended."""

    def __init__(self, response):
        self.url, self.status, self.text = response.url, response.status_code, response.text
        self._parsed = _Parser()
        self._parsed.feed(self.text)

    @property
    def action(self):
        return urljoin(self.url, self._parsed.action)

    @property
    def fields(self):
        """The fields of the page's first form; none where there is no form."""
        return dict(self._parsed.fields)

    def link(self, text):
        return next(urljoin(self.url, href) for href, shown in self._parsed.links if text in shown)


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

    def post_from_another_site(self, url, fields):
        """Sends a form as another site does: the cookies, which are all SameSite=Lax, come with the redirect that follows, not with the form."""
        stranger = requests.Session()
        stranger.trust_env = False
        response = stranger.post(url, fields, allow_redirects=False)
        return self.open(response.headers["location"]) if response.is_redirect else Page(response)


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.fields, self.links = None, [], []
        self._in_first_form = self._in_link = False

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._in_first_form = self.action is None
            self.action = self.action or attributes["action"]
        elif tag == "input" and self._in_first_form and "name" in attributes:
            self.fields.append((attributes["name"], attributes.get("value") or ""))
        elif tag == "a":
            self._in_link = True
            self.links.append((attributes.get("href"), ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._in_first_form = False
        elif tag == "a":
            self._in_link = False

    def handle_data(self, data):
        if self._in_link:
            href, shown = self.links[-1]
            self.links[-1] = (href, shown + data)
