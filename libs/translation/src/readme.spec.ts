import { createStore, parseNode, viewFor } from "@weft/mesh-model";
import { resourcesToJson, translate } from "./index.ts";

// The example of README.md.
it("translates for an empty mesh", () => {
  const node = parseNode({ id: "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local" }).value;
  if (node === undefined) throw new Error("no node");
  const { value, problems } = translate(viewFor(createStore().snapshot(), node));
  expect(Object.keys(resourcesToJson(value).listeners)).toEqual(["virtualInbound", "virtualOutbound"]);
  expect(problems).toEqual([]);
});
