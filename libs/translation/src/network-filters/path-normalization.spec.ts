import { defaultMeshConfig } from "@weft/istio-api";
import { createStore } from "@weft/mesh-model";
import { resourcesToJson } from "../resources/to-json.ts";
import { anySidecar, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";

describe("translate() with MeshConfig's pathNormalization", () => {
  it.each([
    ["DEFAULT", { normalize: "true", merge: undefined, escaped: "KEEP_UNCHANGED" }],
    ["BASE", { normalize: "true", merge: undefined, escaped: "KEEP_UNCHANGED" }],
    ["NONE", { normalize: "false", merge: undefined, escaped: "KEEP_UNCHANGED" }],
    ["MERGE_SLASHES", { normalize: "true", merge: "true", escaped: "KEEP_UNCHANGED" }],
    ["DECODE_AND_MERGE_SLASHES", { normalize: "true", merge: "true", escaped: "UNESCAPE_AND_FORWARD" }],
  ] as const)("normalizes paths for %s", (pathNormalization, expected) => {
    const store = createStore({ meshConfig: { ...defaultMeshConfig, pathNormalization } });
    const { listeners } = resourcesToJson(translate(viewOf(store.snapshot(), anySidecar)).value);
    const text = JSON.stringify(listeners.virtualInbound);
    const field = (name: string) => new RegExp(`"${name}":"?(\\w+)"?`).exec(text)?.[1];
    expect({
      normalize: field("normalize_path"),
      merge: field("merge_slashes"),
      escaped: field("path_with_escaped_slashes_action"),
    }).toEqual(expected);
  });
});
