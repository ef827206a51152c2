export { type LoadFilesOptions, loadFiles } from "./files/load-files.ts";
export { type ParsedFile, parseFile } from "./files/parse-file.ts";
export { defaultFileLimits, type FileLimits } from "./files/scan.ts";
export { type WatchFilesOptions, watchFiles } from "./files/watch-files.ts";
export { type WatchKubernetesOptions, watchKubernetes } from "./kubernetes/watch-kubernetes.ts";
export type { CheckObject, ConfigSource, EventSink } from "./source.ts";
