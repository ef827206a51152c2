import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import type { WorkloadSecrets } from "@weft/identity";
import type { XdsClientOptions } from "@weft/xds";

/** How the agent finds out that pilot is pilot, and proves who it is itself: the channel with TLS. */
export interface PilotChannelConfig {
  /** File of the roots that pilot is verified against, PEM; undefined for the machine's. */
  readonly rootFile: string | undefined;
  /** Whether the roots that came with the workload's certificate count, once there is one: they change with the mesh's, and the file may not. */
  readonly followCa: boolean;
  /** Name that pilot's certificate must have; the address's host unless told. */
  readonly serverName?: string;
  /** File of the token that is shown while there is no certificate; read anew each time. Without one there is none. */
  readonly tokenFile?: string;
}

const maxTokenBytes = 64 * 1024;

/**
 * How each stream to pilot is opened: with the workload's certificate where there is one, else with its token. All is read anew, so that
 * the stream after a renewal, or a change of the root, has what is new. What cannot be read is a stream that could not be opened.
 */
export function createPilotChannel(
  config: PilotChannelConfig,
  secrets: () => WorkloadSecrets | undefined,
): Pick<XdsClientOptions, "serverName"> &
  Required<Pick<XdsClientOptions, "metadata">> & {
    readonly credentials: () => grpc.ChannelCredentials;
  } {
  const { rootFile, followCa, serverName, tokenFile } = config;
  return {
    ...(serverName === undefined ? {} : { serverName }),
    metadata: () => {
      const metadata = new grpc.Metadata();
      if (secrets() === undefined && tokenFile !== undefined) {
        metadata.set("authorization", `Bearer ${readToken(tokenFile)}`);
      }
      return metadata;
    },
    credentials: () => {
      const own = secrets();
      const roots =
        followCa && own !== undefined
          ? Buffer.from(own.roots)
          : rootFile === undefined
            ? null
            : read(rootFile, "pilot's roots");
      if (own === undefined) return grpc.credentials.createSsl(roots);
      const key = Buffer.from(own.privateKey.expose());
      return grpc.credentials.createSsl(roots, key, Buffer.from(own.certificateChain));
    },
  };
}

function readToken(file: string): string {
  const token = read(file, "the token for pilot").toString("utf8").trim();
  // What it says is for pilot; what cannot be a header must not get there.
  if (/^[\x21-\x7e]+$/.test(token) && token.length <= maxTokenBytes) return token;
  throw new Error(`the token for pilot in ${file} is empty, too long, or no token`);
}

function read(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`${what} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
