// node-saml as service provider. Goes through single sign-on once for each case, in one browser, and prints what became of each as JSON.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { Browser, form } from './browser.mjs';

const RELAY_STATE = 'deep/link?a=1&b=ü';

const settings = JSON.parse(process.argv[2]);
const browser = new Browser(settings.issuer);

function serviceProvider({ entityId, acs, wants, binding, key, passive, force, format }) {
  return new SAML({
    issuer: entityId,
    idpIssuer: `${settings.issuer}/saml2/metadata`,
    entryPoint: `${settings.issuer}/saml2/sso`,
    callbackUrl: acs,
    idpCert: settings.certificate,
    authnRequestBinding: binding === 'post' ? 'HTTP-POST' : 'HTTP-Redirect',
    // By default it compresses, which HTTP-POST does not allow (SAML bindings, section 3.5.4).
    skipRequestCompression: binding === 'post',
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    privateKey: key && readFileSync(`${key}.key`, 'utf8'),
    wantAssertionsSigned: wants.includes('assertion'),
    wantAuthnResponseSigned: wants.includes('response'),
    validateInResponseTo: ValidateInResponseTo.always,
    identifierFormat: format ?? null,
    passive: passive ?? false,
    forceAuthn: force ?? false,
    acceptedClockSkewMs: 0,
  });
}

/** Sends the browser off with a request. */
async function send(saml, { binding, tamperRequest, key }) {
  if (binding === 'redirect') {
    const url = new URL(await saml.getAuthorizeUrlAsync(RELAY_STATE, undefined, {}));
    assert.equal(url.searchParams.has('Signature'), Boolean(key));
    if (tamperRequest) url.searchParams.set('RelayState', 'elsewhere');
    return browser.open(url);
  }
  const { action, fields } = form({ url: 'https://sp.example', text: await saml.getAuthorizeFormAsync(RELAY_STATE) });
  let request = Buffer.from(fields.get('SAMLRequest'), 'base64').toString();
  assert.equal(request.includes('SignatureValue'), Boolean(key));
  if (tamperRequest) request = request.replace(/ID="_/, 'ID="_x');
  fields.set('SAMLRequest', Buffer.from(request).toString('base64'));
  return browser.post(action, fields, { crossSite: true });
}

function logIn(page) {
  const { username, password } = settings;
  return browser.submit(page, { username, password });
}

/** What somebody in between makes of a response. */
function changed(response, { tamper }) {
  if (!tamper) return response;
  const xml = Buffer.from(response, 'base64').toString();
  const other = tamper === 'mail'
    ? xml.replaceAll('>alice@acme.example<', '>carol@acme.example<')
    : xml.replaceAll(/<ds:Signature\b.*?<\/ds:Signature>/gs, '');
  assert.notEqual(other, xml);
  return Buffer.from(other).toString('base64');
}

async function run(saml, theCase) {
  let page = await send(saml, theCase);
  let logins = 0;
  for (; page.text.includes('type="password"') && logins < 2; logins++) {
    page = await logIn(settings.provider ? await browser.press(page, settings.provider) : page);
  }
  if (!page.text.includes('name="SAMLResponse"')) return { outcome: 'page', status: page.status, logins };
  const { action, fields } = form(page);
  assert.equal(action.href, theCase.acs);
  assert.equal(fields.get('RelayState'), RELAY_STATE);
  if (theCase.unasked) saml = serviceProvider(theCase);
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: changed(fields.get('SAMLResponse'), theCase) });
    if (!profile) return { outcome: 'no passive', logins };
    const told = Object.entries(profile.attributes ?? {}).map(([name, value]) => [name, [value].flat()]);
    return { outcome: 'accepted', logins, nameId: profile.nameID, format: profile.nameIDFormat, attributes: Object.fromEntries(told) };
  } catch (error) {
    return { outcome: 'refused', reason: error.message, logins };
  }
}

const outcomes = [];
for (const theCase of settings.cases) outcomes.push(await run(serviceProvider(theCase), theCase));
console.log(JSON.stringify(outcomes));
