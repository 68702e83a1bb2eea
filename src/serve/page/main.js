// The page: modes, keys, and the loop from a stroke to an answer.

import * as server from "./server.js";
import { Collector } from "./collect.js";
import { Curves } from "./curves.js";
import { Mind } from "./mind.js";
import { Pad, pixels } from "./pad.js";

const MODES = ["draw", "collect", "training"];
const POLL = 700; // milliseconds between looks at a training, or for a network that is not there yet
const byId = (id) => document.getElementById(id);
const tab = (mode) => byId(`tab-${mode}`);

let mode = "draw";
let side, mind, collector;
const curves = new Curves();
const pad = new Pad(byId("pad"), onDrawing);

// What goes wrong is said at the top, until something goes right.
async function attempt(work) {
  try {
    const result = await work();
    byId("trouble").hidden = true;
    return result;
  } catch (error) {
    byId("trouble").textContent = error instanceof server.Refused ? error.message : `Something is wrong with this page: ${error}`;
    byId("trouble").hidden = false;
  }
}

// One question at a time: the strokes that came meanwhile are asked about next.
let asking = false, stale = false, drawing = false;
async function onDrawing(goesOn) {
  drawing = goesOn;
  stale = true;
  showTools();
  if (asking || !mind) return;
  asking = true;
  byId("draw").ariaBusy = true;
  while (stale) {
    stale = false;
    await answer();
  }
  asking = false;
  byId("draw").ariaBusy = false;
}

async function answer() {
  const impression = pad.empty ? null : await attempt(() => server.predict(pixels(pad.strokes, side)));
  if (!impression || impression.blank || pad.empty) mind.forget();
  else await attempt(() => mind.show(impression, !drawing && !stale));
}

function showTools() {
  const collecting = mode === "collect";
  byId("invitation").hidden = !pad.empty;
  byId("clear").disabled = pad.empty;
  byId("undo").disabled = pad.empty && !(collecting && collector?.canTakeBack);
  byId("save").disabled = pad.empty;
  for (const id of ["task", "skip", "save", "collection"]) byId(id).hidden = !collecting;
}

let busy = false;
async function exclusively(work) {
  if (busy) return;
  busy = true;
  await attempt(work);
  busy = false;
  showTools();
}

const actions = {
  undo: () => exclusively(async () => (pad.empty ? mode === "collect" && collector?.takeBack() : pad.undo())),
  clear: () => pad.clear(),
  save: () => exclusively(() => collector?.save()),
  skip: () => collector?.next(),
};

function open(next) {
  if (document.activeElement === tab(mode)) tab(next).focus();
  mode = next;
  for (const each of MODES) {
    tab(each).setAttribute("aria-selected", each === mode);
    tab(each).tabIndex = each === mode ? 0 : -1;
  }
  const training = mode === "training";
  byId("draw").hidden = training;
  byId("training").hidden = !training;
  byId("draw").setAttribute("aria-labelledby", `tab-${training ? "draw" : mode}`);
  byId("invitation").textContent = mode === "collect" ? "Draw it here" : "Draw a digit here";
  if (mode === "collect" && collector) exclusively(() => collector.open());
  if (training) watch();
  showTools();
}

let watching = false;
async function watch() {
  if (watching || tab("training").disabled) return;
  watching = true;
  while (mode === "training") {
    const goesOn = await attempt(() => curves.refresh());
    if (goesOn === false) break;
    await new Promise((done) => setTimeout(done, POLL));
  }
  watching = false;
}

function onKey(event) {
  if (event.altKey || event.metaKey || (event.ctrlKey && event.key !== "z")) return;
  const onButton = document.activeElement?.matches?.("button:not([role=tab])");
  const { key } = event;
  if (document.activeElement?.role === "tab" && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) {
    const usable = MODES.filter((each) => !tab(each).disabled);
    const at = usable.indexOf(mode);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: usable.length - 1 }[key];
    open(usable.at(to % usable.length));
  } else if (/^[123]$/.test(key) && !tab(MODES[key - 1]).disabled) {
    open(MODES[key - 1]);
  } else if (key === "z" || key === "Z") {
    actions.undo();
  } else if (key === "Escape" || key === "Delete" || key === "Backspace") {
    actions.clear();
  } else if (mode === "collect" && key === "Enter" && !onButton) {
    actions.save();
  } else if (mode === "collect" && (key === "s" || key === "S")) {
    actions.skip();
  } else {
    return;
  }
  event.preventDefault();
}

// Until the network is there; its training may still go on.
async function meet() {
  for (;;) {
    const found = await attempt(server.network);
    if (found) {
      side = found.side;
      tab("training").disabled = !found.run;
      if (!found.run) tab("training").title = "No run to watch: name one with --watch";
    }
    if (found?.model) return introduce(found.model);
    if (found) {
      byId("network").textContent = `${found.file} is not there yet: its training goes on`;
      if (mode === "draw" && pad.empty && found.run) open("training");
    }
    await new Promise((done) => setTimeout(done, POLL));
  }
}

function introduce(model) {
  const { network, data, test_accuracy: accuracy, file } = model;
  const tested = accuracy === null ? "" : ` · ${(100 * accuracy).toFixed(2)} % of ${data ?? "its"} test images`;
  byId("network").textContent = `${network}${tested} · ${file}`;
  mind = new Mind(model);
  collector = new Collector(model, side, pad);
  if (mode === "collect") open("collect");
  onDrawing(false);
}

for (const each of MODES) tab(each).addEventListener("click", () => open(each));
for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
document.addEventListener("keydown", onKey);
showTools();
meet();
