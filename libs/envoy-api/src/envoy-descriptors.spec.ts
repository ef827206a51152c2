import { readFileSync } from "node:fs";
import { getExtension, hasExtension, toJson } from "@bufbuild/protobuf";
import type { DescriptorProto, FieldOptions, OneofOptions } from "@bufbuild/protobuf/wkt";
import { FieldRulesSchema, required, rules } from "@weft/envoy-api/validate/validate_pb.js";
import { describeWithPeer } from "@weft/testkit";
import { envoyRegistry, envoyTypeNames } from "./index.ts";
import { embeddedDescriptors } from "./testing/embedded-descriptors.ts";

/** Names that changed; nothing here uses them. */
const renamed = ["envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig.isp_db_path"];

describeWithPeer("envoy", "the descriptors inside of Envoy", (envoy) => {
  const theirs = new Map<string, DescriptorProto>();

  beforeAll(() => {
    const program = readFileSync(envoy);
    const add = (parent: string, message: DescriptorProto) => {
      const name = `${parent}.${message.name}`;
      theirs.set(name, message);
      for (const nested of message.nestedType) add(name, nested);
    };
    for (const prefix of ["envoy/", "xds/", "udpa/"]) {
      for (const file of embeddedDescriptors(program, prefix)) {
        for (const message of file.messageType) add(file.package, message);
      }
    }
  }, 30_000);

  it("have the names and constraints that ours have", () => {
    const differences: string[] = [];
    const compare = (where: string, ours: string, envoys: string) => {
      if (ours !== envoys && !renamed.includes(where))
        differences.push(`${where}: ours ${ours}, Envoy's ${envoys}`);
    };
    let compared = 0;
    for (const name of envoyTypeNames) {
      const message = theirs.get(name);
      // Extensions that this build of Envoy lacks.
      if (message === undefined) continue;
      for (const field of envoyRegistry.getMessage(name)?.fields ?? []) {
        const envoys = message.field.find(({ number }) => number === field.number);
        if (envoys === undefined) continue;
        compared++;
        compare(`${name}.${field.name}`, field.name, envoys.name);
        compare(`${name}.${field.name}`, rulesOf(field.proto.options), rulesOf(envoys.options));
      }
      for (const oneof of envoyRegistry.getMessage(name)?.oneofs ?? []) {
        const envoys = message.oneofDecl.find((candidate) => candidate.name === oneof.name);
        compare(`${name}.${oneof.name}`, isNeeded(oneof.proto.options), isNeeded(envoys?.options));
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(3000);
  }, 30_000);
});

function rulesOf(options: FieldOptions | undefined): string {
  if (options === undefined || !hasExtension(options, rules)) return "none";
  return JSON.stringify(toJson(FieldRulesSchema, getExtension(options, rules)));
}

function isNeeded(options: OneofOptions | undefined): string {
  return options !== undefined && getExtension(options, required) ? "required" : "optional";
}
