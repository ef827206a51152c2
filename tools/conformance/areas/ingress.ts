import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFile } from "@weft/config-sources";
import { convertIngresses } from "@weft/gateway-api";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { type Area, failed, passed } from "../area.ts";
import { firstDifference } from "../first-difference.ts";
import { readGolden, toDocument } from "../golden-documents.ts";

interface IngressCases {
  readonly domainSuffix: string;
  readonly meshConfig: Pick<MeshConfig, "ingressControllerMode">;
  readonly cases: readonly { readonly id: string; readonly in: string; readonly want: string }[];
}

/** `ingress`: an Ingress becomes a Gateway and VirtualServices. */
export const ingress: Area = {
  name: "ingress",
  folder: "ingress",
  *run(folder) {
    const read = (file: string) => readFileSync(join(folder, file), "utf8");
    const { cases, domainSuffix, meshConfig }: IngressCases = JSON.parse(read("cases.json"));
    for (const one of cases) {
      const { objects } = convertIngresses({
        ingresses: parseFile(one.in, read(one.in)).objects.filter(({ kind }) => kind === "Ingress"),
        classes: [],
        service: () => undefined,
        settings: { ...defaultMeshConfig, ...meshConfig, domainSuffix },
      });
      const got = readGolden(JSON.stringify(objects.map(toDocument)), () => true);
      const difference = firstDifference(
        readGolden(read(one.want), () => true),
        got,
      );
      yield { id: one.id, outcome: difference === undefined ? passed : failed(difference) };
    }
  },
};
