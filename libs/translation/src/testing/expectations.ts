import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type ResourceSet, typeUrls, unpackAny, validateMessage } from "@weft/envoy-api";
import { type EnvoyResources, validateWithEnvoy } from "@weft/testkit";
import type { ResourcesJson } from "../resources/to-json.ts";

/** What the constraints declared in Envoy's API say of every resource: nothing where all hold. */
export function violationsOf(resources: ResourceSet): readonly string[] {
  // The table of names is for the agent, not for Envoy.
  const ofEnvoy = Object.values(typeUrls).filter((typeUrl) => typeUrl !== typeUrls.nameTable);
  return ofEnvoy.flatMap((typeUrl) =>
    [...resources.ofType(typeUrl).values()].flatMap(({ name, any }) => {
      const unpacked = unpackAny(fromBinary(AnySchema, any));
      if (unpacked === undefined) return [`${name}: unknown type ${typeUrl}`];
      return validateMessage(unpacked.schema, unpacked.message).map(
        ({ path, message }) => `${name}: ${path}: ${message}`,
      );
    }),
  );
}

/** What real Envoy says of the resources. */
export async function envoyViolations(resources: ResourcesJson): Promise<readonly string[]> {
  // The output of a test is a socket, which Envoy cannot open by that name.
  const text = JSON.stringify(resources).replaceAll("/dev/stdout", "/dev/null");
  return validateWithEnvoy({ resources: JSON.parse(text) as EnvoyResources }); // resources are JSON objects
}
