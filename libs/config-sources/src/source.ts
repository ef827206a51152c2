import type { Problem } from "@weft/base";
import type { MeshObject, SourceEvent } from "@weft/mesh-model";

/** Takes what a source tells. Called synchronously; what belongs to one change comes in one turn of the event loop. */
export type EventSink = (event: SourceEvent) => void;

/**
 * A running source of configuration. It tells its sink every object it has, then `synced` once, then changes: an
 * `upsert` where an object is new or reads differently, a `delete` where it is gone, `problems` where those of an
 * origin have changed. What is broken is told as a problem and the last good object stays.
 */
export interface ConfigSource {
  /** What it reads, for people: `files ./mesh`. */
  readonly name: string;
  /** Settles once `synced` has been told, or the source has been closed before. */
  readonly synced: Promise<void>;
  /** Ends it; nothing is told after this has settled. May be called again. */
  close(): Promise<void>;
}

/** Says what is wrong with an object beyond its structure; an error withholds it, a warning does not. */
export type CheckObject = (object: MeshObject) => readonly Problem[];
