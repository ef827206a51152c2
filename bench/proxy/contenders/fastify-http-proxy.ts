#!/usr/bin/env node
/** @fastify/http-proxy as its documentation has it: undici to the upstream. */
import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const server = fastify();
server.register(httpProxy, { upstream: `http://127.0.0.1:${upstreamPort}` });
await server.listen({ port: Number(port), host: "127.0.0.1" });
