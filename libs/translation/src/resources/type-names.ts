import { typeUrls } from "@weft/envoy-api";

/** What people call the resources of a type. */
export const shortTypeNames: Readonly<Record<string, string>> = {
  [typeUrls.cluster]: "cluster",
  [typeUrls.endpoint]: "load assignment",
  [typeUrls.listener]: "listener",
  [typeUrls.route]: "route table",
  [typeUrls.virtualHost]: "virtual host",
  [typeUrls.extensionConfig]: "extension config",
};
