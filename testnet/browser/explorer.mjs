// The explorer in a real browser: it loads, it lives, it finds a transaction, and says what it does not know.
//
//   node explorer.mjs WEB SCREENSHOTS       WEB as http://127.0.0.1:26662; pictures go to the directory if one is named
//
// The browser is the one that CHROMIUM names, else /usr/bin/chromium.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [web, pictures] = process.argv.slice(2);
assert(web, "usage: node explorer.mjs WEB [SCREENSHOTS]");
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
  assert.ok((await page.locator("#detail table >> nth=0").locator("tbody tr").count()) >= 1);
  assert.match(await text("#detail"), new RegExp(id));
  assert.match(await text("#detail"), /separation|evidence|stands between|equal keys|the earlier key|this transaction/);
  await picture("explorer-transaction");
  assert.ok((await contrast()) >= 4.5, "contrast in light");

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
