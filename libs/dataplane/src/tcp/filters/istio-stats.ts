import type { Clock } from "@weft/base";
import type { Recorder } from "../../istio-metrics/index.ts";
import type { ConnectionWatcher, NetworkFilterLayer } from "../../runtime/connection.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";

/** Settings of {@link createIstioStats}. */
export interface IstioStatsOptions {
  /** For connections that leave the workload. */
  readonly source: Recorder;
  /** For connections that come to it. */
  readonly destination: Recorder;
  /** Between two reports of an open connection. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** Istio's standard metrics of TCP connections: told when the upstream is connected, at intervals, and at the end. */
export function createIstioStats({
  source,
  destination,
  intervalMs,
  clock,
}: IstioStatsOptions): NetworkFilterLayer {
  return (next) => (connection) => {
    const recorder = connection.info.direction === "inbound" ? destination : source;
    const watcher = new ConnectionReports(recorder, intervalMs, clock);
    return next({ ...connection, watchers: [...(connection.watchers ?? []), watcher] });
  };
}

class ConnectionReports implements ConnectionWatcher {
  readonly #recorder: Recorder;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #opened = false;
  #sent = 0;
  #received = 0;
  #cancel: () => void = () => {};

  constructor(recorder: Recorder, intervalMs: number, clock: Clock) {
    this.#recorder = recorder;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  onConnected(info: StreamInfo): void {
    this.#report(info, 0);
    this.#cancel = this.#clock.after(this.#intervalMs, () => this.onConnected(info));
  }

  onEnd(info: StreamInfo): void {
    this.#cancel();
    this.#report(info, 1);
  }

  #report(info: StreamInfo, closed: number): void {
    this.#recorder.tcp(info, {
      opened: this.#opened ? 0 : 1,
      closed,
      // As Istio: received is what came from downstream, on either side.
      sent: info.bytesSent - this.#sent,
      received: info.bytesReceived - this.#received,
    });
    this.#opened = true;
    this.#sent = info.bytesSent;
    this.#received = info.bytesReceived;
  }
}
