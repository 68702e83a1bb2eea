// What the network makes of the drawing: its answer, what it sees, how its units respond.

import * as server from "./server.js";

const STRONGEST = 8;
const byId = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Mind {
  #model;
  #bars;
  #pictures = new Map(); // weights by unit

  constructor(model) {
    this.#model = model;
    this.#bars = model.classes.map((name) => {
      const row = element("li", {}, element("span", { textContent: name }), element("span", { className: "track" }), element("span", { className: "share" }));
      row.children[1].append(element("div", { className: "fill" }));
      return row;
    });
    byId("bars").replaceChildren(...this.#bars);
    if (!model.hidden) {
      byId("units-title").textContent = "How its units respond";
      byId("layers-key").textContent = "A square a class: this network has no hidden layer.";
    }
    if (![28, 28].every((side, i) => side === [model.height, model.width][i])) {
      byId("prepared").textContent = `Your drawing, scaled to ${model.width} x ${model.height} and centred.`;
    }
    this.forget();
  }

  // Nothing is drawn.
  forget() {
    this.#answer("?", "nothing is drawn yet", "none");
    byId("spoken").textContent = "";
    this.#bars.forEach((row) => this.#bar(row, 0, "", false));
    picture(byId("seen"), this.#model.width, this.#model.height, () => [0, 0, 0]);
    byId("layers").replaceChildren();
    byId("layers-key").hidden = true;
    this.#listStrongest([]);
  }

  // The class it takes the drawing for.
  static best({ probabilities }) {
    return probabilities.indexOf(Math.max(...probabilities));
  }

  async show(impression, finished) {
    const { image, probabilities, layers } = impression;
    const best = Mind.best(impression);
    const name = this.#model.classes[best];
    const share = percent(probabilities[best]);
    this.#answer(name, certainty(probabilities[best], share), "");
    this.#bars.forEach((row, i) => this.#bar(row, probabilities[i], percent(probabilities[i]), i === best));
    if (finished) byId("spoken").textContent = `${name}, ${share}`;
    picture(byId("seen"), this.#model.width, this.#model.height, (i) => [image[i], image[i], image[i]]);
    showLayers(layers, this.#model);
    byId("layers-key").hidden = false;
    await this.#showStrongest(layers[0], best);
  }

  #answer(text, sure, state) {
    const answer = byId("answer");
    answer.textContent = text;
    answer.className = state || (text.length > 2 ? "words" : "");
    byId("sure").textContent = sure;
  }

  #bar(row, share, text, best) {
    row.classList.toggle("best", best);
    row.querySelector(".fill").style.transform = `scaleX(${share})`;
    row.querySelector(".share").textContent = text;
  }

  async #showStrongest(values, best) {
    const order = values.map((value, unit) => [Math.abs(value), unit]).sort((a, b) => b[0] - a[0]);
    const units = order.slice(0, STRONGEST).filter(([size]) => size > 0).map(([, unit]) => unit);
    await this.#fetch(units);
    const { width, height, classes, favourites, hidden } = this.#model;
    const colours = signColours();
    const items = units.map((unit) => {
      const weights = this.#pictures.get(unit);
      const canvas = element("canvas", { role: "img", ariaLabel: `Weights of unit ${unit + 1}` });
      picture(canvas, width, height, (i) => colours(weights[i] / 127));
      const speaks = !hidden ? classes[unit] : favourites ? `speaks for ${classes[favourites[unit]]}` : "";
      const text = element("b", { textContent: values[unit].toFixed(2) });
      const item = element("li", {}, canvas, text, element("span", { textContent: speaks || `unit ${unit + 1}` }));
      item.classList.toggle("agrees", favourites?.[unit] === best);
      return item;
    });
    this.#listStrongest(items);
  }

  // Without any, nothing is said of them.
  #listStrongest(items) {
    byId("strongest").replaceChildren(...items);
    byId("strongest-part").hidden = items.length === 0;
  }

  async #fetch(units) {
    const missing = units.filter((unit) => !this.#pictures.has(unit));
    if (missing.length === 0) return;
    const weights = await server.weights(missing);
    const size = weights.length / missing.length;
    missing.forEach((unit, i) => this.#pictures.set(unit, weights.subarray(i * size, (i + 1) * size)));
  }
}

function certainty(share, text) {
  const word = share > 0.99 ? "no doubt" : share > 0.8 ? "fairly sure" : share > 0.5 ? "not quite sure" : "a guess";
  return `${text}: ${word}`;
}

// A strip a layer; the middle colour is 0, and the brightest the layer's largest.
function showLayers(layers, model) {
  const strips = byId("layers");
  const from = colour("--cell"), to = colour("--for"), below = colour("--against");
  const rows = layers.map((values, i) => {
    const columns = Math.min(values.length, 32);
    const lines = Math.ceil(values.length / columns);
    const largest = Math.max(...values.map(Math.abs)) || 1;
    const row = strips.children[i] ?? element("div", {}, element("p", { className: "quiet" }), element("canvas", { role: "img" }));
    const [label, canvas] = row.children;
    const responding = values.filter((value) => value > 0).length;
    label.textContent = model.hidden ? `layer ${i + 1}: ${responding} of ${values.length} units respond` : "";
    canvas.ariaLabel = label.textContent;
    picture(canvas, columns, lines, (unit) => {
      const value = (values[unit] ?? 0) / largest;
      return mix(from, value < 0 ? below : to, Math.sqrt(Math.abs(value)));
    }, 8);
    return row;
  });
  if (rows.some((row, i) => strips.children[i] !== row)) strips.replaceChildren(...rows);
}

// Draws width x height cells, each of `cell` pixels with a gap if that is more than one; `at` gives red, green, blue of cell i.
function picture(canvas, width, height, at, cell = 1) {
  const gap = cell > 1 ? 1 : 0;
  if (canvas.width !== width * cell || canvas.height !== height * cell) {
    canvas.width = width * cell;
    canvas.height = height * cell;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width * cell, height * cell);
  for (let y = 0; y < height * cell; y++) {
    for (let x = 0; x < width * cell; x++) {
      if (gap && (x % cell === cell - 1 || y % cell === cell - 1)) continue;
      const [r, g, b] = at(Math.floor(y / cell) * width + Math.floor(x / cell));
      image.data.set([r, g, b, 255], 4 * (y * width * cell + x));
    }
  }
  context.putImageData(image, 0, 0);
}

function colour(name) {
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const long = value.length === 4 ? [...value.slice(1)].map((digit) => digit + digit).join("") : value.slice(1);
  return [0, 2, 4].map((i) => parseInt(long.slice(i, i + 2), 16));
}

const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

function signColours() {
  const zero = colour("--paper"), above = colour("--for"), below = colour("--against");
  return (value) => mix(zero, value < 0 ? below : above, Math.abs(value));
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  if (properties.role) made.setAttribute("role", properties.role);
  made.append(...children);
  return made;
}
