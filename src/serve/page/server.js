// What the server is asked. Every path is relative: on a network, the address of the page holds the token.

export class Refused extends Error {}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store" });
  } catch {
    throw new Refused("The server does not answer. Is gemmnist serve still running?");
  }
  if (!response.ok) throw new Refused((await response.text()).trim());
  return response;
}

const json = async (path) => (await ask(path)).json();
const post = async (path, body = new Uint8Array()) =>
  (await ask(path, { method: "POST", body, headers: { "content-type": "application/octet-stream" } })).json();

export const network = () => json("network");
export const predict = (drawing) => post("predict", drawing);
export const collection = () => json("collection");
export const save = (index, drawing) => post(`save?class=${index}`, drawing);
export const takeBack = (index, number) => post(`take-back?class=${index}&number=${number}`);
export const run = (after) => json(`run?after=${after}`);
export const weights = async (units) => new Int8Array(await (await ask(`weights?units=${units}`)).arrayBuffer());
