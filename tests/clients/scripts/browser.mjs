// A browser for scripts: it keeps cookies, follows redirects on the servers it knows, and fills in forms.

export class Browser {
  #cookies = [];
  #origins;

  constructor(...urls) {
    this.#origins = urls.map((url) => new URL(url).origin);
  }

  /** Opens an address. The way ends at a page, or at a redirect to somebody that this browser does not know (`leftFor`). */
  open(url) {
    return this.#go(new URL(url), {});
  }

  /** Fills in the page's first form and sends it. The fields must be there. */
  submit(page, filled = {}) {
    const { action, fields } = form(page);
    for (const [name, value] of Object.entries(filled)) {
      if (!fields.has(name)) throw new Error(`${page.url} has no field ${name}:\n${page.text}`);
      fields.set(name, value);
    }
    return this.post(action, fields);
  }

  /** Presses the button with that text, in whichever form it is. */
  press(page, text) {
    const { action, fields } = pressed(page, text);
    return this.post(action, fields);
  }

  /** Sends a form. From another site it comes without cookies, which are all SameSite=Lax. */
  post(url, fields, { crossSite = false } = {}) {
    return this.#go(new URL(url), { method: 'POST', body: new URLSearchParams(fields), crossSite });
  }

  async #go(url, { method = 'GET', body, crossSite }) {
    for (let hop = 0; hop < 20; hop++) {
      const cookie = crossSite ? '' : this.#cookiesFor(url);
      const response = await fetch(url, { method, body, redirect: 'manual', headers: { cookie } });
      response.headers.getSetCookie().forEach((line) => this.#keep(url, line));
      const text = await response.text();
      const location = response.status >= 300 && response.status < 400 && response.headers.get('location');
      if (!location) {
        const page = { url, status: response.status, text };
        if (!submitsItself(page) || !this.#origins.includes(form(page).action.origin)) return page;
        const { action, fields } = form(page);
        [url, method, body, crossSite] = [action, 'POST', new URLSearchParams(fields), action.origin !== url.origin];
        continue;
      }
      const target = new URL(location, url);
      if (!this.#origins.includes(target.origin)) return { url, status: response.status, text, leftFor: target };
      [url, method, body, crossSite] = [target, 'GET', undefined, false];
    }
    throw new Error(`too many redirects, now at ${url}`);
  }

  #cookiesFor(url) {
    const isUnder = (path) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
    const sent = this.#cookies.filter(({ host, path }) => host === url.hostname && isUnder(path));
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  #keep(url, line) {
    const [pair, ...attributes] = line.split(/;\s*/);
    const [, name, value] = /^([^=]*)=(.*)$/.exec(pair);
    const attribute = (wanted) => attributes.map((text) => text.split('=')).find(([known]) => known.toLowerCase() === wanted)?.[1];
    const [host, path] = [url.hostname, attribute('path') ?? '/'];
    this.#cookies = this.#cookies.filter((known) => !(known.host === host && known.path === path && known.name === name));
    if (attribute('max-age') !== '0') this.#cookies.push({ host, path, name, value });
  }
}

/** Whether a page has a script that sends its form. */
function submitsItself(page) {
  return page.text.includes('<script>document.forms[0].submit()</script>');
}

/** Where the first form of a page leads, and its fields. The first button is the one that is pressed. */
export function form(page) {
  const [, attributes, content] = FORM().exec(page.text) ?? fail(`${page.url} has no form:\n${page.text}`);
  const button = /<button\b([^>]*)>/.exec(content);
  return { action: new URL(value(attributes, 'action'), page.url), fields: fieldsOf(content, button?.[1]) };
}

/** The same for the form with the button of that text. */
function pressed(page, text) {
  for (const [, attributes, content] of page.text.matchAll(FORM())) {
    const button = [...content.matchAll(/<button\b([^>]*)>([^<]*)/g)].find(([, , shown]) => shown.includes(text))?.[1];
    if (!button) continue;
    const action = value(button, 'formaction') ?? value(attributes, 'action');
    return { action: new URL(action, page.url), fields: fieldsOf(content, button) };
  }
  return fail(`${page.url} has no button “${text}”:\n${page.text}`);
}

const FORM = () => /<form\b([^>]*)>(.*?)<\/form>/gs;

function fieldsOf(content, button) {
  const fields = new Map();
  for (const [, text] of content.matchAll(/<input\b([^>]*)>/g)) fields.set(value(text, 'name'), value(text, 'value') ?? '');
  if (button && value(button, 'name')) fields.set(value(button, 'name'), value(button, 'value') ?? '');
  return fields;
}

function value(attributes, name) {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return found && unescape(found[1]);
}

const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"' };

function unescape(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (_, hex, decimal, name) =>
    name ? NAMED[name] : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)));
}

function fail(message) {
  throw new Error(message);
}
