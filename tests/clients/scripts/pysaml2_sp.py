"""pysaml2 as service provider. Goes through single sign-on once for each case, in one browser, and prints what became of each as JSON."""

import base64
import json
import logging
import re
import shutil
import sys
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from browser import Browser, Page
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.response import StatusNoPassive
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

RELAY_STATE = "deep/link?a=1&b=ü"

settings = json.loads(sys.argv[1])
browser = Browser()
metadata = browser.open(settings["metadata"]).text
# What it logs about responses that it is meant to refuse is of no use here.
logging.disable(logging.CRITICAL)


def service_provider(case):
    wants = case["wants"]
    service = {
        "endpoints": {"assertion_consumer_service": [(case["acs"], BINDING_HTTP_POST)]},
        "allow_unsolicited": False,
        "want_assertions_signed": "assertion" in wants,
        "want_response_signed": "response" in wants,
        "want_assertions_or_response_signed": "either" in wants,
    }
    config = {
        "entityid": case["entityId"],
        "xmlsec_binary": shutil.which("xmlsec1"),
        "service": {"sp": service},
        "metadata": {"inline": [metadata]},
        "only_use_keys_in_metadata": True,
        "allow_unknown_attributes": True,
    }
    if case.get("key"):
        config |= {"key_file": f"{case['key']}.key", "cert_file": f"{case['key']}.crt"}
    return Saml2Client(SPConfig().load(config))


def send(client, case):
    """Sends the browser off with a request. Gives the request's ID and the page that comes."""
    binding = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}[case["binding"]]
    signing = {"sign": True, "sigalg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256} if case.get("key") else {"sign": False}
    wishes = {name: "true" for name, wish in [("is_passive", "passive"), ("force_authn", "force")] if case.get(wish)}
    request_id, info = client.prepare_for_authenticate(
        binding=binding, relay_state=RELAY_STATE, nameid_format=case.get("format"), **signing, **wishes
    )
    if binding == BINDING_HTTP_REDIRECT:
        url = urlsplit(dict(info["headers"])["Location"])
        query = parse_qsl(url.query)
        assert ("Signature" in dict(query)) == bool(case.get("key"))
        if case.get("tamperRequest"):
            query = [(name, "elsewhere" if name == "RelayState" else value) for name, value in query]
        return request_id, browser.open(urlunsplit(url._replace(query=urlencode(query))))
    form = FormOf(info["data"])
    fields = form.fields
    request = base64.b64decode(fields["SAMLRequest"])
    assert (b"SignatureValue" in request) == bool(case.get("key"))
    if case.get("tamperRequest"):
        request = request.replace(f'ID="{request_id}"'.encode(), f'ID="{request_id}x"'.encode(), 1)
        fields["SAMLRequest"] = base64.b64encode(request).decode()
    return request_id, browser.post_from_another_site(form.action, fields)


class FormOf(Page):
    """A form that the service provider itself has made."""

    def __init__(self, text):
        super().__init__(type("Response", (), {"url": "https://sp.example", "status_code": 200, "text": text}))


def log_in(page):
    if settings.get("provider"):
        page = browser.press(page, settings["provider"])
    return browser.submit(page, {"username": settings["username"], "password": settings["password"]})


def changed(response, case):
    """What somebody in between makes of a response."""
    xml = base64.b64decode(response).decode()
    match case.get("tamper"):
        case None:
            return response
        case "mail":
            other = xml.replace(">alice@acme.example<", ">carol@acme.example<")
        case "signatures":
            other = re.sub(r"<ds:Signature\b.*?</ds:Signature>", "", xml, flags=re.DOTALL)
    assert other != xml
    return base64.b64encode(other.encode()).decode()


def run(case):
    client = service_provider(case)
    request_id, page = send(client, case)
    logins = 0
    while "password" in page.fields and logins < 2:
        page, logins = log_in(page), logins + 1
    fields = page.fields
    if "SAMLResponse" not in fields:
        return {"outcome": "page", "status": page.status, "logins": logins}
    assert page.action == case["acs"], page.action
    assert fields["RelayState"] == RELAY_STATE, fields["RelayState"]
    asked = {} if case.get("unasked") else {request_id: "/"}
    try:
        response = client.parse_authn_request_response(changed(fields["SAMLResponse"], case), BINDING_HTTP_POST, asked)
    except StatusNoPassive:
        return {"outcome": "no passive", "logins": logins}
    except Exception as error:
        return {"outcome": "refused", "reason": repr(error), "logins": logins}
    if response is None or response.name_id is None:
        return {"outcome": "refused", "reason": "there is no subject", "logins": logins}
    name = response.name_id
    return {"outcome": "accepted", "logins": logins, "nameId": name.text, "format": name.format, "attributes": response.ava}


print(json.dumps([run(case) for case in settings["cases"]]))
