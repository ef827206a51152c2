/** What one step cost. */
export interface Step {
  readonly name: string;
  /** Until the last proxy had it, milliseconds. */
  readonly ms: number;
  /** Bytes of all responses. */
  readonly sentMb: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  /** Longest hold of the server's event loop. */
  readonly heldMs: number;
}
