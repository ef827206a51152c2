// The clients of main.ts: PORT STREAMS MODE. They connect when told to, and subscribe to what Envoy does.
import { typeUrls } from "@weft/envoy-api";
import { accept, createXdsClient, type XdsMode } from "@weft/xds";

const [port, streams, mode] = process.argv.slice(2);

process.on("message", () => {
  for (let i = 0; i < Number(streams); i++) {
    const client = createXdsClient({
      address: `127.0.0.1:${port}`,
      node: { id: `client-${i}` },
      mode: mode as XdsMode,
    });
    const endpoints = client.subscribe(typeUrls.endpoint, { names: [], onUpdate: () => accept });
    client.subscribe(typeUrls.cluster, {
      names: "*",
      onUpdate: ({ changed }) => {
        if (changed.size > 0) endpoints.setNames(changed.keys());
        return accept;
      },
    });
    client.subscribe(typeUrls.listener, { names: "*", onUpdate: () => accept });
    const routes = Array.from({ length: 20 }, (_, route) => `r${route}`);
    client.subscribe(typeUrls.route, { names: routes, onUpdate: () => accept });
  }
});
process.send?.("ready");
