"""python-ldap against the LDAP face: StartTLS with verification, paging with real cookies, the subschema, controls, password modify.

Arguments: the LDAP URL, the authority's certificate, the number of users that there are under ou=people,o=acme.
"""

import sys

import ldap
import ldap.schema
from ldap.controls import RequestControl, SimplePagedResultsControl

URL, AUTHORITY, USERS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PEOPLE = "ou=people,o=acme"
PAGE = 7


def connect(name=None, password=None):
    connection = ldap.initialize(URL)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, AUTHORITY)
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 20)
    connection.start_tls_s()
    if name:
        connection.simple_bind_s(name, password)
    return connection


def refused(error, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except error:
        return
    raise AssertionError(f"{call.__name__}{arguments} was not refused with {error.__name__}")


def pages(connection, size, cookie=""):
    """The names of one page, and the cookie for the next."""
    control = SimplePagedResultsControl(True, size=size, cookie=cookie)
    request = connection.search_ext(PEOPLE, ldap.SCOPE_SUBTREE, "(objectClass=inetOrgPerson)", ["uid"], serverctrls=[control])
    _, entries, _, controls = connection.result3(request)
    answers = [answer for answer in controls if answer.controlType == SimplePagedResultsControl.controlType]
    assert len(answers) == 1, controls
    return [dn for dn, _ in entries], answers[0].cookie


def paging(service):
    seen, cookie, sizes = [], "", []
    while True:
        names, cookie = pages(service, PAGE, cookie)
        seen += names
        sizes.append(len(names))
        if not cookie:
            break
    assert len(seen) == len(set(seen)) == USERS, (len(seen), USERS)
    assert all(size == PAGE for size in sizes[:-1]), sizes

    # A cookie belongs to one identity and one query, and cannot be made up.
    _, cookie = pages(service, PAGE)
    alice = connect("uid=alice,ou=people,o=acme", "alice-demo-password")
    refused(ldap.LDAPError, pages, alice, PAGE, cookie)
    changed = bytes([cookie[0] ^ 1]) + cookie[1:]
    refused(ldap.LDAPError, pages, service, PAGE, changed)


def subschema(connection):
    where = connection.search_subschemasubentry_s("o=acme")
    entry = connection.read_subschemasubentry_s(where)
    schema = ldap.schema.SubSchema(entry)
    person = schema.get_obj(ldap.schema.ObjectClass, "inetOrgPerson")
    assert person.oid == "2.16.840.1.113730.3.2.2", person
    must, may = schema.attribute_types(["inetOrgPerson"])
    names = {name.lower() for attribute in list(must.values()) + list(may.values()) for name in attribute.names}
    assert {"sn", "cn", "mail", "uid", "givenname"} <= names, names
    # What the attributes refer to is listed too.
    rules = set(schema.listall(ldap.schema.MatchingRule))
    by_name = {name for oid in rules for name in schema.get_obj(ldap.schema.MatchingRule, oid).names}
    for oid in schema.listall(ldap.schema.AttributeType):
        attribute = schema.get_obj(ldap.schema.AttributeType, oid)
        for rule in (attribute.equality, attribute.ordering, attribute.substr):
            assert rule is None or rule in by_name or rule in rules, (attribute.names, rule)


def root(connection):
    entry = connection.read_rootdse_s(attrlist=["*", "+"])
    controls = {value.decode() for value in entry["supportedControl"]}
    assert SimplePagedResultsControl.controlType in controls, controls
    assert entry["namingContexts"] == [b"o=acme"], entry.get("namingContexts")


def controls(connection):
    unknown = RequestControl("1.2.3.4.5.6.7.8.9", True, b"")
    search = (PEOPLE, ldap.SCOPE_BASE, "(objectClass=*)", None, 0, [unknown])
    refused(ldap.UNAVAILABLE_CRITICAL_EXTENSION, connection.search_ext_s, *search)
    harmless = RequestControl("1.2.3.4.5.6.7.8.9", False, b"")
    assert connection.search_ext_s(*search[:5], [harmless])


def passwords():
    name, old, new = "uid=bob,ou=people,o=acme", "bob-demo-password", "another password of bob"
    bob = connect(name, old)
    assert bob.whoami_s() == f"dn:{name}", bob.whoami_s()
    bob.passwd_s(name, old, new)
    refused(ldap.INVALID_CREDENTIALS, connect, name, old)
    assert connect(name, new).whoami_s() == f"dn:{name}"
    refused(ldap.LDAPError, bob.passwd_s, name, "not the old password", "yet another password")


service = connect("cn=legacy-app,ou=services,o=acme", "legacy-demo-password")
paging(service)
subschema(service)
root(service)
controls(service)
passwords()
print("good")
