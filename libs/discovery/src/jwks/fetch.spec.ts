import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, BlockList, type LookupFunction } from "node:net";
import { testCertificate } from "@weft/testkit";
import { type FetchOptions, fetchDocument, maxDocumentBytes } from "./fetch.ts";

/** Every name is this machine. */
const lookup: LookupFunction = (_hostname, options, callback) =>
  options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);

const options: FetchOptions = { timeoutMs: 5000, lookup };

describe("fetchDocument()", () => {
  const servers: Server[] = [];
  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port; // listens on TCP
  };
  const serve = async (answer: RequestListener) =>
    `http://127.0.0.1:${await listen(createHttpServer(answer))}`;
  const serveTls = async (answer: RequestListener) => {
    const { certificate: cert, key } = testCertificate;
    return listen(createHttpsServer({ cert, key }, answer));
  };
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  it("reads what answers 200", async () => {
    const url = await serve((_, response) => response.end("keys"));
    expect(await fetchDocument(`${url}/keys`, options)).toBe("keys");
  });

  it.each([404, 500, 204])("takes no answer of status %i", async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    await expect(fetchDocument(url, options)).rejects.toThrow(`${url}/: answered ${status}`);
  });

  it("does not wait for ever", async () => {
    const url = await serve((_, response) => {
      response.write("{");
    });
    await expect(fetchDocument(url, { ...options, timeoutMs: 50 })).rejects.toThrow(
      `${url}: no answer within 50 ms`,
    );
  });

  it("reads no more than it is for", async () => {
    const url = await serve((_, response) => response.end("x".repeat(maxDocumentBytes + 1)));
    await expect(fetchDocument(url, options)).rejects.toThrow(`is larger than ${maxDocumentBytes} bytes`);
  });

  it("takes no answer that was cut off", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    await expect(fetchDocument(url, options)).rejects.toThrow(url);
  });

  it("follows redirects, a few", async () => {
    const url = await serve(({ url: path }, response) => {
      if (path === "/keys") response.end("keys");
      else if (path === "/once") response.writeHead(302, { location: "/keys" }).end();
      else response.writeHead(302, { location: "/always" }).end();
    });
    expect(await fetchDocument(`${url}/once`, options)).toBe("keys");
    await expect(fetchDocument(`${url}/always`, options)).rejects.toThrow("more than 3 redirects");
  });

  it("is not led from https to http", async () => {
    const plain = await serve((_, response) => response.end("keys"));
    const port = await serveTls((_, response) => response.writeHead(302, { location: plain }).end());
    const trusting = { ...options, authorities: [testCertificate.certificate] };
    await expect(fetchDocument(`https://test.example.com:${port}/`, trusting)).rejects.toThrow(
      "redirects from https to http",
    );
  });

  it("trusts known authorities alone, for the names they have certified", async () => {
    const port = await serveTls((_, response) => response.end("keys"));
    const url = `https://test.example.com:${port}/`;
    const trusting = { ...options, authorities: [testCertificate.certificate] };
    expect(await fetchDocument(url, trusting)).toBe("keys");
    await expect(fetchDocument(url, options)).rejects.toThrow("self-signed");
    await expect(fetchDocument(`https://other.example.com:${port}/`, trusting)).rejects.toThrow("altnames");
  });

  it.each(["file:///etc/passwd", "ftp://example.com/", "not a url"])("does not open %s", async (url) => {
    await expect(fetchDocument(url, options)).rejects.toThrow("is no URL with scheme http or https");
  });

  it("connects to no blocked address, by number or by name, at once or after a redirect", async () => {
    const blocked = new BlockList();
    blocked.addSubnet("127.0.0.0", 8);
    const url = await serve((_, response) => response.end("secret"));
    const named = url.replace("127.0.0.1", "internal.example.com");
    await expect(fetchDocument(url, { ...options, blocked })).rejects.toThrow("127.0.0.1 is blocked");
    await expect(fetchDocument(named, { ...options, blocked })).rejects.toThrow("which is blocked");
    const onlyOne = new BlockList();
    onlyOne.addAddress("127.0.0.2");
    const leading = await serve((_, response) =>
      response.writeHead(302, { location: "http://127.0.0.2/" }).end(),
    );
    await expect(fetchDocument(leading, { ...options, blocked: onlyOne })).rejects.toThrow(
      "127.0.0.2 is blocked",
    );
  });

  it("ends when it is told to", async () => {
    const abort = new AbortController();
    const url = await serve(() => abort.abort());
    await expect(fetchDocument(url, { ...options, signal: abort.signal })).rejects.toThrow(url);
  });
});
