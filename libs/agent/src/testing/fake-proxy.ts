// A proxy for tests: it takes `-c bootstrap.json`, answers as an admin API does, and notes what it is asked in the file named by
// FAKE_PROXY_LOG. Its stats say that it has its configuration where FAKE_PROXY_CONFIGURED is 1. It obeys SIGTERM.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const bootstrapFile = process.argv[process.argv.indexOf("-c") + 1] ?? "";
const { address, port_value } = JSON.parse(readFileSync(bootstrapFile, "utf8")).admin.address.socket_address;
const note = (line: string) => appendFileSync(process.env.FAKE_PROXY_LOG ?? "/dev/null", `${line}\n`);
const updates = process.env.FAKE_PROXY_CONFIGURED === "1" ? 1 : 0;

const pages: Readonly<Record<string, string>> = {
  "/stats": `cluster_manager.cds.update_success: ${updates}\nlistener_manager.lds.update_success: ${updates}\n`,
  "/stats/prometheus": "# TYPE fake_proxy gauge\nfake_proxy{} 1\n",
  "/ready": "LIVE\n",
  "/drain_listeners": "OK\n",
};
const server = createServer((request, response) => {
  note(`${request.method} ${request.url}`);
  const page = pages[new URL(request.url ?? "/", "http://proxy").pathname];
  response.statusCode = page === undefined ? 404 : 200;
  response.end(page);
});
server.listen(port_value, address, () => note(`started ${process.pid}`));
process.on("SIGTERM", () => {
  note("SIGTERM");
  process.exit(0);
});
