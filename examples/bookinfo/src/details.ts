import { HttpError, type Routes, runService } from "./server.ts";

/** The details service: facts about a book. */
export function createDetails(): Routes {
  return {
    "GET /details/:id": ({ params }) => {
      if (!/^\d{1,9}$/.test(params.id ?? "")) throw new HttpError(400, "please provide numeric product id");
      return {
        body: {
          id: Number(params.id),
          author: "William Shakespeare",
          year: 1595,
          type: "paperback",
          pages: 200,
          publisher: "PublisherA",
          language: "English",
          "ISBN-10": "1234567890",
          "ISBN-13": "123-1234567890",
        },
      };
    },
    "GET /health": () => ({ body: { status: "Details is healthy" } }),
  };
}

if (import.meta.main) await runService("details", createDetails(), process.env);
