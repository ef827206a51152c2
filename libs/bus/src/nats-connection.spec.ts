import { readNatsConnection } from "./nats-connection.ts";

const NATS_URL = "tls://nats.weft:4222";

describe("readNatsConnection()", () => {
  it("is nothing without a URL; a flag counts more than the environment", () => {
    expect(readNatsConnection(undefined, {})).toBeUndefined();
    expect(readNatsConnection("nats://other:4222", { NATS_URL })).toEqual({ url: "nats://other:4222" });
  });

  it.each([
    [{}, {}],
    [{ NATS_CA_FILE: "/ca.pem" }, { caFile: "/ca.pem" }],
    [
      { NATS_CERT_FILE: "/cert.pem", NATS_KEY_FILE: "/key.pem" },
      { certificate: { certFile: "/cert.pem", keyFile: "/key.pem" } },
    ],
    [{ NATS_CREDS: "/user.creds" }, { credentials: { kind: "creds", file: "/user.creds" } }],
    [{ NATS_NKEY: "/seed" }, { credentials: { kind: "nkey", file: "/seed" } }],
    [
      { NATS_USER: "weft", NATS_PASSWORD: "secret" },
      { credentials: { kind: "password", user: "weft", password: "secret" } },
    ],
    [
      { NATS_USER: "weft", NATS_PASSWORD_FILE: "/password" },
      { credentials: { kind: "password", user: "weft", passwordFile: "/password" } },
    ],
  ])("reads %j", (env, expected) => {
    expect(readNatsConnection(undefined, { NATS_URL, ...env })).toEqual({ url: NATS_URL, ...expected });
  });

  it.each([
    [{ NATS_URL: "nats:4222:x" }, "is no URL such as"],
    [{ NATS_URL: "http://nats:4222" }, "is no URL such as"],
    [{ NATS_URL: "nats://weft:secret@nats:4222" }, "credentials in it end up in logs"],
    [{ NATS_CERT_FILE: "/cert.pem" }, "NATS_CERT_FILE and NATS_KEY_FILE go together"],
    [{ NATS_USER: "weft" }, "NATS_USER goes with one of"],
    [{ NATS_PASSWORD: "secret" }, "NATS_USER goes with one of"],
    [{ NATS_CREDS: "/a", NATS_NKEY: "/b" }, "one at a time"],
    [
      { NATS_URL: "nats://nats.weft:4222", NATS_USER: "weft", NATS_PASSWORD: "secret" },
      "nats://nats.weft:4222 would get the password in plain text",
    ],
  ])("refuses %j, and shows no password", (env, message) => {
    const read = () => readNatsConnection(undefined, { NATS_URL, ...env });
    expect(read).toThrow(message);
    expect(read).not.toThrow("secret");
  });

  it("lets a password go to this machine", () => {
    const env = { NATS_URL: "nats://127.0.0.1:4222", NATS_USER: "weft", NATS_PASSWORD: "secret" };
    expect(readNatsConnection(undefined, env)).toMatchObject({ url: env.NATS_URL });
  });
});
