import { inspectHttp } from "./http-inspect.ts";

describe("inspectHttp()", () => {
  it.each([
    ["GET / HTTP/1.1\r\nhost: a\r\n", "http/1.1"],
    ["POST /x?y=z HTTP/1.0\r\n", "http/1.0"],
    ["GET http://a/ HTTP/1.1\n", "http/1.1"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n....", "h2c"],
    ["PRI * HT", "need-more"],
    ["PRIX / HTTP/1.1\r\n", "http/1.1"],
    ["", "need-more"],
    ["GE", "need-more"],
    ["GET /ver", "need-more"],
    ["GET /\r\n", "not-http"],
    ["\x00\x01", "not-http"],
    ["SSH-2.0-OpenSSH_9\r\n", "not-http"],
    ["GET / HTTP/3.0\r\n", "not-http"],
    [`GET /${"x".repeat(9000)}`, "not-http"],
  ])("%j", (text, expected) => {
    expect(inspectHttp(Buffer.from(text, "latin1"))).toBe(expected);
  });
});
