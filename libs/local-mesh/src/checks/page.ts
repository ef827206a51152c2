import { createHttpClient } from "../http-client.ts";
import type { Check } from "./check.ts";

const parts = ["The Comedy of Errors", "Book details", "Book reviews", "Reviews served by"];

/** The whole page comes through the gateway, and with it an answer of every service. */
export const pageThroughIngress: Check = {
  name: "the page through the ingress",
  run: async ({ url }) => {
    const client = createHttpClient(1);
    try {
      const { status, body } = await client.get(`${url}/productpage`);
      const missing = parts.filter((part) => !body.includes(part));
      return {
        expected: "200, with details and reviews",
        seen: `${status}${missing.length === 0 ? ", with details and reviews" : `, without "${missing.join('", "')}"`}`,
        ok: status === 200 && missing.length === 0,
      };
    } finally {
      client.close();
    }
  },
};
