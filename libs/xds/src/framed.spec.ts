import * as grpc from "@grpc/grpc-js";
import { sendFramed, writeFrameHead } from "./framed.ts";

describe("sendFramed()", () => {
  it("is heard by a client, and keeps grpc-js from copying the frame", async () => {
    const frame = Buffer.concat([Buffer.alloc(5), Buffer.from("hello")]);
    writeFrameHead(frame);
    const path = "/test.Service/Stream";
    const shared = { path, requestStream: true, responseStream: true } as const;
    const bytes = (value: Buffer) => value;
    const notCalled = () => {
      throw new Error("grpc-js has another way to serialize: see framed.ts");
    };
    const server = new grpc.Server({ interceptors: [sendFramed] });
    server.addService(
      {
        Stream: {
          ...shared,
          requestDeserialize: bytes,
          requestSerialize: bytes,
          responseSerialize: notCalled,
          responseDeserialize: bytes,
        },
      },
      {
        Stream: (call: grpc.ServerDuplexStream<Buffer, unknown>) =>
          call.on("data", () => call.write({ frame })),
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    try {
      const call = client.makeBidiStreamRequest(path, bytes, bytes);
      const heard = new Promise((resolve, reject) => call.on("data", resolve).on("error", reject));
      call.write(Buffer.from("hi"));
      expect(String(await heard)).toBe("hello");
      call.on("error", () => {}); // ended by the server below
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});
