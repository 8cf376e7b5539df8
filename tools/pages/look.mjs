// Looks at the pages of a running linkwatch: a picture of each, on a desk and on a phone, light and dark, and what axe-core
// says of its accessibility. Exits 1 for any serious or critical finding, or anything on a console.
//
// usage: node look.mjs URL DIRECTORY CHROMIUM [PATH…]
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const [url, directory, chromium, ...asked] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const endpoints = await (await fetch(`${url}/api/v1/endpoints`)).json();
const first = endpoints.length > 0 ? [`/endpoints/${encodeURIComponent(endpoints[0].name)}`] : [];
const paths = asked.length > 0 ? asked : ['/', '/?state=up', ...first, '/incidents', '/endpoints/none'];

const views = [
  { name: 'desk', width: 1200, height: 900, scheme: 'light' },
  { name: 'desk-dark', width: 1200, height: 900, scheme: 'dark' },
  { name: 'phone', width: 390, height: 844, scheme: 'light' },
  { name: 'phone-dark', width: 390, height: 844, scheme: 'dark' },
];

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let bad = 0;
for (const view of views) {
  for (const path of paths) {
    const page = await browser.newPage();
    // Only to judge: the page itself may run nothing.
    await page.setBypassCSP(true);
    await page.setViewport({ width: view.width, height: view.height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
    const said = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    await page.goto(url + path);
    const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    const name = path.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'status';
    await page.screenshot({ path: `${directory}/${name}-${view.name}.png`, fullPage: path !== '/?state=up' });
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate('axe.run()');
    const serious = violations.filter((found) => ['serious', 'critical'].includes(found.impact));
    const noise = said.filter((text) => !text.includes('404'));
    bad += serious.length + noise.length + (wide > 0 ? 1 : 0);
    console.log(`${view.name.padEnd(11)} ${path.padEnd(40)} ${passes.length} rules hold, ${violations.length} do not, ${serious.length} serious`);
    if (wide > 0) console.log(`            ${wide} px wider than the screen`);
    for (const text of noise) console.log(`            console: ${text}`);
    for (const found of violations) {
      console.log(`            ${found.impact}: ${found.id}: ${found.help}: ${found.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
    }
    await page.close();
  }
}
await browser.close();
process.exit(bad === 0 ? 0 : 1);
