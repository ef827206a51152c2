import { hostname } from "node:os";
import { getJson, pickForwarded, serviceUrl } from "./client.ts";
import { HttpError, type Routes, runService } from "./server.ts";

/** What makes one version of the reviews service differ from another. */
export interface ReviewsOptions {
  /** Stars of each reviewer are asked of the ratings service; v1 does without. */
  readonly ratings?: { readonly url: string; readonly starColor: string; readonly timeoutMs: number };
  readonly podName: string;
  readonly clusterName: string;
}

const texts: readonly (readonly [reviewer: string, text: string])[] = [
  [
    "Reviewer1",
    "Two pairs of twins, one town, and nobody who counts to four. I laughed from the first mistaken dinner to the last.",
  ],
  ["Reviewer2", "A light piece beside the great plays, and the fastest evening Shakespeare has to offer."],
];

/** The reviews service: what readers say of a book, with stars where {@link ReviewsOptions.ratings} is set. */
export function createReviews(options: ReviewsOptions): Routes {
  return {
    "GET /reviews/:id": async ({ params, headers }) => {
      if (!/^\d{1,9}$/.test(params.id ?? "")) throw new HttpError(400, "please provide numeric product ID");
      const rate = await loadRatings(options, params.id ?? "", pickForwarded(headers));
      const reviews = texts.map(([reviewer, text]) => ({ reviewer, text, ...rate(reviewer) }));
      return { body: { id: params.id, podname: options.podName, clustername: options.clusterName, reviews } };
    },
    "GET /health": () => ({ body: { status: "Reviews is healthy" } }),
  };
}

type Rate = (reviewer: string) => { rating?: { stars: number; color: string } | { error: string } };

async function loadRatings(
  options: ReviewsOptions,
  id: string,
  headers: Record<string, string>,
): Promise<Rate> {
  const { ratings } = options;
  if (ratings === undefined) return () => ({});
  const answer = await getJson(`${ratings.url}/ratings/${id}`, headers, ratings.timeoutMs);
  const stars = (answer.body as { ratings?: Record<string, number> } | undefined)?.ratings;
  if (answer.status !== 200 || stars === undefined) {
    return () => ({ rating: { error: "Ratings service is currently unavailable" } });
  }
  return (reviewer) => ({ rating: { stars: stars[reviewer] ?? -1, color: ratings.starColor } });
}

/** Options from ENABLE_RATINGS, STAR_COLOR, RATINGS_HOSTNAME and the like. */
export function readReviewsOptions(env: NodeJS.ProcessEnv): ReviewsOptions {
  const starColor = env.STAR_COLOR ?? "black";
  return {
    podName: env.HOSTNAME ?? hostname(),
    clusterName: env.CLUSTER_NAME ?? "null",
    ...(env.ENABLE_RATINGS === "true" && {
      // v2 is patient and v3 is not: fault-injection demos build on that difference.
      ratings: {
        url: serviceUrl("ratings", env),
        starColor,
        timeoutMs: starColor === "black" ? 10_000 : 2_500,
      },
    }),
  };
}

if (import.meta.main)
  await runService("reviews", createReviews(readReviewsOptions(process.env)), process.env);
