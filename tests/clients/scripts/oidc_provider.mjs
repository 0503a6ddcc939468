// oidc-provider as an identity provider of its own, with its own pages for logging in and consenting.
//
// Reads its client as one line, prints its issuer, and serves until its input ends. Whoever logs in exists, with claims made of the name.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const input = createInterface({ input: process.stdin });
const [line] = await once(input, 'line');
const { redirectUri, clientId, clientSecret } = JSON.parse(line);

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username'],
  },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: `subject-of-${id}`,
      preferred_username: id,
      name: `${id} of elsewhere`,
      given_name: id,
      family_name: 'Elsewhere',
      email: `${id}@elsewhere.example`,
      email_verified: !id.startsWith('unverified'),
    }),
  }),
});
server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));

await once(input, 'close');
server.close();
server.closeAllConnections();
