export { type Child, type ChildOptions, startChild } from "./child.ts";
export { type EnvoyResources, type JsonRecord, toStaticBootstrap } from "./envoy-bootstrap.ts";
export { type EnvoyInput, validateWithEnvoy } from "./envoy-validate.ts";
export { describeGolden, type GoldenOptions, readDocuments, toYaml, updateMode } from "./golden.ts";
export { freePort, freePorts } from "./net.ts";
export { orders, seededRandom, shuffled } from "./order.ts";
export { describeWithPeer, peer } from "./peers.ts";
export { runReadmeExample } from "./readme.ts";
export { checkout, sharedFolder } from "./shared.ts";
