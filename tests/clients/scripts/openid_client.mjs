// openid-client as relying party: discovery, the code flow with PKCE, ID tokens, userinfo, logout.

import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { Browser } from './browser.mjs';

const { issuer, id, secret, method, algorithm, metadata, callback, loggedOut, username } = JSON.parse(process.argv[2]);

const authentication = { basic: client.ClientSecretBasic, post: client.ClientSecretPost, none: client.None }[method](secret);
const config = await client.discovery(
  new URL(issuer),
  id,
  { client_secret: secret, id_token_signed_response_alg: algorithm },
  authentication,
  { algorithm: metadata, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);
assert.equal(config.serverMetadata().issuer, issuer);
assert(config.serverMetadata().supportsPKCE());

const browser = new Browser(issuer);

/** Asks for a code. Gives where the browser arrived and what the answer must fit. */
async function ask(parameters = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid profile email groups',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...parameters,
  });
  return { page: await browser.open(url), checks };
}

function changed(url, change) {
  const copy = new URL(url);
  change(copy.searchParams);
  return copy;
}

const before = await ask({ prompt: 'none' });
await assert.rejects(client.authorizationCodeGrant(config, before.page.leftFor, before.checks), { error: 'login_required' });

const { page: login, checks } = await ask();
assert.equal(login.status, 200);
const wrong = await browser.submit(login, { username, password: 'wrong' });
assert.equal(wrong.status, 401);
const { leftFor: answer } = await browser.submit(wrong, { username, password: `${username}-demo-password` });
assert(answer, 'the password leads back to the application');

// What another issuer says, what nobody asked for, and what nobody vouches for is refused before the code is sent anywhere.
const refused = [
  changed(answer, (query) => query.set('iss', 'https://evil.example')),
  changed(answer, (query) => query.delete('iss')),
  changed(answer, (query) => query.set('state', 'other')),
];
for (const url of refused) await assert.rejects(client.authorizationCodeGrant(config, url, checks));

const tokens = await client.authorizationCodeGrant(config, answer, { ...checks, idTokenExpected: true });
const claims = tokens.claims();
assert.equal(claims.iss, issuer);
assert.equal(claims.aud, id);
assert.equal(claims.preferred_username, username);
assert.equal(claims.email, `${username}@acme.example`);
assert(claims.groups.includes('staff'));
assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg, algorithm);
assert.equal(tokens.token_type, 'bearer');

const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
assert.equal(info.email, `${username}@acme.example`);
await assert.rejects(client.fetchUserInfo(config, tokens.access_token, 'somebody else'));

const maxAge = await ask({ prompt: 'none', max_age: '3600' });
const again = await client.authorizationCodeGrant(config, maxAge.page.leftFor, { ...maxAge.checks, maxAge: 3600 });
assert.equal(again.claims().sub, claims.sub);

const logout = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: loggedOut,
  state: 'after',
});
assert.equal((await browser.open(logout)).leftFor.href, `${loggedOut}?state=after`);
const after = await ask({ prompt: 'none' });
await assert.rejects(client.authorizationCodeGrant(config, after.page.leftFor, after.checks), { error: 'login_required' });
await assert.rejects(client.fetchUserInfo(config, tokens.access_token, claims.sub), { status: 401 });
