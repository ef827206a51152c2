import { nodeHttp } from "@weft/base";
import type { HeaderMap } from "../../runtime/headers.ts";

/** `name: value` lines, each with its line end. */
export function serializeHeaders(headers: HeaderMap): string {
  const { list, originalCase } = headers;
  let text = "";
  if (originalCase !== undefined) {
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string; // names stand at even places
      text += `${originalCase.get(name) ?? name}: ${list[i + 1]}\r\n`;
    }
    return text;
  }
  for (let i = 0; i < list.length; i += 2) text += `${list[i]}: ${list[i + 1]}\r\n`;
  return text;
}

const statusLines = new Map<number, string>(
  Object.entries(nodeHttp().STATUS_CODES).map(([code, phrase]) => [
    Number(code),
    `HTTP/1.1 ${code} ${phrase}\r\n`,
  ]),
);

/** `HTTP/1.1 200 OK` with its line end. */
export function statusLine(status: number): string {
  return statusLines.get(status) ?? `HTTP/1.1 ${status} Unknown\r\n`;
}

/** The line before a chunk of `size` bytes. */
export function chunkSizeLine(size: number): string {
  return `${size.toString(16)}\r\n`;
}
