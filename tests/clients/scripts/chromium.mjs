// A person at Chromium: logs in to an OpenID Connect client and to a SAML service provider, which are both in this script.
//
// Prints the port of its applications, reads its settings as one line, and ends when everything was seen.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import * as openid from 'openid-client';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

const server = createServer(answer).listen(0, '127.0.0.1');
await once(server, 'listening');
// Another site than the provider's localhost, as applications are.
const origin = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ port: server.address().port }));
const [line] = await once(createInterface({ input: process.stdin }), 'line');
const { issuer, clientId, guestId, entityId, certificate, screenshots } = JSON.parse(line);

const settings = {
  issuer: entityId,
  idpIssuer: `${issuer}/saml2/metadata`,
  entryPoint: `${issuer}/saml2/sso`,
  callbackUrl: `${origin}/acs`,
  idpCert: certificate,
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  validateInResponseTo: ValidateInResponseTo.always,
  identifierFormat: null,
};
// By default it compresses, which HTTP-POST does not allow (SAML bindings, section 3.5.4).
const saml = new SAML({ ...settings, authnRequestBinding: 'HTTP-POST', skipRequestCompression: true });
const redirecting = new SAML({ ...settings, cacheProvider: saml.options.cacheProvider });
const config = await openid.discovery(new URL(issuer), clientId, undefined, openid.None(), { execute: [openid.allowInsecureRequests] });

/** The applications: a page each that says who has arrived. */
async function answer(request, response) {
  const show = (text, type = 'text/html') => response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
  const { pathname } = new URL(request.url, origin);
  try {
    if (pathname === '/favicon.ico') return response.writeHead(204).end();
    if (pathname === '/callback') return show('<h1>Callback</h1>');
    if (pathname === '/sp') return show(await saml.getAuthorizeFormAsync('deep/link?a=1&b=2'));
    if (pathname === '/acs' && request.method === 'POST') {
      let body = '';
      for await (const part of request) body += part;
      const fields = new URLSearchParams(body);
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: fields.get('SAMLResponse') });
      return show(`<h1>Hello ${profile.uid}</h1><p>${fields.get('RelayState').replaceAll('&', '&amp;')}</p>`);
    }
    response.writeHead(404).end();
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}

/** A person's browser, which has never been used. */
async function person(options, visit) {
  const folder = await mkdtemp(join(tmpdir(), 'poolgate-chromium-'));
  const browser = await chromium.launchPersistentContext(folder, {
    executablePath: '/usr/bin/chromium', args: ARGUMENTS, viewport: { width: 1280, height: 800 }, ...options,
  });
  try {
    const page = browser.pages()[0] ?? await browser.newPage();
    page.setDefaultTimeout(30_000);
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await visit(page, browser);
    // That a page says no is no defect; a style sheet or a script that is missing or blocked is.
    assert.deepEqual(complaints.filter((text) => !/status of 40[01]/.test(text)), []);
  } catch (error) {
    for (const page of browser.pages()) console.error(`${page.url()}\n${await page.innerText('body')}`);
    throw error;
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The URL of an authorization request, and what its answer must fit. */
async function ask(parameters = {}) {
  const verifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState() };
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: `${origin}/callback`, scope: 'openid profile email', state: checks.expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...parameters,
  });
  return { url: url.href, checks };
}

async function shoot(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}

async function logIn(page, username, password = `${username}-demo-password`) {
  await page.locator('#username').fill(username);
  await page.locator('#password').fill(password);
  await page.locator('#password').press('Enter');
}

/** The login page at its sizes and in its colours. Nothing is cut off, and everything is big enough to be touched. */
async function look(page) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [name, width, height] of [['wide', 1280, 800], ['narrow', 360, 740]]) {
      await page.setViewportSize({ width, height });
      await shoot(page, `login-${colorScheme}-${name}`);
      assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px are too few`);
      for (const target of await page.locator('input:visible, button:visible, a:visible').all()) {
        assert((await target.boundingBox()).height >= 40, `${await target.innerText()} is too low`);
      }
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
}

await person({}, async (page, browser) => {
  const { url, checks } = await ask();
  await page.goto(url);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'username');
  await look(page);

  await logIn(page, 'alice', 'wrong');
  await page.getByRole('alert').waitFor();
  assert(page.url().startsWith(`${issuer}/login`), page.url());
  assert.equal(await page.locator('#username').inputValue(), 'alice');
  assert.equal(await page.locator('#password').inputValue(), '');
  await shoot(page, 'login-wrong');

  // A reload sends the form once more, and the way back leads to a page that still works.
  await page.reload();
  await page.getByRole('alert').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert(page.url().startsWith(`${issuer}/oauth2/authorize`), page.url());
  await page.locator('#username').fill('alice');
  await page.locator('#password').fill('alice-demo-password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${origin}/callback?*`);
  const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), checks);
  assert.equal(tokens.claims().preferred_username, 'alice');

  // Logged in, so the service provider needs no page; its request comes by POST from another site.
  await page.goto(`${origin}/sp`);
  await page.getByRole('heading', { name: 'Hello alice' }).waitFor();
  assert.equal(await page.locator('p').innerText(), 'deep/link?a=1&b=2');

  // Two tabs, each with a request of its own, of which the one that was opened last is finished first.
  await browser.clearCookies();
  const other = await browser.newPage();
  const [first, second] = [await ask({ prompt: 'login' }), await ask({ prompt: 'login' })];
  await page.goto(first.url);
  await other.goto(second.url);
  for (const [tab, { checks: expected }] of [[other, second], [page, first]]) {
    await logIn(tab, 'alice');
    await tab.waitForURL(`${origin}/callback?*`);
    assert.equal((await openid.authorizationCodeGrant(config, new URL(tab.url()), expected)).claims().preferred_username, 'alice');
  }
  await other.close();

  await browser.clearCookies();
  await page.goto(`${origin}/sp`);
  await logIn(page, 'bob');
  await page.getByRole('heading', { name: 'Hello bob' }).waitFor();

  await page.goto((await ask({ client_id: guestId })).url);
  await page.getByRole('heading', { name: 'Allow access' }).waitFor();
  await shoot(page, 'consent');
  await page.getByRole('button', { name: 'Do not allow' }).click();
  await page.waitForURL(`${origin}/callback?error=access_denied*`);

  await page.goto(`${issuer}/logout`);
  await shoot(page, 'logout');
  await page.getByRole('button').click();
  await page.getByText('You are signed out').waitFor();
  await shoot(page, 'logged-out');

  // The bridge: a whole chain of redirects behind the form of the other pool, which a form-action policy would break off.
  const bridged = await ask();
  await page.goto(bridged.url);
  await page.getByRole('button', { name: 'Suppliers' }).click();
  await page.waitForURL(/\/pools\/suppliers\/oauth2\/authorize/);
  await shoot(page, 'login-suppliers');
  await logIn(page, 'erin');
  await page.waitForURL(`${origin}/callback?*`);
  const erin = await openid.authorizationCodeGrant(config, new URL(page.url()), bridged.checks);
  assert.equal(erin.claims().preferred_username, 'suppliers.erin');

  await page.goto(`${issuer}/oauth2/authorize?client_id=nobody`);
  await page.getByText('Details').click();
  await shoot(page, 'error');
});

// Without scripts a button leads on, and the texts follow the browser's language.
await person({ javaScriptEnabled: false, locale: 'de-DE' }, async (page) => {
  await page.goto((await ask()).url);
  await page.getByRole('heading', { name: 'Anmelden' }).waitFor();
  await logIn(page, 'carol');
  await page.waitForURL(`${origin}/callback?*`);
  await page.goto(await redirecting.getAuthorizeUrlAsync('deep/link', undefined, {}));
  await page.getByRole('button').waitFor();
  await shoot(page, 'post-without-scripts');
  await page.getByRole('button').click();
  await page.getByRole('heading', { name: 'Hello carol' }).waitFor();

  // A request by POST: the service provider's own button, the one that brings the request back, and the one that carries the answer.
  await page.goto(`${origin}/sp`);
  await page.locator('[type=submit], button').first().click();
  await page.getByText('Browser service').waitFor();
  assert.equal(page.url(), `${issuer}/saml2/sso`);
  await shoot(page, 'handover-without-scripts');
  await page.getByRole('button').click();
  await page.locator('[name=SAMLResponse]').waitFor({ state: 'attached' });
  await page.getByRole('button').click();
  await page.getByRole('heading', { name: 'Hello carol' }).waitFor();
});

server.close();
server.closeAllConnections();
