import type { ConnectionInfo } from "../runtime/connection.ts";
import type { RequestHead } from "../runtime/request.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import type { AuthzDecision } from "./decision.ts";

/** What an authorizer is asked about. */
export interface AuthzSubject {
  readonly connection: ConnectionInfo;
  /** Absent for a connection. */
  readonly request?: AuthzRequest;
  readonly contextExtensions: Readonly<Record<string, string>>;
  /** Dynamic metadata and metadata of the route, as far as the authorizer is shown them. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly routeMetadata: Readonly<Record<string, unknown>>;
}

/** The request in question. */
export interface AuthzRequest {
  readonly head: RequestHead;
  readonly info: StreamInfo;
  /** The first bytes of it, where the authorizer is to see them. */
  readonly body?: AuthzBody;
}

/** What there is of a body. */
export interface AuthzBody {
  readonly bytes: Buffer;
  /** Less than the whole. */
  readonly partial: boolean;
}

/** Asks an authorizer. Calls back once, never before it returns; the function it gives cancels. */
export type Authorizer = (subject: AuthzSubject, done: (decision: AuthzDecision) => void) => () => void;
