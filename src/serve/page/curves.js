// The curves of a training, growing as its run folder does.

import * as server from "./server.js";
import { element } from "./mind.js";

const [WIDTH, HEIGHT] = [480, 260];
const EDGE = { left: 46, right: 14, top: 10, bottom: 28 };
const byId = (id) => document.getElementById(id);
const KINDS = [
  { kind: "training", name: "training images", loss: "train_loss", accuracy: "train_accuracy" },
  { kind: "validation", name: "validation images", loss: "validation_loss", accuracy: "validation_accuracy" },
  { kind: "test", name: "test images", loss: "test_loss", accuracy: "test_accuracy" },
];

export class Curves {
  #epochs = [];
  #last = "";

  // Asks for news; returns whether the training goes on.
  async refresh() {
    const news = await server.run(this.#epochs.at(-1)?.epoch ?? 0);
    this.#epochs.push(...news.epochs);
    const shown = JSON.stringify([this.#epochs.length, news.ended, news.message]);
    if (shown !== this.#last) this.#show(news);
    this.#last = shown;
    return !news.ended;
  }

  #show({ name, settings, ended, message }) {
    if (message) {
      byId("run").textContent = "Waiting for the first epoch.";
      byId("settings").textContent = message;
      return;
    }
    const last = this.#epochs.at(-1);
    const planned = settings.epochs;
    byId("run").textContent = `Run ${name}: epoch ${last.epoch} of ${planned}, ${ended ? "ended" : "in training"}`;
    const { data, hidden, activation, optimizer, lr, batch, seed } = settings;
    byId("settings").textContent = [data, `hidden ${hidden}`, activation, optimizer, `learning rate ${lr}`, `batch ${batch}`, `seed ${seed}`]
      .filter((part) => !/undefined/.test(`${part}`)).join(" · ");
    const share = (value) => (value === null ? "–" : `${(100 * value).toFixed(2)} %`);
    const figures = [
      ["test accuracy", share(last.test_accuracy)],
      ...(last.validation_accuracy === null ? [] : [["validation accuracy", share(last.validation_accuracy)]]),
      ["training loss", last.train_loss.toPrecision(3)],
      ["images a second", Math.round(last.samples_per_second).toLocaleString("en")],
      ["training time", `${this.#epochs.reduce((sum, epoch) => sum + epoch.train_seconds, 0).toFixed(1)} s`],
    ];
    byId("figures").replaceChildren(...figures.map(([label, value]) =>
      element("div", {}, element("b", { textContent: value }), element("span", { className: "quiet", textContent: label }))));
    const kinds = KINDS.filter(({ loss }) => this.#epochs.some((epoch) => epoch[loss] !== null));
    const end = ended ? last.epoch : Math.max(planned, last.epoch);
    this.#draw("accuracy", kinds, end, (epoch, { accuracy }) => epoch[accuracy] === null ? null : 100 * epoch[accuracy]);
    this.#draw("cost", kinds, end, (epoch, { loss }) => epoch[loss]);
    byId("legend").replaceChildren(...kinds.map(({ kind, name }) => {
      const line = svg("svg", { width: 34, height: 12, "aria-hidden": true }, svg("line", { class: kind, x1: 0, x2: 34, y1: 6, y2: 6, "stroke-width": 2 }));
      return element("li", {}, line, name);
    }));
  }

  #draw(id, kinds, end, value) {
    const points = kinds.map((kind) => this.#epochs.map((epoch) => [epoch.epoch, value(epoch, kind)]).filter(([, y]) => Number.isFinite(y)));
    const all = points.flat().map(([, y]) => y);
    const ticks = niceTicks(Math.min(...all), Math.max(...all));
    const [low, high] = [ticks[0], ticks.at(-1)];
    const x = (epoch) => EDGE.left + ((WIDTH - EDGE.left - EDGE.right) * (epoch - 1)) / Math.max(1, end - 1);
    const y = (v) => HEIGHT - EDGE.bottom - ((HEIGHT - EDGE.top - EDGE.bottom) * (v - low)) / (high - low);
    const grid = ticks.flatMap((tick) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(Number(tick.toPrecision(6)))),
    ]);
    const epochs = [...new Set([1, Math.ceil(end / 2), end])];
    const labels = epochs.map((epoch) => svg("text", { x: x(epoch), y: HEIGHT - 6, "text-anchor": epoch === end && end > 1 ? "end" : "middle" }, epoch === end ? `epoch ${epoch}` : String(epoch)));
    const curves = points.flatMap((line, i) => {
      const path = line.map(([epoch, v]) => `${x(epoch).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
      const [epoch, v] = line.at(-1) ?? [1, low];
      return [
        svg("polyline", { class: `curve ${kinds[i].kind}`, points: path }),
        svg("circle", { class: `point ${kinds[i].kind}`, cx: x(epoch), cy: y(v), r: 3.5 }),
      ];
    });
    const last = points.map((line, i) => `${kinds[i].name} ${line.at(-1)?.[1].toPrecision(4)}`).join(", ");
    byId(id).replaceChildren(svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${id} by epoch: ${last}` }, ...grid, ...labels, ...curves));
  }
}

// Round numbers around [low, high], about five of them.
function niceTicks(low, high) {
  const rough = (high - low || Math.abs(high) || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
  const first = Math.floor(low / step), last = Math.max(Math.ceil(high / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
