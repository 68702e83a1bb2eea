// Collecting: one class after the other is asked for, each drawing saved, the last one taken back if it went wrong.

import * as server from "./server.js";
import { Mind, element } from "./mind.js";
import { onPaper, pixels } from "./pad.js";

const SHOWN = 7;
const byId = (id) => document.getElementById(id);

export class Collector {
  asked = 0;
  #model;
  #side;
  #pad;
  #counts = [];
  #wanted = 0;
  #saved = []; // of this visit: { index, number, strokes, taken }

  constructor(model, side, pad) {
    this.#model = model;
    this.#side = side;
    this.#pad = pad;
  }

  async open() {
    const { folder, wanted, counts } = await server.collection();
    this.#counts = counts;
    this.#wanted = wanted;
    byId("command").textContent = `gemmnist eval ${quoted(this.#model.file)} --data ${quoted(folder)}`;
    const tiles = this.#model.classes.map((name, index) => {
      const tile = element("button", { type: "button" }, element("b", { textContent: name }), element("small"), element("i"));
      tile.addEventListener("click", () => this.ask(index));
      return tile;
    });
    byId("progress").replaceChildren(...tiles);
    this.next();
  }

  ask(index) {
    this.asked = index;
    this.#show();
  }

  // The class with the fewest drawings, the next one of equals.
  next() {
    const classes = this.#counts.map((_, i) => (this.asked + 1 + i) % this.#counts.length);
    this.ask(classes.reduce((best, i) => (this.#counts[i] < this.#counts[best] ? i : best)));
  }

  get canTakeBack() { return this.#saved.length > 0; }

  async save() {
    if (this.#pad.empty) return;
    const [index, strokes] = [this.asked, this.#pad.strokes];
    const drawing = pixels(strokes, this.#side);
    const impression = await server.predict(drawing);
    if (impression.blank) throw new server.Refused("There is too little on the paper to be a drawing.");
    const { number } = await server.save(index, drawing);
    this.#saved.push({ index, number, strokes, taken: Mind.best(impression) });
    this.#counts[index] += 1;
    this.#pad.clear();
    this.next();
  }

  // The last drawing that was saved goes back to the paper.
  async takeBack() {
    const last = this.#saved.at(-1);
    if (!last) return;
    await server.takeBack(last.index, last.number);
    this.#saved.pop();
    this.#counts[last.index] -= 1;
    this.#pad.set(last.strokes);
    this.ask(last.index);
  }

  #show() {
    const name = this.#model.classes[this.asked];
    byId("task").replaceChildren("Draw", element("b", { textContent: name }));
    [...byId("progress").children].forEach((tile, i) => {
      const count = this.#counts[i];
      tile.setAttribute("aria-pressed", i === this.asked);
      tile.setAttribute("aria-label", `${this.#model.classes[i]}: ${count} of ${this.#wanted}`);
      tile.classList.toggle("done", count >= this.#wanted);
      tile.children[1].textContent = `${count}/${this.#wanted}`;
      tile.children[2].style.transform = `scaleX(${Math.min(1, count / this.#wanted)})`;
    });
    const right = this.#saved.filter(({ index, taken }) => index === taken).length;
    const all = this.#counts.reduce((sum, count) => sum + count, 0);
    const recognised = this.#saved.length ? `; of the ${this.#saved.length} just drawn, ${right} recognised` : "";
    byId("tally").textContent = `${all} of ${this.#wanted * this.#counts.length} collected${recognised}.`;
    byId("saved").replaceChildren(...this.#saved.slice(-SHOWN).reverse().map((saved) => this.#thumbnail(saved)));
  }

  #thumbnail({ index, strokes, taken }) {
    const right = index === taken;
    const text = right ? "✓" : `for ${this.#model.classes[taken]}`;
    const canvas = onPaper(strokes, 88);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", this.#model.classes[index]);
    return element("li", { className: right ? "right" : "wrong" }, canvas, element("span", { textContent: text }));
  }
}

// As a shell takes it.
const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
