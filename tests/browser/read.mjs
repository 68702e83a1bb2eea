// A person who reads pages that gemmnist has written, on a desk and on a phone, light and dark: nothing is wider than the window, and on a
// desk nothing is cut off. Usage: node read.mjs CHROMIUM FILE.html...

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Chromium } from "./chromium.mjs";

const [program, ...files] = process.argv.slice(2);
const DESK = 1280;
const PHONE = 390;

const chromium = new Chromium(program);
try {
  for (const file of files) {
    for (const width of [DESK, PHONE]) {
      const page = await chromium.page(pathToFileURL(resolve(file)).href, { width, dark: width === PHONE, touch: width === PHONE });
      await page.until(`document.readyState === "complete" && document.querySelector("footer") !== null`);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(wide <= width, `${file}: ${wide} pixels wide on a screen of ${width}`);
      // What is too wide for its place scrolls there; what cannot is cut off.
      const cut = (overflow) => `[...document.querySelectorAll("main *")].filter((box) => box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && ${overflow}(getComputedStyle(box).overflowX)).map((box) => box.outerHTML.slice(0, 80))`;
      const hidden = await page.evaluate(cut(`((value) => value === "hidden" || value === "clip")`));
      const scrolls = await page.evaluate(cut(`((value) => value === "auto" || value === "scroll")`));
      const allowed = hidden.filter((box) => !box.startsWith("<dt") && !box.startsWith("<svg")); // long names of classes end in dots
      assert.deepEqual(allowed, [], `${file}, ${width}: cut off`);
      if (width === DESK) assert.deepEqual(scrolls, [], `${file}: has to be scrolled sideways on a desk`);
      const broken = await page.evaluate(`[...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length`);
      assert.equal(broken, 0, `${file}: pictures that are none`);
    }
  }
} finally {
  await chromium.close();
}
