export type { DataPlane } from "./agent-process.ts";
export { LocalMeshError } from "./errors.ts";
export { type LocalMesh, type LocalMeshOptions, startLocalMesh } from "./local-mesh.ts";
export { findMeshState, type MeshState, stateFolder } from "./state-file.ts";
export { runUp, type UpOptions } from "./up.ts";
