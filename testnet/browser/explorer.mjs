// The explorer in a real browser: it loads, it lives, it finds a transaction, and says what it does not know.
//
//   node explorer.mjs WEB RPC CONTRACT SCREENSHOTS
//
// WEB as http://127.0.0.1:26662; RPC is an anvil's endpoint, and CONTRACT an address there that settles rollup 1; pictures go to
// the directory if one is named.
//
// The browser is the one that CHROMIUM names, else /usr/bin/chromium.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [web, rpc, contract, pictures] = process.argv.slice(2);
assert(contract, "usage: node explorer.mjs WEB RPC CONTRACT [SCREENSHOTS]");
const WAIT = 20_000;
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const profile = await mkdtemp(join(tmpdir(), "explorer-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: QUIET,
  headless: true,
  viewport: { width: 1100, height: 1000 },
});
const page = browser.pages()[0] ?? (await browser.newPage());
page.setDefaultTimeout(WAIT);
const complaints = [];
// A refused request is told on the console, too; the page shows it, which is what is checked.
page.on("console", (message) => message.type() === "error" && !message.text().includes("the server responded with a status of") && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));

const picture = async (name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`) });
const text = (selector) => page.locator(selector).innerText();
const height = async () => Number((await text("#figures dd >> nth=0")).replaceAll(",", ""));

async function ethereum(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body }).then((answer) => answer.json());
  assert.equal(answer.error, undefined, method);
}

/** Lets the contract of rollup 1 say that it has settled up to a batch, with a head: whatever is asked, these come back, and a zero. */
const settle = (batch, head) => ethereum("anvil_setCode", contract, `0x67${batch.toString(16).padStart(16, "0")}6000527f${head}60205260606000f3`);

const api = (path) => fetch(`${web}/api/${path}`).then((answer) => answer.json());

/** What rollup 1 is like now, by the node's own word. */
const rollup1 = () => api("now").then((now) => now.status.rollups.find((rollup) => rollup.rollup_id === 1));

/** The id of a new transaction that rollup 1 got, and where. */
async function ofRollup1() {
  const { blocks } = await api("now");
  for (const block of blocks.reverse()) {
    for (const id of (await api(`block/${block.height}`)).transactions) {
      const place = (await api(`transaction/${id}`)).batches.find((place) => place.rollup_id === 1);
      if (place) return [id, place];
    }
  }
  assert.fail("no transaction of rollup 1 is in the newest blocks");
}

/** Waits until a cell of the rollups' table, by row and column, shows a text. */
const cellShows = (row, column, wanted) => page.waitForFunction(([row, column, wanted]) => {
  return document.querySelector(`#rollups tr:nth-child(${row}) td:nth-child(${column})`)?.innerText === wanted;
}, [row, column, wanted]);

/** Every text must stand out from its ground: 4.5 to 1, as WCAG 2.2 AA has it. */
const contrast = () => page.evaluate(() => {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  let worst = 21;
  for (const element of document.querySelectorAll("h1, h2, p, a, dt, dd, th, td, label, button, code, figcaption")) {
    if (!element.innerText?.trim() || !element.checkVisibility()) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))].sort((x, y) => y - x);
    worst = Math.min(worst, (a + 0.05) / (b + 0.05));
  }
  return worst;
});

try {
  // It loads.
  await page.goto(web);
  await page.waitForSelector("#blocks a");
  assert.equal(await page.title().then((title) => title.startsWith("Fairlane")), true);
  assert.ok((await page.locator("#validators tr").count()) >= 1);
  assert.ok((await page.locator("#rollups tr").count()) >= 2);

  // It lives.
  const before = await height();
  await page.waitForFunction((before) => Number(document.querySelector("#figures dd").innerText.replaceAll(",", "")) > before + 3, before);
  assert.match(await text("#live"), /Live/);

  // It says how far Ethereum knows, once a relayer has been there, and how steadily validators are up.
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelector("#rollups td:nth-child(4)").innerText), null, { timeout: 60_000 });
  const batches = async (column) => Number((await text(`#rollups tr:first-child td:nth-child(${column})`)).replaceAll(",", ""));
  assert.ok((await batches(4)) <= (await batches(3)), "nothing is on Ethereum that is not final");

  // It says what the rollup's contract has settled, if it is this history, and that another rollup has none.
  await cellShows(1, 5, "does not say");
  await cellShows(2, 5, "no contract");
  const { batches: last, head } = await rollup1();
  await settle(last, "ab".repeat(32));
  await cellShows(1, 5, "another history");
  await settle(last, head);
  await cellShows(1, 5, last.toLocaleString("en"));
  assert.ok((await batches(5)) <= (await batches(3)), "nothing is settled that is not final");
  await page.waitForFunction(() => [...document.querySelectorAll("#validators td:nth-child(4)")].every((cell) => /^[0-9.]+ %$/.test(cell.innerText)));
  await picture("explorer");

  // Without a mouse: the first stop of the keyboard leads to the content, and the search is a labelled form.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.getByLabel("Transaction id or block height").focus();

  // A block, and one of its transactions.
  const busy = page.locator("#blocks tr").filter({ has: page.locator("td:nth-child(3)", { hasNotText: /^0$/ }) }).first();
  const busyHeight = (await busy.locator("td >> nth=0").innerText()).replaceAll(",", "");
  await page.keyboard.type(busyHeight);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail a[href^='#transaction/']");
  const id = await text("#detail a[href^='#transaction/'] >> nth=0");
  assert.match(id, /^[0-9a-f]{64}$/);

  // Why it stands where it stands, found by its id.
  await page.getByLabel("Transaction id or block height").fill(id);
  await page.keyboard.press("Enter");
  await page.waitForSelector("h2:has-text('Why this transaction stands where it stands')");
  assert.match(await text("#detail table >> nth=0 >> tbody tr >> nth=0"), /(finalized|on Ethereum|settled)$/);
  assert.ok((await page.locator("#detail table >> nth=1").locator("tbody tr").count()) >= 1);
  assert.match(await text("#detail"), new RegExp(id));
  assert.match(await text("#detail"), /separation|evidence|stands between|equal keys|the earlier key|this transaction/);
  await picture("explorer-transaction");
  assert.ok((await contrast()) >= 4.5, "contrast in light");

  // How far a transaction's batch has come, and how that changes while it is looked at.
  const [settledId, place] = await ofRollup1();
  await page.getByLabel("Transaction id or block height").fill(settledId);
  await page.keyboard.press("Enter");
  const tier = `#detail [data-rollup='1'][data-batch='${place.index}']`;
  await page.waitForSelector(tier);
  assert.match(await text(tier), /^(finalized|on Ethereum)$/);
  const now = await rollup1();
  await settle(now.batches, now.head);
  await page.waitForFunction((tier) => document.querySelector(tier).innerText === "settled", tier);

  // What it does not know, it says.
  await page.getByLabel("Transaction id or block height").fill("ab".repeat(32));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail h2:has-text('Not found')");
  assert.match(await text("#detail"), /not known here/);
  await page.getByLabel("Transaction id or block height").fill("nonsense");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#detail").innerText.includes("64 hexadecimal digits"));

  // In the dark, on a phone: nothing is wider than the screen.
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${web}/#`);
  await page.waitForSelector("#blocks a");
  assert.ok((await contrast()) >= 4.5, "contrast in the dark");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it fits a phone");
  await picture("explorer-phone-dark");

  assert.deepEqual(complaints, []);
  console.log(`the explorer at ${web} works in ${browser.browser()?.version() ?? "this browser"}`);
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
