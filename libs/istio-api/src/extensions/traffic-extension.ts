import { policyTargetReference, policyTargetReferences, workloadSelector } from "../schema/scalars.ts";
import {
  anything,
  type Infer,
  inCrd,
  integer,
  list,
  message,
  nonEmptyString,
  oneOfWords,
  pattern,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";

const schemes = ["", "http", "https", "oci", "file"];
const schemeList = JSON.stringify(schemes);

const moduleUrl = (): Schema<string> =>
  inCrd(
    string((value) => {
      if (value === "") return "must not be empty";
      const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(value)?.[1] ?? "";
      return schemes.includes(scheme.toLowerCase())
        ? undefined
        : `"${value}" has scheme ${scheme}; allowed are http, https, oci and file`;
    }),
    {
      keywords: { minLength: 1 },
      validations: [
        {
          rule: `isURL(self) ? url(self).getScheme() in ${schemeList} : (isURL("http://" + self) && url("http://" + self).getScheme() in ${schemeList})`,
          message: "url must have schema one of [http, https, file, oci]",
        },
      ],
    },
  );

const trafficSelector = message({
  mode: oneOfWords("UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"),
  ports: list(message({ number: required(integer(1, 65535)) }), { unique: ["number"] }),
});

const envVar = inCrd(
  message(
    {
      name: required(nonEmptyString(256)),
      valueFrom: oneOfWords("INLINE", "HOST"),
      value: string(),
    },
    {
      check: ({ valueFrom, value }) =>
        valueFrom === "HOST" && value !== undefined ? "value must not be set with valueFrom HOST" : undefined,
    },
  ),
  {
    validations: [
      {
        rule: '!has(self.valueFrom) || self.valueFrom != "HOST" || !has(self.value)',
        message: "value may only be set when valueFrom is INLINE",
      },
    ],
  },
);

const wasmFields = {
  url: required(moduleUrl()),
  sha256: pattern(/^$|^[a-f0-9]{64}$/, "a SHA-256; allowed are 64 lower case hexadecimal digits"),
  imagePullPolicy: oneOfWords("UNSPECIFIED_POLICY", "IfNotPresent", "Always"),
  imagePullSecret: nonEmptyString(253),
  verificationKey: string(),
  pluginConfig: anything(),
  pluginName: nonEmptyString(256),
  failStrategy: oneOfWords("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"),
  vmConfig: message({ env: list(envVar, { max: 256, unique: ["name"] }) }),
  type: oneOfWords("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"),
};

/** https://istio.io/latest/docs/reference/config/proxy_extensions/wasm-plugin/ */
export const wasmPluginSpec = message(
  {
    selector: workloadSelector,
    targetRef: policyTargetReference,
    targetRefs: policyTargetReferences,
    ...wasmFields,
    phase: oneOfWords("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
    priority: integer(),
    match: list(trafficSelector),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);

/** TrafficExtension: a filter of WebAssembly or Lua, in one place with one order. */
export const trafficExtensionSpec = inCrd(
  message(
    {
      selector: workloadSelector,
      targetRefs: policyTargetReferences,
      phase: oneOfWords("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
      priority: integer(),
      match: list(trafficSelector),
      wasm: message(wasmFields),
      lua: message({ inlineCode: required(nonEmptyString(65536)) }),
    },
    {
      oneOf: [
        ["selector", "targetRefs"],
        ["wasm", "lua"],
      ],
      check: ({ wasm, lua }) =>
        wasm === undefined && lua === undefined ? "one of wasm and lua must be set" : undefined,
    },
  ),
  {
    validations: [
      { rule: "has(self.wasm) != has(self.lua)", message: "exactly one of wasm or lua must be set" },
    ],
  },
);

/** `spec` of a WasmPlugin. */
export type WasmPlugin = Infer<typeof wasmPluginSpec>;
/** `spec` of a TrafficExtension. */
export type TrafficExtension = Infer<typeof trafficExtensionSpec>;
/** Which traffic an extension sees: that of clients, of servers, of these ports. */
export type TrafficSelector = Infer<typeof trafficSelector>;
