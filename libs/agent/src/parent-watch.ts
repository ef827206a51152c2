import type { Clock } from "@weft/base";

/** The part of `process` that {@link watchParent} uses. */
export interface ParentView {
  readonly ppid: number;
  /** Whether there is an IPC channel to the parent. */
  readonly connected?: boolean;
  once(event: "disconnect", listener: () => void): unknown;
}

/**
 * Calls `onGone` once when the parent process is gone: at once where there is an IPC channel (it closes with the parent), else within a
 * second (an orphan gets another parent). The returned function ends the watch.
 */
export function watchParent(process: ParentView, clock: Clock, onGone: () => void): () => void {
  let done = false;
  let cancel = () => {};
  const gone = () => {
    if (done) return;
    done = true;
    cancel();
    onGone();
  };
  if (process.connected === true) process.once("disconnect", gone);
  const parent = process.ppid;
  const look = () => {
    if (process.ppid !== parent) gone();
    else cancel = clock.after(1000, look);
  };
  cancel = clock.after(1000, look);
  return () => {
    done = true;
    cancel();
  };
}
