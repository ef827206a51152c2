import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { ConfigChangedSchema } from "@weft/mesh-rpc";
import { silentLogger } from "@weft/observability";
import {
  buildCertificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";
import { describeWithPeer } from "@weft/testkit";
import { createNatsBus } from "./nats.ts";
import type { NatsConnectionConfig } from "./nats-connection.ts";

/** A root in NAME.pem, and a certificate of it for 127.0.0.1 in NAME-leaf.pem and NAME-key.pem. */
async function writeCertificates(folder: string, name: string): Promise<void> {
  const root = await generateKeyPair();
  const leaf = await generateKeyPair();
  const times = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const subject = { commonName: name };
  const rootTemplate = { ...times, serialNumber: randomSerial(), subject, publicKey: root.publicKey };
  const certificate = parseCertificateDer(
    buildCertificate({ ...rootTemplate, use: { kind: "ca" } }, { kind: "self", key: root.privateKey }),
  );
  const names = { dns: ["localhost"], ips: ["127.0.0.1"] };
  const { notBefore, notAfter } = certificate;
  const leafTemplate = {
    notBefore,
    notAfter,
    serialNumber: randomSerial(),
    names,
    publicKey: leaf.publicKey,
  };
  const der = buildCertificate(
    { ...leafTemplate, use: { kind: "leaf" } },
    createSigner(certificate, root.privateKey),
  );
  writeFileSync(join(folder, `${name}.pem`), formatCertificate(certificate));
  writeFileSync(join(folder, `${name}-leaf.pem`), formatCertificate({ der }));
  writeFileSync(join(folder, `${name}-key.pem`), exportPrivateKey(leaf.privateKey).expose());
}

describeWithPeer("nats-server", "createNatsBus() with TLS and credentials", (natsServer) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-nats-"));
  const file = (name: string) => join(folder, name);
  const servers: ChildProcess[] = [];
  let secure: string;
  let verifying: string;
  let plain: string;

  const serve = async (name: string, config: string): Promise<string> => {
    writeFileSync(file(name), `listen: "127.0.0.1:-1"\n${config}`);
    const server = spawn(natsServer, ["-c", file(name)], { stdio: ["ignore", "ignore", "pipe"] });
    servers.push(server);
    let address = "";
    // Piped, as said above.
    for await (const line of createInterface({ input: server.stderr as NodeJS.ReadableStream })) {
      address = /client connections on (\S+)/.exec(line)?.[1] ?? address;
      if (line.includes("Server is ready")) return address;
    }
    throw new Error("nats-server has ended");
  };
  const attempt = (config: NatsConnectionConfig) =>
    createNatsBus({ ...config, name: "test", logger: silentLogger, timeoutMs: 1_000 }).then(
      async (bus) => {
        await bus.close();
        return "connected";
      },
      (error: Error) => error.message,
    );

  beforeAll(async () => {
    for (const name of ["mesh", "other"]) await writeCertificates(folder, name);
    const tls = `cert_file: "${file("mesh-leaf.pem")}", key_file: "${file("mesh-key.pem")}"`;
    const users = `authorization { users: [{ user: weft, password: secret }] }`;
    secure = `tls://${await serve("secure.conf", `tls { ${tls} }\n${users}`)}`;
    const verify = `tls { ${tls}, ca_file: "${file("mesh.pem")}", verify: true }`;
    verifying = `tls://${await serve("verifying.conf", verify)}`;
    plain = await serve("plain.conf", users);
    writeFileSync(file("password"), "secret\n");
  });
  afterAll(async () => {
    for (const server of servers) {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill();
      await ended;
    }
    rmSync(folder, { recursive: true });
  });

  const weft = { kind: "password", user: "weft", password: "secret" } as const;

  it("carries events over TLS, for a user", async () => {
    const caFile = file("mesh.pem");
    const credentials = { kind: "password", user: "weft", passwordFile: file("password") } as const;
    const bus = await createNatsBus({ url: secure, caFile, credentials, name: "test", logger: silentLogger });
    const payload = create(ConfigChangedSchema, { version: "1" });
    const come = new Promise((resolve) => bus.subscribe("weft.>", resolve));
    bus.publish({ subject: "weft.config.v1.changed", payload });
    expect(await come).toEqual({ subject: "weft.config.v1.changed", payload });
    await bus.close();
  });

  it("shows a certificate to a server that verifies clients", async () => {
    const caFile = file("mesh.pem");
    const of = (name: string) => ({ certFile: file(`${name}-leaf.pem`), keyFile: file(`${name}-key.pem`) });
    expect(await attempt({ url: verifying, caFile, certificate: of("mesh") })).toBe("connected");
    expect(await attempt({ url: verifying, caFile, certificate: of("other") })).toMatch(
      /^cannot connect to NATS/,
    );
    expect(await attempt({ url: verifying, caFile })).toMatch(/^cannot connect to NATS/);
  });

  it("says in one line that the authority is the wrong one, and shows no password to such a server", async () => {
    const message = await attempt({ url: secure, caFile: file("other.pem"), credentials: weft });
    expect(message).toContain(`its certificate is not good by ${file("other.pem")} (NATS_CA_FILE)`);
    expect(message).not.toMatch(/\n|secret/);
    expect(await attempt({ url: secure, credentials: weft })).toContain(
      "not good by the machine's authorities",
    );
  });

  it("says in one line that the password is wrong, or missing", async () => {
    const caFile = file("mesh.pem");
    const wrong = await attempt({ url: secure, caFile, credentials: { ...weft, password: "wrong" } });
    expect(wrong).toBe(
      `cannot connect to NATS at ${secure}: it refuses the user or password (NATS_CREDS, NATS_NKEY, NATS_USER)`,
    );
    expect(await attempt({ url: secure, caFile })).toContain("it asks for credentials");
  });

  it("does not do without TLS where it is asked for", async () => {
    const message = await attempt({ url: `tls://${plain}`, caFile: file("mesh.pem"), credentials: weft });
    expect(message).toMatch(/^cannot connect to NATS at tls:\/\/127.*tls/i);
    expect(await attempt({ url: `tls://${plain}`, credentials: weft })).toMatch(/^cannot connect to NATS/);
  });

  it("says which file cannot be read", async () => {
    const nkey = { kind: "nkey", file: file("none") } as const;
    expect(await attempt({ url: secure, caFile: file("mesh.pem"), credentials: nkey })).toContain(
      file("none"),
    );
  });
});
