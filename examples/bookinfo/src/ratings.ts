import { HttpError, type Routes, runService } from "./server.ts";

const initialRatings = { Reviewer1: 5, Reviewer2: 4 };
/** Ratings are kept for at most this many products. */
const maxProducts = 1000;

/** The ratings service: stars by reviewer. */
export function createRatings(): Routes {
  const byProduct = new Map<string, Record<string, number>>();
  return {
    "GET /ratings/:id": ({ params }) => {
      const id = productId(params.id);
      return { body: { id: Number(id), ratings: byProduct.get(id) ?? initialRatings } };
    },
    "POST /ratings/:id": async ({ params, body }) => {
      const id = productId(params.id);
      const ratings = parseRatings(await body());
      if (!byProduct.has(id) && byProduct.size >= maxProducts) throw new HttpError(507, "too many products");
      byProduct.set(id, ratings);
      return { body: { id: Number(id), ratings } };
    },
    "GET /health": () => ({ body: { status: "Ratings is healthy" } }),
  };
}

function productId(text: string | undefined): string {
  if (text === undefined || !/^\d{1,9}$/.test(text))
    throw new HttpError(400, "please provide numeric product ID");
  return text;
}

function parseRatings(text: string): Record<string, number> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, "please provide valid ratings JSON");
  }
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (
    entries.length === 0 ||
    !entries.every(([, stars]) => Number.isInteger(stars) && stars >= 1 && stars <= 5)
  ) {
    throw new HttpError(
      400,
      'ratings must be an object such as {"Reviewer1": 5}, with whole stars from 1 to 5',
    );
  }
  return Object.fromEntries(entries);
}

if (import.meta.main) await runService("ratings", createRatings(), process.env);
