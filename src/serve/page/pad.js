// The drawing area. A drawing is a list of strokes, a stroke a list of points [x, y, pressure], all in [0, 1]: it is
// drawn once for the eye, in the colours of the page, and once for the network, black on white.

const PEN = 0.066; // of the side: a digit that fills two thirds of it then has MNIST's thickness

export class Pad {
  strokes = [];
  #canvas;
  #context;
  #pointer = null;
  #changed;

  // `changed` is called whenever the strokes do; its argument tells whether a stroke is still being drawn.
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get empty() { return this.strokes.length === 0; }

  set(strokes) {
    this.#pointer = null;
    this.strokes = strokes;
    this.draw();
    this.#changed(false);
  }

  clear() { this.set([]); }

  undo() { this.set(this.strokes.slice(0, -1)); }

  #down(event) {
    if (this.#pointer !== null || event.button !== 0) return; // one finger draws; a second one, or a palm, does not
    event.preventDefault();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.#place(event)]);
    this.draw();
    this.#changed(true);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    // All the places since the last event; browsers tell them on secure origins only, which a network address is not.
    const events = event.getCoalescedEvents?.() ?? [];
    const stroke = this.strokes.at(-1);
    for (const each of events.length ? events : [event]) stroke.push(this.#place(each));
    this.draw();
    this.#changed(true);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#changed(false);
  }

  #place(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    return [(event.clientX - left) / width, (event.clientY - top) / height, pressure];
  }

  draw() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (side === 0) return;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const style = getComputedStyle(this.#canvas);
    this.#context.clearRect(0, 0, side, side);
    const box = [side * 0.15, side * 0.7];
    this.#context.strokeStyle = style.getPropertyValue("--grid");
    this.#context.lineWidth = devicePixelRatio;
    this.#context.strokeRect(box[0], box[0], box[1], box[1]);
    inkStrokes(this.#context, this.strokes, side, style.color);
  }
}

// `strokes` as the network gets them: side x side bytes, 0 black ink to 255 white paper.
export function pixels(strokes, side) {
  const data = onPaper(strokes, side).getContext("2d").getImageData(0, 0, side, side).data;
  return Uint8Array.from({ length: side * side }, (_, i) => data[4 * i]);
}

export function onPaper(strokes, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  inkStrokes(context, strokes, side, "#000");
  return canvas;
}

// Through the middles between points, with the points as controls: a hand moves in curves.
function inkStrokes(context, strokes, side, color) {
  context.strokeStyle = context.fillStyle = color;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    const middle = (i) => [(points[i][0] + points[i + 1][0]) / 2, (points[i][1] + points[i + 1][1]) / 2];
    let from = points[0];
    for (let i = 1; i < points.length; i++) {
      const to = i + 1 < points.length ? middle(i) : points[i];
      context.lineWidth = PEN * side * points[i][2];
      context.beginPath();
      context.moveTo(from[0] * side, from[1] * side);
      context.quadraticCurveTo(points[i][0] * side, points[i][1] * side, to[0] * side, to[1] * side);
      context.stroke();
      from = to;
    }
    if (points.length === 1) {
      context.beginPath();
      context.arc(from[0] * side, from[1] * side, (PEN * side * from[2]) / 2, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
