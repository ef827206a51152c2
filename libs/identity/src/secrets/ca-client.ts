import { readFile } from "node:fs/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  IstioCertificateRequestSchema,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
  IstioCertificateService,
} from "@weft/mesh-rpc";
import { Secret } from "@weft/pki";

/** Where the CA is and how to prove who one is; read anew for each call, as both files change. */
export interface CaClientOptions {
  /** `host:port`; the host a DNS name, unless `serverName` is given. */
  readonly address: string;
  /** File of the roots that the CA's own certificate is verified against, PEM; undefined for the machine's. */
  readonly rootFile: string | undefined;
  /** File of the bootstrap token. */
  readonly tokenFile: string;
  /** Name that the CA's certificate must have; the address's host unless told. */
  readonly serverName?: string;
  /** Longest time for an answer; 10,000 ms unless told. */
  readonly timeoutMs?: number;
}

/** What the CA answered. */
export interface SignedChain {
  /** The certificate and its intermediates, PEM. */
  readonly chain: string;
  /** All roots, PEM. */
  readonly roots: string;
}

/** Has certificates signed. */
export type SignCsr = (csr: string, validityMs: number) => Promise<SignedChain>;

/** Why the CA gave no certificate; the message names the CA and what to look at. */
export class CaClientError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CaClientError";
  }
}

const { method, typeName } = IstioCertificateService;
const path = `/${typeName}/${method.createCertificate.name}`;
/** A chain of a few certificates and all roots. */
const maxResponseBytes = 1 << 20;
const maxTokenBytes = 64 * 1024;

/**
 * Makes the client of `istio.v1.auth.IstioCertificateService`, always over TLS: a token never travels in plain text. Each call has a connection of
 * its own, as there are few, far apart. Besides the roots of the file it trusts those that the CA gave out last: while the root changes, the
 * CA may be sooner than the file. It throws {@link CaClientError}.
 */
export function createCaClient(options: CaClientOptions): SignCsr {
  const { address, rootFile, tokenFile, serverName, timeoutMs = 10_000 } = options;
  let learned = "";
  return async (csr, validityMs) => {
    const token = await readToken(tokenFile);
    const roots = rootFile === undefined ? null : `${await readText(rootFile, "the CA's roots")}\n${learned}`;
    const client = openClient(address, roots, serverName);
    try {
      const metadata = new grpc.Metadata();
      metadata.set("authorization", `Bearer ${token.expose()}`);
      const { certChain } = await call(client, { csr, validityMs, metadata, timeoutMs });
      const last = certChain.at(-1);
      if (certChain.length < 2 || last === undefined) {
        throw new CaClientError(`the CA ${address} answered without a certificate or without its root`);
      }
      learned = last;
      return { chain: certChain.slice(0, -1).join(""), roots: last };
    } catch (error) {
      if (error instanceof CaClientError) throw error;
      throw explain(error, options);
    } finally {
      client.close();
    }
  };
}

function openClient(address: string, roots: string | null, serverName: string | undefined): grpc.Client {
  let credentials: grpc.ChannelCredentials;
  try {
    credentials = grpc.credentials.createSsl(roots === null ? null : Buffer.from(roots));
  } catch (cause) {
    throw new CaClientError(`the CA's roots cannot be used: ${messageOf(cause)}`, { cause });
  }
  return new grpc.Client(address, credentials, {
    "grpc.max_receive_message_length": maxResponseBytes,
    // One call, one connection: none is shared, and the caller has the back-off.
    "grpc.use_local_subchannel_pool": 1,
    ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
  });
}

interface Ask {
  readonly csr: string;
  readonly validityMs: number;
  readonly metadata: grpc.Metadata;
  readonly timeoutMs: number;
}

function call(client: grpc.Client, ask: Ask): Promise<IstioCertificateResponse> {
  const { csr, validityMs, metadata, timeoutMs } = ask;
  const validityDuration = BigInt(Math.max(1, Math.round(validityMs / 1000)));
  const request = create(IstioCertificateRequestSchema, { csr, validityDuration });
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      (message: typeof request) => Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
      (bytes) => fromBinary(IstioCertificateResponseSchema, bytes),
      request,
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (error !== null) reject(error);
        else if (response === undefined) reject(new Error("the answer is empty"));
        else resolve(response);
      },
    );
  });
}

/** Says of a failed call what to look at. */
function explain(cause: unknown, { address, tokenFile, rootFile }: CaClientOptions): CaClientError {
  const { code, details } = cause as Partial<grpc.ServiceError>;
  const text = details ?? messageOf(cause);
  const hint =
    code === grpc.status.UNAUTHENTICATED
      ? ` (it does not take the token in ${tokenFile})`
      : code === grpc.status.UNAVAILABLE && /certificate|self.signed|issuer/i.test(text)
        ? ` (its certificate is verified against ${rootFile ?? "the machine's roots"})`
        : "";
  const status = code === undefined ? "" : `${grpc.status[code]}: `;
  return new CaClientError(`the CA ${address} gave no certificate: ${status}${text}${hint}`, { cause });
}

async function readToken(file: string): Promise<Secret<string>> {
  const token = (await readText(file, "the bootstrap token")).trim();
  // What it says is for the CA; what cannot be a header must not get there.
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > maxTokenBytes) {
    throw new CaClientError(`the bootstrap token in ${file} is empty, too long, or no token`);
  }
  return new Secret(token);
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CaClientError(`${what} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
