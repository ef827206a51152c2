/**
 * Node's `http` module. `import … from "node:http"` reads every export of it, and one of them loads Node's fetch and
 * WebSocket: measured 16 MB and 38 ms for each process. This way they are loaded when they are used.
 */
export function nodeHttp(): typeof import("node:http") {
  return process.getBuiltinModule("node:http");
}
