import type { ResponseHead } from "../../runtime/request.ts";
import type { ServerStream } from "../codec.ts";
import { errorCode } from "./frame.ts";
import { Http2Stream } from "./stream.ts";

/** One request on a server connection, and the response to it. */
export class Http2ServerStream extends Http2Stream implements ServerStream {
  /** The request was an upgrade in HTTP/1's terms. */
  upgrading = false;
  /** Monotonic milliseconds. */
  opened = 0;
  #headWritten = false;

  writeInformational(head: ResponseHead): void {
    // 101 has no meaning here. https://www.rfc-editor.org/rfc/rfc9113#section-8.6
    if (this.#headWritten || this.dead || head.status === 101) return;
    this.#write(head.status, head, false);
  }

  writeHead(head: ResponseHead, endStream: boolean): void {
    if (this.#headWritten || this.dead) return;
    this.#headWritten = true;
    const { headers } = head;
    let { status } = head;
    if (this.upgrading && status === 101) {
      status = 200;
      headers.remove("upgrade");
    }
    this.#write(status, head, endStream);
    if (endStream) this.localEnd();
  }

  #write(status: number, { headers }: ResponseHead, endStream: boolean): void {
    this.session.writer.headers(this.id, [":status", String(status)], headers, endStream);
  }

  protected override localEnd(): void {
    super.localEnd();
    if (this.remoteEnded || this.dead) return;
    // The rest of the request is of no use any more. https://www.rfc-editor.org/rfc/rfc9113#section-8.1-10
    this.kill();
    this.session.resetStream(this, errorCode.noError);
  }

  override reset(): void {
    if (this.dead || (this.localEnded && this.remoteEnded)) return;
    this.kill();
    this.session.resetStream(this, errorCode.internalError);
  }

  /** Streams come and go; the connection stays. */
  closeAfterResponse(): void {}
}
