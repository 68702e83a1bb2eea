// A person at the page of gemmnist serve: draws thirty digits, reads the answers, collects a test set, watches the curves,
// with mouse, finger and keyboard. Usage: node draw.mjs CHROMIUM URL [FOLDER FOR PICTURES OF THE PAGE]

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chromium } from "./chromium.mjs";

const [program, url, pictures] = process.argv.slice(2);
// Of thirty: what a person would call "it recognises what I draw".
const LEAST_RECOGNISED = 27;
const LOOKS = [
  { name: "desk-light", width: 1280, height: 900 },
  { name: "phone-dark", width: 390, height: 844, dark: true, touch: true },
  { name: "desk-dark", width: 1280, height: 900, dark: true },
  { name: "phone-light", width: 390, height: 844, touch: true },
];

const hands = JSON.parse(readFileSync(new URL("handwriting.json", import.meta.url)));
const digits = Array.from({ length: 10 }, (_, digit) => digit);
const strokes = (digit, hand) => hands[digit][hand].map((stroke) => stroke.map(([x, y]) => [x / 100, y / 100]));

const chromium = new Chromium(program);
const complaints = []; // whatever the page throws, or its security policy forbids
chromium.onEvent = (method, params) => {
  if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  if (method === "Log.entryAdded" && params.entry.level === "error") complaints.push(params.entry.text);
};

async function open(look) {
  const page = await chromium.page(url, look);
  await page.until(`document.querySelectorAll("#bars li").length === 10`);
  const wide = await page.evaluate("document.documentElement.scrollWidth");
  assert.ok(wide <= look.width, `${look.name}: the page is ${wide} pixels wide`);
  return page;
}

async function picture(page, look, mode) {
  if (!pictures) return;
  await page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished)).then(() => true)");
  writeFileSync(join(pictures, `${look.name}-${mode}.png`), await page.screenshot());
}

// Whether anything is said of squares and pictures of units.
const explained = `["layers-key", "strongest-part"].some((id) => !document.getElementById(id).hidden)`;

async function recognises(page) {
  let right = 0;
  for (const digit of digits) {
    for (const hand of [0, 1, 2]) {
      await page.draw(strokes(digit, hand), { finger: hand === 1 });
      const answer = await page.text("answer");
      if (answer === String(digit)) right += 1;
      else console.log(`${digit}, handwriting ${hand}: taken for ${answer}, ${await page.text("sure")}`);
      await page.press("Escape");
      assert.equal(await page.text("answer"), "?", "an empty paper");
      assert.equal(await page.evaluate(explained), false, "nothing to be explained");
    }
  }
  console.log(`${right} of 30 drawn digits recognised`);
  assert.ok(right >= LEAST_RECOGNISED);
}

async function tells(page) {
  await page.draw(strokes(3, 0));
  assert.equal(await page.text("answer"), "3");
  assert.match(await page.text("spoken"), /^3, \d+\.\d %$/, "for who listens");
  assert.match(await page.evaluate(`document.querySelector("#bars .best").innerText`), /^3\s+\d+\.\d %$/);
  const lit = `(() => { const c = document.getElementById("seen"); return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 0 && v > 0).length; })()`;
  assert.ok((await page.evaluate(lit)) > 50, "what it sees is shown");
  assert.equal(await page.evaluate(`document.querySelectorAll("#strongest canvas").length`), 8);
  assert.equal(await page.evaluate(explained), true, "and said what it is");
  const sight = () => page.evaluate(`document.getElementById("seen").toDataURL()`);
  const before = await sight();
  await page.draw([[[0.1, 0.1], [0.9, 0.9]]]);
  assert.notEqual(await sight(), before, "one stroke more");
  await page.press("z");
  await page.until(`document.getElementById("draw").ariaBusy !== "true"`);
  assert.equal(await sight(), before, "the last stroke is taken back, the others stay");
}

// One of each digit as it is asked for, by keyboard; then one too many, taken back.
async function collects(page) {
  await page.press("2");
  await page.until(`document.querySelectorAll("#progress button").length === 10`);
  await page.press("Escape");
  const asked = [];
  const saveNext = async (hand) => {
    const digit = await page.evaluate(`document.querySelector("#task b").innerText`);
    const before = await page.text("tally");
    await page.draw(strokes(digit, hand));
    await page.press("Enter");
    await page.until(`document.getElementById("tally").innerText.trim() !== ${JSON.stringify(before)}`);
    asked.push(digit);
  };
  for (const hand of [0, 1, 2]) for (const _ of digits) await saveNext(hand);
  assert.deepEqual([...asked].sort(), digits.flatMap((digit) => [0, 1, 2].map(() => String(digit))), "each digit in its turn");
  assert.match(await page.text("tally"), /^30 of 600 collected/);
  await saveNext(0);
  await page.press("z");
  await page.until(`document.getElementById("tally").innerText.startsWith("30 of 600")`);
  assert.equal(await page.evaluate(`document.querySelector("#task b").innerText`), asked.at(-1), "it is asked for again");
  await page.press("z");
}

async function watches(page) {
  await page.press("3");
  await page.until(`document.querySelectorAll("#accuracy polyline, #cost polyline").length === 4`);
  assert.match(await page.text("run"), /^Run .*: epoch \d+ of \d+, ended$/);
}

// Tabs by arrow keys, and the focus where one can see it.
async function goesByKeys(page) {
  await page.evaluate(`document.getElementById("tab-draw").click(); document.getElementById("tab-draw").focus()`);
  await page.press("ArrowRight");
  assert.equal(await page.evaluate("document.activeElement.id"), "tab-collect");
  assert.equal(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), "solid");
  await page.press("ArrowLeft");
  assert.equal(await page.evaluate(`document.getElementById("tab-draw").ariaSelected`), "true");
}

try {
  for (const look of LOOKS) {
    const page = await open(look);
    if (look === LOOKS[0]) {
      await recognises(page);
      await tells(page);
      await picture(page, look, "draw");
      await collects(page);
      await goesByKeys(page);
      await watches(page);
    } else {
      await page.draw(strokes(5, 0), { finger: look.touch });
      assert.equal(await page.text("answer"), "5", look.name);
      await picture(page, look, "draw");
      await page.click("tab-collect");
      await page.until(`document.querySelectorAll("#progress button").length === 10`);
      await picture(page, look, "collect");
      await page.click("tab-training");
      await page.until(`document.querySelectorAll("#cost svg").length === 1`);
    }
    await picture(page, look, "training");
  }
  assert.deepEqual(complaints, [], "the page has nothing to complain about");
} finally {
  await chromium.close();
}
