// Drives a headless Chromium over a pipe, in the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/):
// messages are JSON, a zero byte between them. Needs nothing but Node.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Chromium {
  #process;
  #profile = mkdtempSync(join(tmpdir(), "gemmnist-chromium-"));
  #waiting = new Map();
  #sent = 0;
  #rest = "";

  constructor(program) {
    const options = ["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
    if (process.getuid?.() === 0) options.push("--no-sandbox"); // Chromium refuses root otherwise; it sees our page only
    this.#process = spawn(program, [...options, `--user-data-dir=${this.#profile}`, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    const ended = () => this.#waiting.forEach(({ reject }) => reject(new Error("Chromium has ended")));
    this.#process.on("error", ended).on("exit", ended);
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => this.#receive(text));
  }

  #receive(text) {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop();
    for (const { id, result, error, method, params } of messages.map((message) => JSON.parse(message))) {
      if (method) this.onEvent?.(method, params);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#sent;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async page(url, { width = 1280, height = 900, dark = false, touch = false } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId));
    await page.send("Page.enable");
    await page.send("Runtime.enable");
    await page.send("Log.enable");
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: touch });
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: touch });
    await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await page.send("Page.navigate", { url });
    return page;
  }

  async close() {
    const gone = new Promise((done) => this.#process.on("exit", done));
    this.send("Browser.close").catch(() => {});
    await gone;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

export class Page {
  constructor(send) {
    this.send = send;
  }

  // The value of an expression, awaited if it is a promise.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // Waits until an expression is true. Gives up after a time that only a page that hangs takes.
  async until(expression) {
    const end = Date.now() + 60_000;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`still not so: ${expression}\n${await this.evaluate("document.body.innerText")}`);
      await sleep(10);
    }
  }

  text(id) {
    return this.evaluate(`document.getElementById(${JSON.stringify(id)}).innerText.trim()`);
  }

  async press(key, code = key) {
    const text = key.length === 1 ? key : undefined;
    const keyCode = { Enter: 13, Escape: 27, ArrowRight: 39, ArrowLeft: 37, Tab: 9 }[key] ?? key.toUpperCase().charCodeAt(0);
    await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", key, code, text, windowsVirtualKeyCode: keyCode });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code, windowsVirtualKeyCode: keyCode });
  }

  async click(id) {
    const [x, y] = await this.evaluate(`(() => {
      const element = document.getElementById(${JSON.stringify(id)});
      element.scrollIntoView({ block: "center" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) await this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
  }

  // Draws strokes of points in [0, 1], with the mouse or a finger, and waits until the page has made up its mind.
  async draw(strokes, { finger = false } = {}) {
    const { left, top, width, height } = await this.evaluate(`(() => {
      const pad = document.getElementById("pad");
      pad.scrollIntoView({ block: "center" });
      const { left, top, width, height } = pad.getBoundingClientRect();
      return { left, top, width, height };
    })()`);
    for (const stroke of strokes) {
      const points = stroke.map(([x, y]) => ({ x: left + x * width, y: top + y * height }));
      if (finger) {
        const touch = (type, touchPoints) => this.send("Input.dispatchTouchEvent", { type, touchPoints });
        await touch("touchStart", [points[0]]);
        for (const point of points.slice(1)) await touch("touchMove", [point]);
        await touch("touchEnd", []);
      } else {
        const mouse = (type, point) => this.send("Input.dispatchMouseEvent", { type, ...point, button: "left", buttons: 1, clickCount: 1, pointerType: "mouse" });
        await mouse("mousePressed", points[0]);
        for (const point of points.slice(1)) await mouse("mouseMoved", point);
        await mouse("mouseReleased", points.at(-1));
      }
    }
    await this.until(`document.getElementById("draw").ariaBusy !== "true"`);
  }

  async screenshot() {
    const { contentSize } = await this.send("Page.getLayoutMetrics").then(({ cssContentSize }) => ({ contentSize: cssContentSize }));
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip: { x: 0, y: 0, width: contentSize.width, height: contentSize.height, scale: 1 } });
    return Buffer.from(data, "base64");
  }
}
