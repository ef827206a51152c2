import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { LocalMeshError } from "../errors.ts";
import { listYamlFiles, readManifests } from "../manifests.ts";

/** The file that says where requests to reviews go: the one that has its VirtualService now, else `reviews.yaml`. */
export function reviewsFile(folder: string): string {
  for (const file of listYamlFiles(folder)) {
    const objects = readManifests(file);
    if (!objects.some(({ object }) => object.kind === "VirtualService" && object.metadata.name === "reviews"))
      continue;
    if (objects.length === 1) return file;
    throw new LocalMeshError(
      "shared-file",
      `${file} holds more than VirtualService reviews, which the checks replace: give it a file of its own`,
    );
  }
  return join(folder, "reviews.yaml");
}

/** Requests to one or more versions; weights add up to 100. */
export type Split = Readonly<Record<string, number>>;

/** A VirtualService for reviews: `jason` for the requests with `end-user: jason`, `others` for all else. */
export function reviewsYaml(routes: { readonly jason?: Split; readonly others: Split }): string {
  const route = (split: Split) =>
    Object.entries(split).map(([subset, weight]) => ({ destination: { host: "reviews", subset }, weight }));
  return stringify({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "reviews", namespace: "default" },
    spec: {
      hosts: ["reviews"],
      http: [
        ...(routes.jason === undefined
          ? []
          : [{ match: [{ headers: { "end-user": { exact: "jason" } } }], route: route(routes.jason) }]),
        { route: route(routes.others) },
      ],
    },
  });
}

/** Replaces where requests to reviews go. */
export function writeReviews(folder: string, routes: Parameters<typeof reviewsYaml>[0]): void {
  writeFileSync(reviewsFile(folder), reviewsYaml(routes));
}
