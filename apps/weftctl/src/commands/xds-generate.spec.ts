import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { parse } from "yaml";
import { type XdsGenerateOptions, xdsGenerate } from "./xds-generate.ts";

const mesh = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 8000 }] }
`;
const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, subsets: [{ name: v1, labels: { version: v1 } }], trafficPolicy: { outlierDetection: { outlierDetectionHttpErrorCodes: [429] } } }
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weftctl-"));
  await writeFile(join(folder, "mesh.yaml"), mesh);
  await writeFile(join(folder, "rule.yaml"), rule);
  await writeFile(join(folder, "broken.yaml"), "apiVersion: v1\nkind: [");
});
afterAll(() => rm(folder, { recursive: true }));

function sink(): Writable & { text: string } {
  return Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        (this as Writable & { text: string }).text += chunk.toString(); // assigned below
        done();
      },
    }),
    { text: "" },
  );
}

async function run(files: readonly string[], over: Partial<XdsGenerateOptions> = {}) {
  const out = sink();
  const errors = sink();
  const options: XdsGenerateOptions = {
    config: files.map((file) => join(folder, file)),
    node: "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local",
    meta: "{}",
    output: "json",
    ...over,
  };
  return { code: await xdsGenerate(options, out, errors), out: out.text, errors: errors.text };
}

describe("xdsGenerate()", () => {
  it("prints every section, by name, from all files given", async () => {
    const { code, out } = await run(["mesh.yaml", "rule.yaml"]);
    const resources = JSON.parse(out);
    expect(code).toBe(0);
    expect(Object.keys(resources)).toEqual(["clusters", "endpoints", "listeners", "routes", "secrets"]);
    expect(resources.clusters["outbound|8000|v1|web.default.svc.cluster.local"]).toMatchObject({
      type: "EDS",
    });
    expect(resources.routes["8000"].virtual_hosts[0].name).toBe("web.default.svc.cluster.local:8000");
  });

  it("prints the same as YAML", async () => {
    const [json, yaml] = await Promise.all([run(["mesh.yaml"]), run(["mesh.yaml"], { output: "yaml" })]);
    expect(parse(yaml.out)).toEqual(JSON.parse(json.out));
  });

  it("goes by the node's metadata", async () => {
    const { out } = await run(["mesh.yaml"], { meta: '{"INTERCEPTION_MODE":"NONE"}' });
    expect(Object.keys(JSON.parse(out).listeners)).toEqual(["127.0.0.1_8000"]);
  });

  it("tells problems apart from the output, and goes on", async () => {
    const { code, out, errors } = await run(["mesh.yaml", "rule.yaml", "broken.yaml"]);
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(out).clusters)).toContain("outbound|8000||web.default.svc.cluster.local");
    expect(errors).toMatch(/^error: .*broken\.yaml:2/m);
    expect(errors).toMatch(
      /^warning: DestinationRule default\/web: spec\.trafficPolicy\.outlierDetection\.outlierDetectionHttpErrorCodes: /m,
    );
  });

  it.each([
    [{ node: "nonsense" }, /is not a node id/],
    [{ meta: "{" }, /--meta: .*must be a JSON object/],
    [{ meta: "[]" }, /--meta: .*must be a JSON object/],
  ])("fails where nothing can be generated: %j", async (over, message) => {
    const { code, out, errors } = await run(["mesh.yaml"], over);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(errors).toMatch(message);
  });
});
