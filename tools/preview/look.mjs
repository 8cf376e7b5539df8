// Starts Prometheus on what was recorded, opens each dashboard over it in Chromium, and takes its picture.
//
// usage: node look.mjs PROMETHEUS RECORDED DASHBOARDS PICTURES CHROMIUM
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';
import { createServer } from 'vite';

const [prometheus, recorded, dashboards, pictures, executablePath] = process.argv.slice(2);
const { began, outage, ended } = JSON.parse(readFileSync(join(recorded, 'moments.json')));

/** The endpoint that is chosen where a dashboard is about one: its certificate was not among the three issued anew. */
const NAME = 'buttondown-0003.example';

/** What is looked at, and at which moment. */
const looks = [
  { suffix: 'outage', to: outage, boards: ['fleet', 'endpoint', 'certificates', 'dns', 'traffic'] },
  { suffix: 'after', to: ended, boards: ['fleet', 'endpoint', 'own'] },
];

/** Prometheus on a port of its own choice; it says which. */
async function startPrometheus() {
  const config = join(recorded, 'prometheus.yml');
  writeFileSync(config, '{}\n');
  const child = spawn(prometheus, [
    `--config.file=${config}`, `--storage.tsdb.path=${join(recorded, 'data')}`, '--storage.tsdb.retention.time=10y', '--web.listen-address=127.0.0.1:0',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => child.kill());
  let [said, url] = ['', undefined];
  for await (const line of createInterface({ input: child.stderr })) {
    said += `${line}\n`;
    url ??= line.match(/"Listening on" .*address=(\S+)/)?.[1];
    if (url && line.includes('ready to receive')) {
      child.stderr.resume();
      return `http://${url}`;
    }
  }
  throw new Error(`prometheus does not start:\n${said}`);
}

async function serve(url) {
  const files = {
    name: 'dashboards',
    configureServer: ({ middlewares }) => {
      middlewares.use('/dashboards', (request, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(readFileSync(join(dashboards, request.url)));
      });
    },
  };
  const proxy = { '/prometheus/': { target: url, rewrite: (path) => path.replace('/prometheus', '') } };
  const server = await createServer({
    configFile: false, logLevel: 'error', esbuild: { jsx: 'automatic' }, server: { host: '127.0.0.1', port: 0, proxy }, plugins: [files],
  });
  await server.listen();
  return server;
}

async function take(browser, port, board, { suffix, to }) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1400, height: 1000 });
  const failed = new Promise((_, reject) => page.once('pageerror', (error) => reject(new Error(`${board}: ${error.stack}`))));
  const chosen = board === 'endpoint' ? { name: NAME } : {};
  const asked = new URLSearchParams({ board: `linkwatch-${board}`, from: began, to, ...chosen });
  await page.goto(`http://127.0.0.1:${port}/?${asked}`, { timeout: 120_000 });
  const drawn = await Promise.race([failed, page.waitForSelector('#drawn', { timeout: 120_000 })]);
  // What lies outside of the window is not drawn.
  const { height } = await drawn.boundingBox();
  await page.setViewport({ width: 1400, height: Math.ceil(height) });
  await page.waitForNetworkIdle({ idleTime: 1_000 });
  const path = join(pictures, `${board}-${suffix}.png`);
  await drawn.screenshot({ path });
  console.log(path);
  await page.close();
}

const url = await startPrometheus();
const server = await serve(url);
const browser = await puppeteer.launch({
  executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  for (const look of looks) for (const board of look.boards) await take(browser, server.httpServer.address().port, board, look);
} finally {
  await browser.close();
  await server.close();
}
process.exit(0);
